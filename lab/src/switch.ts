/** A bridge that machines plug into: a public subnet of the internet, or the LAN of a router. */
import type { Machine } from './machine.ts';
import { Subnet } from './subnet.ts';

export interface Addresses {
  /** Without the length. */
  readonly v4: string;
  /** Without the length, which is 64; null where the switch carries no IPv6. */
  readonly v6: string | null;
}

export class Switch {
  /** The namespace the bridge is in. */
  readonly owner: Machine;
  readonly bridge: string;
  readonly subnet: Subnet;
  /** `2001:db8:1::`, the first half of every address; null: no IPv6 here. */
  readonly prefix6: string | null;

  constructor(owner: Machine, bridge: string, subnet: string, prefix6: string | null) {
    this.owner = owner;
    this.bridge = bridge;
    this.subnet = new Subnet(subnet);
    this.prefix6 = prefix6;
  }

  get gateway(): Addresses {
    return { v4: this.subnet.gateway, v6: this.prefix6 === null ? null : `${this.prefix6}1` };
  }

  claim(wish?: string): Addresses {
    const v4 = this.subnet.claim(wish);
    const number = this.subnet.numberOf(v4).toString(16);
    return { v4, v6: this.prefix6 === null ? null : `${this.prefix6}${number}` };
  }

  /** `ip` lines that build the bridge inside its owner. */
  build(): string[] {
    const { v4, v6 } = this.gateway;
    // Without an address of its own a bridge takes the lowest of its ports, and changes it as ports come and go.
    const mac = ['02', '00', ...v4.split('.').map((part) => Number(part).toString(16).padStart(2, '0'))].join(':');
    return [
      `link add ${this.bridge} address ${mac} type bridge stp_state 0 forward_delay 0`,
      `link set ${this.bridge} up`,
      `addr add ${v4}/${this.subnet.length} dev ${this.bridge}`,
      ...(v6 === null ? [] : [`addr add ${v6}/64 dev ${this.bridge} nodad`]),
    ];
  }
}

/** Kernel settings of every namespace that routes between switches. */
export const FORWARDING: Readonly<Record<string, number>> = {
  'ipv4.ip_forward': 1,
  'ipv6.conf.all.forwarding': 1,
  'ipv6.conf.all.accept_dad': 0,
  'ipv6.conf.default.accept_dad': 0,
};
