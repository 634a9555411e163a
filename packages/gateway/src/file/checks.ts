/** What no single value of the file tells: contradictions between them. */
import {
  type Address,
  addressBytes,
  isIPv4,
  type Prefix,
  prefixContains,
  prefixesOverlap,
  prefixParts,
  readUint32BE,
} from '@kith/core';
import { addressAt, gatewayAddress, LEAST_POOL, poolSize, reservedOf } from '../derive/pools.ts';
import { type Domain, ofFamily, type Settings } from './settings.ts';
import type { Written } from './written.ts';

export interface Complaint {
  /** Keys below `gateway`, to the value that is wrong or to where one is missing. */
  readonly path: readonly (string | number)[];
  /** Completes a sentence that begins with the place. */
  readonly message: string;
}

/** Everything that contradicts itself, in the order of the file; none for a file that can be planned. */
export function contradictions(written: Written, settings: Settings): Complaint[] {
  return [
    ...waysIn(written, settings),
    ...exits(settings),
    ...interfaces(written, settings),
    ...prefixes(settings),
    ...settings.domains.flatMap((domain) => pools(domain, settings)),
    ...gateways(settings),
    ...ports(settings),
    ...firmware(settings),
  ];
}

function waysIn(written: Written, settings: Settings): Complaint[] {
  if (written.clients !== undefined && written.domains !== undefined) {
    return [
      {
        path: ['clients'],
        message: 'stands for a single domain, next to "domains" write it as "interfaces" of one of them',
      },
    ];
  }
  if (settings.domains.length === 0) return [{ path: ['domains'], message: 'there must be one at least' }];
  const none = settings.vpn.fastd === null && settings.vpn.wireguard === null;
  return settings.domains
    .filter((domain) => none && domain.interfaces.length === 0)
    .map((domain) => ({
      path: written.domains === undefined ? [] : ['domains', domain.code],
      message:
        'nobody could connect: name an interface of clients ("clients: eth1", in a domain "interfaces: eth1"), or "vpn: fastd" for routers',
    }));
}

function exits({ exit }: Settings): Complaint[] {
  const complaints: Complaint[] = [];
  if ((exit.interface === null) === (exit.members.length === 0)) {
    complaints.push({ path: ['exit'], message: 'must have either "interface" or "members"' });
  }
  if (exit.interface === null && exit.via.length > 0) {
    complaints.push({ path: ['exit', 'via'], message: 'goes with "interface": the mesh finds its own next hops' });
  }
  for (const key of ['nat', 'nat6'] as const) {
    if (exit.interface !== null || exit[key] !== false) continue;
    const message = 'goes with "interface": a member takes nothing from others but what has their own addresses';
    complaints.push({ path: ['exit', key], message });
  }
  if (exit.interface === null && exit.offer) {
    complaints.push({
      path: ['exit', 'offer'],
      message: 'goes with "interface": what comes through the mesh cannot leave through it',
    });
  }
  for (const family of [4, 6] as const) {
    if (ofFamily(exit.via, family).length > 1) {
      complaints.push({ path: ['exit', 'via'], message: `has more than one next hop of IPv${family}` });
    }
  }
  return complaints;
}

/** Where a domain's client interfaces are written. */
function interfacesPath(written: Written, domain: Domain): readonly string[] {
  return written.domains === undefined ? ['clients'] : ['domains', domain.code, 'interfaces'];
}

function interfaces(written: Written, settings: Settings): Complaint[] {
  const complaints: Complaint[] = [];
  const users = new Map<string, string>();
  if (settings.exit.interface !== null) users.set(settings.exit.interface, 'the exit');
  for (const domain of settings.domains) {
    for (const name of domain.interfaces) {
      const user = users.get(name);
      const path = interfacesPath(written, domain);
      if (user !== undefined)
        complaints.push({ path, message: `"${name}" is ${user} already: each takes an interface of its own` });
      users.set(name, `an interface of domain "${domain.code}"`);
      if (madeNames(settings).has(name)) {
        complaints.push({
          path,
          message: `"${name}" is a name that kith gives to an interface of its own: rename yours`,
        });
      }
    }
  }
  return complaints;
}

function madeNames(settings: Settings): Set<string> {
  return new Set(
    settings.domains.flatMap(({ code }) =>
      ['br', 'bat', 'dum', 'fd', 'wg', 'vx', 'vg'].map((role) => `${role}-${code}`),
    ),
  );
}

