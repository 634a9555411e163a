/** Who else is in the bridge: other gateways, servers that nobody knows, machines with this one's address. */
import { addressBytes } from '@kith/core';
import type { Address } from '@kith/core';
import type { Gateway, GatewayDomain } from '../derive/gateway.ts';
import { gatewayAddress } from '../derive/pools.ts';
import type { CauseOf } from '../want/list.ts';
import type { ClientFacts, GatewayFacts, Offer } from './facts.ts';
import { byHand, type Diagnosis } from './finding.ts';

export function judgeNeighbourhood(
  gateway: Gateway,
  facts: GatewayFacts,
  causeOf: CauseOf,
  diagnosis: Diagnosis,
): void {
  for (const client of facts.clients) {
    const each = gateway.domains.find(({ domain }) => domain.code === client.domain);
    if (each === undefined) continue;
    judgeOwners(each, client, causeOf, diagnosis);
    for (const offer of client.offers) judgeOffer(gateway, each, offer, causeOf, diagnosis);
    judgeRouters(each, client, diagnosis);
  }
  for (const { domain, duplicates } of facts.batman) {
    if (duplicates.length > 0) judgeDuplicates(domain, duplicates, causeOf, diagnosis);
  }
}

function judgeOwners(
  { domain, address4, macs }: GatewayDomain,
  { owners }: ClientFacts,
  causeOf: CauseOf,
  diagnosis: Diagnosis,
): void {
  const others = owners.filter((mac) => mac !== macs.bridge);
  if (others.length === 0) return;
  diagnosis.add(
    {
      code: 'address-twice',
      subject: `${address4} ${domain.code}`,
      severity: 'error',
      fails: 'packets to the gateway are lost at random',
      whom: `clients of "${domain.code}"`,
      cause: `${others.join(', ')} answers for ${address4} too: another machine has the gateway's address, or another gateway its slot`,
      ...byHand(
        'take the address from the other machine, or give the gateways slots of their own',
        null,
        causeOf('gateways'),
      ),
    },
    ['ping4', 'dns-udp4', 'dns-tcp4', 'dns-world4', 'ntp4', 'beyond4', 'wide4'].map(
      (what) => `sign ${what} ${domain.code}`,
    ),
  );
}

function judgeOffer(gateway: Gateway, each: GatewayDomain, offer: Offer, causeOf: CauseOf, diagnosis: Diagnosis): void {
  const { domain, address4, pool, macs } = each;
  if (offer.mac === macs.bridge || (offer.server === address4 && diagnosis.explains(`sign ping4 ${domain.code}`)))
    return;
  const { settings } = gateway;
  const other = settings.gateways.find(({ slot }) => gatewayAddress(domain.prefix4, slot) === offer.server);
  const finding = {
    subject: `${offer.server} ${domain.code}`,
    severity: 'error',
    whom: `clients of "${domain.code}"`,
  } as const;
  if (isBetween(offer.address, pool.first, pool.last)) {
    const who =
      other === undefined ? `another DHCP server, ${offer.server} (${offer.mac}),` : `the gateway "${other.name}"`;
    diagnosis.add(
      {
        ...finding,
        code: 'pool-overlap',
        fails: 'two clients get the same address',
        cause: `${who} offers ${offer.address}, which is of this gateway's pool ${pool.first} to ${pool.last}`,
        ...byHand(
          'give all gateways the same file, with the same `slots` and a slot for each',
          null,
          causeOf('gateways'),
        ),
      },
      OPTIONS.map((what) => `sign ${what} ${domain.code}`),
    );
  } else if (other === undefined) {
    diagnosis.add(
      {
        ...finding,
        code: 'stranger-dhcp',
        fails: 'some clients get an address that leads elsewhere',
        cause: `${offer.server} (${offer.mac}) hands out addresses, and is no gateway of the file`,
        ...byHand(
          'find that machine by its hardware address and switch its DHCP off',
          `bridge fdb show br ${each.names.bridge}`,
          causeOf('domains', domain.code),
        ),
      },
      OPTIONS.map((what) => `sign ${what} ${domain.code}`),
    );
  }
}

/** What a lease of somebody else's would say wrongly. */
const OPTIONS = ['option-router', 'option-dns', 'option-ntp', 'option-mtu', 'pool'];

function judgeRouters({ domain, macs }: GatewayDomain, { advertisements }: ClientFacts, diagnosis: Diagnosis): void {
  const stranger = advertisements.find(
    ({ mac, lifetime, prefixes }) =>
      mac !== macs.bridge && lifetime > 0 && !prefixes.some(({ prefix }) => prefix === domain.prefix6),
  );
  if (stranger === undefined) return;
  diagnosis.add({
    code: 'stranger-router',
    subject: `${stranger.router} ${domain.code}`,
    severity: 'error',
    fails: 'some clients take another way out over IPv6, or none',
    whom: `clients of "${domain.code}"`,
    cause: `${stranger.mac} advertises itself as router, without the prefix ${domain.prefix6}`,
    ...byHand('find that machine by its hardware address and switch its advertisements off'),
  });
}

function judgeDuplicates(domain: string, duplicates: readonly string[], causeOf: CauseOf, diagnosis: Diagnosis): void {
  diagnosis.add({
    code: 'mac-twice',
    subject: domain,
    severity: 'error',
    fails: 'packets to the gateway are lost at random',
    whom: `clients of "${domain}"`,
    cause: `another node of the mesh has ${duplicates.join(', ')}, which is this gateway's: a copied machine, or a gateway with the same slot`,
    ...byHand('give each gateway a slot of its own', null, causeOf('gateways')),
  });
}

function isBetween(address: Address, first: Address, last: Address): boolean {
  const number = (of: Address): number => addressBytes(of).reduce((sum, byte) => sum * 256 + byte, 0);
  return number(address) >= number(first) && number(address) <= number(last);
}
