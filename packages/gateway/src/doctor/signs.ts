/** What clients missed, before anybody asks why. */
import { prefixContains } from '@kith/core';
import type { Gateway, GatewayDomain } from '../derive/gateway.ts';
import type { ClientFacts, ClientService, GatewayFacts } from './facts.ts';
import type { Sign } from './finding.ts';

const SERVICES: Readonly<Record<ClientService, string>> = {
  ping: 'the gateway does not answer echoes',
  'dns-udp': 'names are not answered over UDP',
  'dns-tcp': 'names are not answered over TCP, and long answers come over nothing else',
  'dns-world': 'names of the world are not found',
  ntp: 'the time is not answered',
};

export function signsOf(gateway: Gateway, facts: GatewayFacts): Sign[] {
  return facts.clients.flatMap((client) => {
    const each = gateway.domains.find(({ domain }) => domain.code === client.domain);
    if (each === undefined || client.complaint !== null) return [];
    return [
      ...leaseSigns(each, client),
      ...advertisementSigns(gateway, each, client),
      ...answerSigns(
        client,
        facts.upstreams.some(({ refuses }) => refuses),
      ),
      ...responddSigns(client),
      ...beyondSigns(gateway, each, client, facts),
    ];
  });
}

function leaseSigns({ domain, address4, pool, sizes }: GatewayDomain, { lease, offers }: ClientFacts): Sign[] {
  const sign = (what: string, fails: string, seen: string): Sign => ({ what, domain: domain.code, fails, seen });
  if (lease === null) {
    const seen = offers.length === 0 ? 'nobody offered an address' : 'an address was offered and then not given';
    return [sign('lease', 'no client gets an address', seen)];
  }
  if (lease.server !== address4) return [];
  const out: Sign[] = [];
  if (!lease.routers.includes(address4))
    out.push(sign('option-router', 'clients do not know the way out over IPv4', shown('router', lease.routers)));
  if (!lease.dns.includes(address4))
    out.push(sign('option-dns', 'clients ask somebody else for names', shown('resolver', lease.dns)));
  if (!lease.ntp.includes(address4))
    out.push(sign('option-ntp', 'clients are not told where the time is', shown('time server', lease.ntp)));
  if (lease.mtu !== sizes.client) {
    const seen = `the lease says ${lease.mtu ?? 'nothing'}, ${sizes.client} is what passes`;
    out.push(sign('option-mtu', 'large pages hang over IPv4', seen));
  }
  if (!prefixContains(domain.prefix4, lease.address))
    out.push(
      sign(
        'pool',
        'clients get addresses that are not of the domain',
        `${lease.address}, pool ${pool.first} to ${pool.last}`,
      ),
    );
  return out;
}

function shown(what: string, addresses: readonly string[]): string {
  return addresses.length === 0 ? `the lease names no ${what}` : `the lease names ${addresses.join(', ')}`;
}

function advertisementSigns(gateway: Gateway, each: GatewayDomain, client: ClientFacts): Sign[] {
  const { domain, address6, sizes } = each;
  const sign = (what: string, fails: string, seen: string): Sign => ({ what, domain: domain.code, fails, seen });
  const own = client.advertisements.find(({ prefixes }) => prefixes.some(({ prefix }) => prefix === domain.prefix6));
  if (own === undefined) {
    const seen =
      client.advertisements.length === 0 ? 'no router advertised itself' : 'only strangers advertised themselves';
    return [sign('advertisement', 'no client gets an IPv6 address, and routers get no resolver', seen)];
  }
  const out: Sign[] = [];
  const prefix = own.prefixes.find((one) => one.prefix === domain.prefix6);
  if (prefix?.autonomous !== true || client.address6 === null)
    out.push(
      sign(
        'slaac',
        'no client makes itself an IPv6 address',
        `${domain.prefix6} is advertised, and nothing came of it`,
      ),
    );
  if (!own.dns.includes(address6)) {
    const seen =
      own.dns.length === 0 ? 'the advertisement names no resolver' : `the advertisement names ${own.dns.join(', ')}`;
    out.push(sign('rdnss', 'routers have no resolver: they take it from advertisements alone', seen));
  }
  if (own.mtu !== sizes.client) {
    const seen = `the advertisement says ${own.mtu ?? 'nothing'}, ${sizes.client} is what passes`;
    out.push(sign('advertised-mtu', 'large pages hang over IPv6', seen));
  }
  if (own.lifetime === 0 && !gateway.host.draining && leadsOut6(gateway))
    out.push(
      sign('default-router', 'clients do not know the way out over IPv6', 'the advertisement is of no default router'),
    );
  return out;
}

function leadsOut6({ settings }: Gateway): boolean {
  return settings.exit.via.length === 0 || settings.exit.via.some((address) => address.includes(':'));
}

/** @param isRefused whether the gateway itself is told nothing about the root */
function answerSigns({ domain, answers }: ClientFacts, isRefused: boolean): Sign[] {
  return answers.flatMap(({ service, family, complaint }): Sign[] => {
    if (complaint === null || (service === 'dns-world' && isRefused)) return [];
    const fails = `${SERVICES[service]}${service === 'dns-world' ? '' : `, IPv${family}`}`;
    return [{ what: `${service}${family}`, domain, fails, seen: complaint }];
  });
}

function responddSigns({ domain, respondd }: ClientFacts): Sign[] {
  const missed = (direction: 'asked' | 'answered'): string[] =>
    respondd
      .filter((each) => each.direction === direction && !each.arrived)
      .map(({ group }) => (group === 'link' ? 'ff02::2:1001' : 'ff05::2:1001'));
  const [asked, answered] = [missed('asked'), missed('answered')];
  const out: Sign[] = [];
  if (asked.length > 0)
    out.push({
      what: 'respondd-asked',
      domain,
      fails: 'maps do not show this gateway',
      seen: `no answer to ${asked.join(' and ')}`,
    });
  if (answered.length > 0) {
    const seen = `an answer to ${answered.join(' and ')} did not get in`;
    out.push({ what: 'respondd-answered', domain, fails: 'the map stays empty', seen });
  }
  return out;
}

/** What neither the host reaches says nothing about what clients do. */
function beyondSigns(
  gateway: Gateway,
  { domain, sizes }: GatewayDomain,
  client: ClientFacts,
  facts: GatewayFacts,
): Sign[] {
  return client.beyond.flatMap(({ target, reached, widest }): Sign[] => {
    const known = facts.exit.targets.find(({ address }) => address === target);
    if (known?.answersHost !== true) return [];
    const family = target.includes(':') ? 6 : 4;
    const sign = { domain: domain.code, what: `beyond${family}` };
    if (!reached) {
      const seen = `${target} answers the gateway, and not its clients`;
      return [{ ...sign, fails: `clients do not get out over IPv${family}`, seen }];
    }
    if (widest !== null && widest >= sizes.client) return [];
    const seen = `packets of ${sizes.client} bytes do not come back from ${target}, ${widest ?? 'none'} do`;
    return [
      { ...sign, what: `wide${family}`, fails: `large pages hang over IPv${family} behind ${gateway.exit}`, seen },
    ];
  });
}
