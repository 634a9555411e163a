/** A home router, or a provider's: a LAN with a switch behind an address outside, with the NAT kinds of the field. */
import { Attached } from './attached.ts';
import { forgetConnections } from './conntrack.ts';
import { LabError } from './error.ts';
import type { Host, Place } from './host.ts';
import { Internet } from './internet.ts';
import type { Site } from './machine.ts';
import { routerRules, type Forward, type NatKind, type PortRule } from './rules.ts';
import { FORWARDING, Switch } from './switch.ts';

export interface RouterOptions {
  readonly on: Place;
  /** `preserving` unless told. */
  readonly nat?: NatKind;
  /** `blocked`: no UDP crosses the router in either direction. */
  readonly udp?: 'allow' | 'blocked';
  /** Whether `forward`ed ports also answer from inside. Learnt mappings never do: Linux has no hairpin for them. */
  readonly hairpin?: boolean;
  /** The outside address; the next free one when left out. */
  readonly address?: string;
  /** The inside subnet; 192.168.n.0/24 when left out. Two routers may have the same, as in life. */
  readonly lan?: string;
  /** Gives the LAN public IPv6 addresses behind a closed firewall; needs IPv6 on every router up to the internet. */
  readonly ipv6?: boolean;
  /** Seconds after which a silent UDP exchange is forgotten: one-way and answered alike. The kernel's 30/120 else. */
  readonly udpTimeoutSeconds?: number;
}

export class Router extends Attached {
  readonly lan: Switch;
  readonly #up: Place;
  readonly #hairpin: boolean;
  readonly #forwards: Forward[] = [];
  #nat: NatKind;
  #udp: 'allow' | 'blocked';

  private constructor(site: Site, name: string, options: RouterOptions) {
    super(site, name, 'wan', options.on.switchFor(options.address), options.address);
    this.#up = options.on;
    this.#nat = options.nat ?? 'preserving';
    this.#udp = options.udp ?? 'allow';
    this.#hairpin = options.hairpin === true;
    const number = site.nextNumber('lan');
    if (number > 255) throw new LabError(`there is no LAN left for ${name}: name one with "lan"`);
    const open = this.#nat === 'none-closed' && this.#up instanceof Internet;
    const subnet = options.lan ?? (open ? this.#up.delegate4() : `192.168.${number}.0/24`);
    if (options.ipv6 === true && this.address6 === null) {
      throw new LabError(`${name} cannot have IPv6: ${this.#up.name} was created without it`);
    }
    this.lan = new Switch(
      this,
      'lan',
      subnet,
      options.ipv6 === true ? `2001:db8:${(0x100 + number).toString(16)}::` : null,
    );
  }

  /** Use `lab.router()`. */
  static async create(site: Site, name: string, options: RouterOptions): Promise<Router> {
    const router = new Router(site, name, options);
    const timeout = options.udpTimeoutSeconds;
    await router.build('router', {
      sysctls: {
        ...FORWARDING,
        'bridge.bridge-nf-call-iptables': 0,
        'bridge.bridge-nf-call-ip6tables': 0,
        ...(timeout === undefined
          ? {}
          : { 'netfilter.nf_conntrack_udp_timeout': timeout, 'netfilter.nf_conntrack_udp_timeout_stream': timeout }),
      },
      ip: router.lan.build(),
      nft: router.#rules(),
    });
    await router.#announce();
    return router;
  }

  get nat(): NatKind {
    return this.#nat;
  }

  /**
   * Changes the kind of NAT and forgets all connections, as a router with a new setting does.
   * @throws LabError between `none-closed` and the others: the machines inside would need other addresses.
   */
  async setNat(nat: NatKind): Promise<void> {
    if ((nat === 'none-closed') !== (this.#nat === 'none-closed')) {
      throw new LabError(
        `${this.name} cannot change from ${this.#nat} to ${nat}: create a second router and move hosts`,
      );
    }
    this.#nat = nat;
    await this.#apply();
    await this.restart();
  }

  /** Forgets all connections, as after a power cut. */
  async restart(): Promise<void> {
    await forgetConnections(this);
  }

  async setUdp(udp: 'allow' | 'blocked'): Promise<void> {
    this.#udp = udp;
    await this.#apply();
  }

  /** Opens a port outside that leads to a host of the LAN: a forwarding as people set it up by hand. */
  async forward(rule: Exclude<PortRule, 'tcp' | 'udp'>, to: Host, toPort?: number): Promise<void> {
    const [protocol, digits] = rule.split('/');
    const port = Number(digits);
    if (to.at !== this.lan) throw new LabError(`${this.name} cannot forward to ${to.name}: it is not in this LAN`);
    this.#forwards.push({ protocol: protocol === 'tcp' ? 'tcp' : 'udp', port, to: to.address, toPort: toPort ?? port });
    await this.#apply();
  }

  /** Another address outside, as after a provider's nightly cut: mappings made before are gone. */
  override async setAddress(wish?: string): Promise<void> {
    await super.setAddress(wish);
    await this.#apply();
    await this.#announce();
    await this.restart();
  }

  /** The LAN, if it can have the address. */
  switchFor(address: string | undefined): Switch {
    if (address !== undefined && !this.lan.subnet.holds(address.split('/')[0] ?? address)) {
      throw new LabError(`${address} is not in the LAN of ${this.name}, ${this.lan.subnet.prefix}`);
    }
    return this.lan;
  }

  /** One line for `lab.pretty()`. */
  describe(): string {
    const outside = [this.address, this.address6].filter((each) => each !== null).join(' ');
    const notes = [`nat ${this.#nat}`, ...(this.#udp === 'blocked' ? ['udp blocked'] : [])].join(', ');
    return `${this.name} ${outside} [${notes}] lan ${this.lan.subnet.prefix}`;
  }

  #rules(): string {
    return routerRules({
      nat: this.#nat,
      udp: this.#udp,
      hairpin: this.#hairpin,
      outside: this.address,
      forwards: this.#forwards,
    });
  }

  async #apply(): Promise<void> {
    await this.configure('change the rules of', { nft: this.#rules() });
  }

  /** Tells everyone on the way to the internet where untranslated addresses of the LAN live. */
  async #announce(): Promise<void> {
    const v4 = this.#nat === 'none-closed' ? this.lan.subnet.prefix : null;
    await this.#routeHere(v4, this.lan.prefix6);
  }

  /** Makes the machine above send these here, and so on upwards; IPv4 until the first that translates. */
  async #routeHere(v4: string | null, prefix6: string | null): Promise<void> {
    const routes = [
      ...(v4 === null ? [] : [`route replace ${v4} via ${this.address}`]),
      ...(prefix6 === null || this.address6 === null ? [] : [`route replace ${prefix6}/64 via ${this.address6}`]),
    ];
    if (routes.length === 0) return;
    await this.#up.configure('route through', { ip: routes });
    if (this.#up instanceof Router) await this.#up.#routeHere(this.#up.nat === 'none-closed' ? v4 : null, prefix6);
  }
}
