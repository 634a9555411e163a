/** The core of a lab: a namespace that routes between public subnets of the documentation ranges, and knows no more. */
import { Machine, type Site } from './machine.ts';
import { configure, outside, shell } from './shell.ts';
import { FORWARDING, Switch } from './switch.ts';
import { LabError } from './error.ts';

export interface InternetOptions {
  /** Public subnets also carry 2001:db8::/32 addresses; off unless asked for. */
  readonly ipv6?: boolean;
}

/** RFC 5737. */
const SUBNETS = ['203.0.113.0/24', '198.51.100.0/24', '192.0.2.0/24'] as const;

export class Internet extends Machine {
  readonly switches: readonly Switch[];
  readonly ipv6: boolean;
  #turn = 0;
  #delegated = 0;

  private constructor(site: Site, options: InternetOptions) {
    super(site, 'internet');
    this.ipv6 = options.ipv6 === true;
    this.switches = SUBNETS.map(
      (subnet, i) => new Switch(this, `net${i}`, subnet, this.ipv6 ? `2001:db8:${i + 1}::` : null),
    );
  }

  /** Use `lab.internet()`. */
  static async create(site: Site, options: InternetOptions): Promise<Internet> {
    const internet = new Internet(site, options);
    await shell('create the internet', [
      outside([`netns add ${internet.namespace}`]),
      configure(internet.namespace, {
        sysctls: { ...FORWARDING, 'bridge.bridge-nf-call-iptables': 0, 'bridge.bridge-nf-call-ip6tables': 0 },
        ip: [
          'link set lo up',
          ...internet.switches.flatMap((each) => each.build()),
          // Silence, as the real one answers to private addresses: nothing may come to depend on an ICMP error.
          'route add blackhole 0.0.0.0/0',
          'route add blackhole ::/0',
        ],
      }),
    ]);
    return internet;
  }

  /** The subnet an address belongs to; without an address each of the subnets in turn. */
  switchFor(address: string | undefined): Switch {
    const wanted =
      address === undefined
        ? this.switches[this.#turn++ % this.switches.length]
        : this.switches.find((each) => each.subnet.holds(address.split('/')[0] ?? address));
    if (wanted === undefined) throw new LabError(`${address} is not public here: take one of ${SUBNETS.join(', ')}`);
    return wanted;
  }

  /** A LAN of public addresses for a router that does not translate: of RFC 2544's range, as the others are short. */
  delegate4(): string {
    return `198.18.${++this.#delegated}.0/24`;
  }
}