function prefixes({ domains }: Settings): Complaint[] {
  const complaints: Complaint[] = [];
  const check = (key: 'prefix4' | 'prefix6'): void => {
    const before: { code: string; prefix: Prefix }[] = [];
    for (const domain of domains) {
      const prefix = domain[key];
      const other = before.find((each) => prefixesOverlap(each.prefix, prefix));
      if (other !== undefined) {
        complaints.push({
          path: ['domains', domain.code, key],
          message: `${prefix} overlaps ${other.prefix} of domain "${other.code}": choose one apart from it`,
        });
      }
      before.push({ code: domain.code, prefix });
    }
  };
  check('prefix4');
  check('prefix6');
  return complaints;
}

function pools(domain: Domain, { slots }: Settings): Complaint[] {
  const { prefix4, prefix6, nextNode, code } = domain;
  const complaints: Complaint[] = [];
  const size = poolSize(prefix4, slots);
  if (size < LEAST_POOL) {
    complaints.push({
      path: ['domains', code, 'prefix4'],
      message: `${prefix4} leaves ${size} addresses to each of ${slots} gateways, ${LEAST_POOL} at least are needed: take a shorter prefix, or fewer "slots"`,
    });
  }
  for (const [key, address, prefix] of [
    ['ip4', nextNode.ip4, prefix4],
    ['ip6', nextNode.ip6, prefix6],
  ] as const) {
    const path = ['domains', code, 'next_node', key];
    if (!prefixContains(prefix, address)) {
      complaints.push({ path, message: `${address} is not in ${prefix}, where clients look for it` });
      continue;
    }
    const slot = Array.from({ length: slots }, (_, i) => i).find((i) => gatewayAddress(prefix, i) === address);
    if (slot !== undefined)
      complaints.push({
        path,
        message: `${address} belongs to the gateway of slot ${slot}: take ${addressAt(prefix, 1)}`,
      });
    else if (isIPv4(address) && !isKept(domain, address)) {
      complaints.push({
        path,
        message: `${address} is in a pool of DHCP: take one of the first ${reservedOf(prefix4)} of ${prefix4}`,
      });
    }
  }
  return complaints;
}

/** Whether the address lies before the first pool. */
function isKept({ prefix4 }: Domain, address: Address): boolean {
  const [at, start] = [address, prefixParts(prefix4).address].map((each) => readUint32BE(addressBytes(each), 0));
  return (at ?? 0) - (start ?? 0) < reservedOf(prefix4);
}

function gateways({ gateways, slots }: Settings): Complaint[] {
  const complaints: Complaint[] = [];
  const bySlot = new Map<number, string>();
  for (const { name, slot } of gateways) {
    const path = ['gateways', name, 'slot'];
    const other = bySlot.get(slot);
    if (slot >= slots)
      complaints.push({ path, message: `slot ${slot} does not exist: "slots" is ${slots}, the first one is 0` });
    if (other !== undefined) {
      complaints.push({ path, message: `slot ${slot} is that of "${other}": both would hand out the same addresses` });
    }
    bySlot.set(slot, name);
  }
  return complaints;
}

function ports({ vpn, domains, services }: Settings): Complaint[] {
  const complaints: Complaint[] = [];
  const users = new Map<number, string>();
  for (const kind of ['fastd', 'wireguard'] as const) {
    const first = vpn[kind]?.port;
    if (first === undefined) continue;
    for (const [i, { code }] of domains.entries()) {
      const port = first + i;
      const path = ['vpn', kind, 'port'];
      const other = users.get(port);
      if (port > 65_535)
        complaints.push({ path, message: `domain "${code}" would have port ${port}, 65535 is the last one` });
      if (other !== undefined)
        complaints.push({ path, message: `port ${port} of domain "${code}" is that of ${other}` });
      users.set(port, `${kind} of domain "${code}"`);
    }
  }
  complaints.push(...registration(vpn));
  for (const { name, port } of services) {
    if (port > 65_535)
      complaints.push({ path: ['services', name], message: `has port ${port}, 65535 is the last one` });
  }
  return complaints;
}

function registration({ registration: wanted, fastd, wireguard }: Settings['vpn']): Complaint[] {
  if (wanted === null || wireguard !== null || fastd?.accept === 'known') return [];
  const why =
    fastd === null
      ? 'there is no tunnel to let routers into: write "fastd" or "wireguard" next to it'
      : 'fastd lets in all routers, with or without: write "accept: known" below "fastd"';
  return [{ path: ['vpn', 'registration'], message: `would be for nobody, ${why}` }];
}

function firmware({ firmware }: Settings): Complaint[] {
  if (firmware.signatures <= firmware.keys.length) return [];
  return [
    {
      path: ['gluon', 'signatures'],
      message: `asks for ${firmware.signatures} signatures while there are ${firmware.keys.length} keys: no update would ever be taken`,
    },
  ];
}
