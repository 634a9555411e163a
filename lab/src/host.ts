/** An end system: a server on the internet, or a machine in somebody's LAN. */
import { Attached } from './attached.ts';
import type { Internet } from './internet.ts';
import type { Site } from './machine.ts';
import type { Router } from './router.ts';
import { hostRules, type HostFirewall } from './rules.ts';
import type { Switch } from './switch.ts';

/** Where a cable can be plugged in. */
export type Place = Internet | Router;

export interface HostOptions {
  readonly on: Place;
  /** `203.0.113.10/24` or `203.0.113.10`; the next free address when left out. */
  readonly address?: string;
  /** `closed`: a stateful firewall on the host itself that lets nothing in unasked. `open` unless told. */
  readonly firewall?: 'open' | 'closed' | HostFirewall;
}

function firewallOf(wish: HostOptions['firewall']): HostFirewall {
  return typeof wish === 'object' ? wish : { inbound: wish ?? 'open' };
}

export class Host extends Attached {
  #firewall: HostFirewall;

  private constructor(site: Site, name: string, at: Switch, options: HostOptions) {
    super(site, name, 'eth0', at, options.address);
    this.#firewall = firewallOf(options.firewall);
  }

  /** Use `lab.host()`. */
  static async create(site: Site, name: string, options: HostOptions): Promise<Host> {
    const host = new Host(site, name, options.on.switchFor(options.address), options);
    await host.build('host', { nft: hostRules(host.#firewall) });
    return host;
  }

  /** Replaces the firewall while everything runs. */
  async firewall(wish: 'open' | 'closed' | HostFirewall): Promise<void> {
    this.#firewall = firewallOf(wish);
    await this.configure('change the firewall of', { nft: hostRules(this.#firewall) });
  }

  /** Takes the host to another network, where it gets another address. */
  async move(to: Place, address?: string): Promise<void> {
    await this.attach(to.switchFor(address), address);
  }

  /** One line for `lab.pretty()`. */
  describe(): string {
    const closed = this.#firewall.inbound === 'closed' ? ' [firewall closed]' : '';
    return `${this.name} ${[this.address, this.address6].filter((each) => each !== null).join(' ')}${closed}`;
  }
}
