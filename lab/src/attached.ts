/** A machine with a cable: hosts and routers. The cable can be pulled, moved, given another address, and made worse. */
import { DelayLine } from './delay.ts';
import { LabError } from './error.ts';
import { Machine, type Site } from './machine.ts';
import { lossRules } from './rules.ts';
import { configure, outside, shell, type Setup } from './shell.ts';
import type { Addresses, Switch } from './switch.ts';

/** What a cable does to packets, in each of its two directions. What is left out is as good as it gets. */
export interface Shape {
  /** One way, in milliseconds: the round trip grows by twice as much. */
  readonly delayMs?: number;
  /** Share of the packets that get lost, 0..100. */
  readonly lossPercent?: number;
  /** Megabits per second. */
  readonly rateMbit?: number;
}

export abstract class Attached extends Machine {
  /** The interface at this end: `eth0` of a host, `wan` of a router. */
  readonly iface: string;
  readonly #port: string;
  #at: Switch;
  #addresses: Addresses;
  #delay: DelayLine;
  #shape: Shape = {};

  constructor(site: Site, name: string, iface: string, at: Switch, wish: string | undefined) {
    super(site, name);
    this.iface = iface;
    this.#at = at;
    this.#addresses = at.claim(wish);
    this.#port = `p${site.nextNumber('cable')}`;
    this.#delay = new DelayLine(at.owner, this.#port, at.bridge);
  }

  /** The IPv4 address on the cable, without its length. */
  get address(): string {
    return this.#addresses.v4;
  }

  /** The IPv6 address on the cable; null when the subnet carries none. */
  get address6(): string | null {
    return this.#addresses.v6;
  }

  /** The switch at the other end. */
  get at(): Switch {
    return this.#at;
  }

  /** Creates the namespace, the cable and its addresses; `rest` is applied before the cable is up. */
  protected async build(kind: string, rest: Setup): Promise<void> {
    await shell(`create ${kind} ${this.name}`, [
      outside([
        `netns add ${this.namespace}`,
        `link add ${this.iface} netns ${this.namespace} type veth peer name ${this.#port} netns ${this.#at.owner.namespace}`,
      ]),
      configure(this.#at.owner.namespace, {
        ip: [
          `link set ${this.#port} addrgenmode none`,
          `link set ${this.#port} master ${this.#at.bridge}`,
          `link set ${this.#port} up`,
        ],
      }),
      configure(this.namespace, {
        sysctls: {
          'ipv6.conf.all.accept_dad': 0,
          'ipv6.conf.default.accept_dad': 0,
          ...this.#interfaceSettings(),
          ...rest.sysctls,
        },
        ...(rest.nft === undefined ? {} : { nft: rest.nft }),
        ip: ['link set lo up', ...(rest.ip ?? []), `link set ${this.iface} up`, ...this.#addressing()],
      }),
    ]);
  }

  /** Pulls the cable: the machine sees its carrier go and keeps its addresses. */
  async unplug(): Promise<void> {
    await this.#at.owner.configure('unplug', { ip: [`link set ${this.#port} down`] });
  }

  /** Puts the cable back. */
  async plug(): Promise<void> {
    await this.#at.owner.configure('plug', { ip: [`link set ${this.#port} up`] });
  }

  /**
   * Another address of the same subnet, as after a new lease. What runs keeps running.
   * @param wish the address; the next free one when left out.
   */
  async setAddress(wish?: string): Promise<void> {
    const next = this.#at.claim(wish);
    this.#at.subnet.release(this.#addresses.v4);
    this.#addresses = next;
    await this.#readdress('change the address of');
  }

  /** Another switch, as when a laptop changes networks: carrier lost, carrier back, a new address. */
  protected async attach(to: Switch, wish: string | undefined): Promise<void> {
    const next = to.claim(wish);
    const shape = this.#shape;
    await this.shape({});
    this.#at.subnet.release(this.#addresses.v4);
    const from = this.#at.owner;
    this.#at = to;
    this.#addresses = next;
    this.#delay = new DelayLine(to.owner, this.#port, to.bridge);
    const moved = from === to.owner ? [] : [`link set ${this.#port} netns ${to.owner.namespace}`];
    await from.configure('unplug a machine from', { ip: [`link set ${this.#port} down nomaster`, ...moved] });
    await to.owner.configure('plug a machine into', {
      ip: [
        `link set ${this.#port} addrgenmode none`,
        `link set ${this.#port} master ${to.bridge}`,
        `link set ${this.#port} up`,
      ],
    });
    await this.#readdress('move');
    await this.shape(shape);
  }

  /**
   * Makes the cable worse, in both directions alike; a new call replaces the old one, `{}` makes it good again.
   * Loss counts what crosses the cable: a large segment that the kernel has not cut yet counts as one packet.
   * @throws LabError when a value is outside its range.
   */
  async shape(shape: Shape): Promise<void> {
    const { delayMs = 0, lossPercent = 0, rateMbit } = shape;
    if (!(delayMs >= 0 && delayMs <= 10_000)) throw new LabError(`a delay of ${delayMs} ms is not within 0..10000`);
    if (!(lossPercent >= 0 && lossPercent <= 100))
      throw new LabError(`a loss of ${lossPercent} % is not within 0..100`);
    if (rateMbit !== undefined && !(rateMbit > 0)) throw new LabError(`a rate of ${rateMbit} Mbit/s is not above 0`);
    // 10 ms of traffic, and never less than one uncut segment: a smaller bucket could not reach the rate.
    const burst = Math.max(65_536, Math.round(((rateMbit ?? 0) * 1e6) / 8 / 100));
    const limited = this.#shape.rateMbit !== undefined;
    const settings = (iface: string): Setup => ({
      tc: [
        ...(limited ? [`qdisc del dev ${iface} root`] : []),
        ...(rateMbit === undefined
          ? []
          : [`qdisc add dev ${iface} root tbf rate ${rateMbit}mbit burst ${burst} latency 50ms`]),
      ],
      nft: lossRules(iface, lossPercent),
    });
    this.#shape = shape;
    await this.configure('shape the cable of', settings(this.iface));
    await this.#at.owner.configure('shape a cable of', settings(this.#port));
    await this.#delay.set(delayMs);
  }

  #interfaceSettings(): Record<string, number> {
    const key = `ipv6.conf.${this.iface}`;
    return {
      [`${key}.accept_dad`]: 0,
      [`${key}.accept_ra`]: 0,
      [`${key}.disable_ipv6`]: this.address6 === null ? 1 : 0,
    };
  }

  #addressing(): string[] {
    const { gateway, subnet } = this.#at;
    return [
      `addr add ${this.address}/${subnet.length} brd + dev ${this.iface}`,
      `route replace default via ${gateway.v4} dev ${this.iface}`,
      ...(this.address6 === null || gateway.v6 === null
        ? []
        : [
            `addr add ${this.address6}/64 dev ${this.iface} nodad`,
            `route replace default via ${gateway.v6} dev ${this.iface}`,
          ]),
    ];
  }

  async #readdress(doing: string): Promise<void> {
    await this.configure(doing, {
      sysctls: this.#interfaceSettings(),
      ip: [`addr flush dev ${this.iface} scope global`, ...this.#addressing()],
    });
  }
}
