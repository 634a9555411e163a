/** Where clients' packets go when they leave, asked of the kernel as a packet of theirs would, and who is there. */
import { readFile } from 'node:fs/promises';
import { type Address, isIPv4, KithError, parseAddress, type Prefix, prefixContains, scopeOf } from '@kith/core';
import { type ExitFacts, type Gateway, type RouteFacts, type UpstreamFacts, upstreamsOf } from '@kith/gateway';
import { Answer } from '../answer.ts';
import { run } from '../command.ts';
import { askRoot, hasPing, pings } from '../probe/questions.ts';

/** Far away, and only looked up in the host's own tables: the first root server. */
const FAR = { 4: '198.41.0.4', 6: '2001:503:ba3e::2:30' } as const;
const LONGEST = 128;
/** Bytes of an echo that passes everywhere. */
const SMALL = 64;
/** glibc and dnsmasq read no more. */
const MOST_SERVERS = 3;
const MOST_TARGETS = 4;

/** @param given by the operator: addresses beyond the exit that answer echoes; empty: chosen */
export async function exitFacts(
  gateway: Gateway,
  upstreams: readonly UpstreamFacts[],
  given: readonly Address[],
): Promise<Omit<ExitFacts, 'mesh'>> {
  const [link, route4, route6] = await Promise.all([linkOf(gateway.exit), routeOf(gateway, 4), routeOf(gateway, 6)]);
  const known = given.length > 0 ? given : chosenTargets(gateway, upstreams, [route4, route6]);
  const chosen = (await hasPing()) ? known : [];
  const targets = await Promise.all(
    chosen.slice(0, MOST_TARGETS).map(async (address) => ({ address, answersHost: await pings(address, SMALL) })),
  );
  return { interface: gateway.exit, link, route4, route6, targets };
}

/** The servers that dnsmasq forwards to, each asked once. */
export async function upstreamFacts(gateway: Gateway): Promise<UpstreamFacts[]> {
  const given = upstreamsOf(gateway);
  const servers = given.length > 0 ? given : await hostServers();
  return Promise.all(servers.map(async (address) => ({ address, ...(await askRoot(address)) })));
}

async function hostServers(): Promise<Address[]> {
  const text = await readFile('/etc/resolv.conf', 'utf8').catch(() => '');
  const found = [...text.matchAll(/^\s*nameserver\s+([0-9a-fA-F:.]+)/gm)].map((match) => match[1] ?? '');
  return found.slice(0, MOST_SERVERS).flatMap((server) => {
    try {
      return [parseAddress(server)];
    } catch (error) {
      if (error instanceof KithError) return [];
      throw error;
    }
  });
}

async function linkOf(name: string): Promise<ExitFacts['link']> {
  const { code, stdout } = await run(['ip', '-j', 'link', 'show', 'dev', name]);
  const [link] = code === 0 ? Answer.parse(stdout, 'ip link').list(1) : [];
  if (link === undefined) return 'missing';
  const flags = link
    .field('flags')
    .list(64)
    .map((flag) => flag.text(LONGEST));
  if (!flags.includes('UP')) return 'down';
  return flags.includes('NO-CARRIER') || !flags.includes('LOWER_UP') ? 'no-carrier' : 'up';
}

/** Null where a packet of the first domain's clients would be turned away. */
async function routeOf({ domains }: Gateway, family: 4 | 6): Promise<RouteFacts | null> {
  const [each] = domains;
  if (each === undefined) return null;
  const from = family === 4 ? each.pool.first : each.address6.replace(/[^:]+$/, 'ffff');
  const argv = ['ip', '-j', `-${family}`, 'route', 'get', FAR[family], 'from', from, 'iif', each.names.bridge];
  const { code, stdout } = await run(argv);
  const [route] = code === 0 ? Answer.parse(stdout, 'ip route get').list(4) : [];
  if (route === undefined || route.optional('type')?.text(LONGEST) === 'unreachable') return null;
  const device = route.optional('dev')?.text(LONGEST);
  const via = route.optional('gateway')?.text(LONGEST);
  return device === undefined ? null : { device, via: via === undefined ? null : parseAddress(via) };
}

/** One of each family that clients may reach: a public resolver, or else the next router if it is not the operator's own. */
function chosenTargets(
  { settings }: Gateway,
  upstreams: readonly UpstreamFacts[],
  routes: readonly (RouteFacts | null)[],
): Address[] {
  const candidates = [
    ...upstreams.filter(({ complaint }) => complaint === null).map(({ address }) => address),
    ...routes.flatMap((route) => route?.via ?? []),
  ].filter((address) => mayReach(address, settings.exit.reach));
  return ([4, 6] as const).flatMap((family) => candidates.find((address) => isIPv4(address) === (family === 4)) ?? []);
}

function mayReach(address: Address, reach: readonly Prefix[]): boolean {
  return scopeOf(address) === 'global' || reach.some((prefix) => prefixContains(prefix, address));
}
