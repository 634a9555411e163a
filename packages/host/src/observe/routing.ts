/** Addresses, routes, policy rules and entries of VXLANs' forwarding tables, as iproute2 6.1 lists them. */
import type { Item, ItemOf, RouteValue, RuleValue } from '@kith/gateway';
import { Answer } from '../answer.ts';
import { must, run } from '../command.ts';
import type { Interest } from './interest.ts';
import type { KernelLink } from './links.ts';

type Family = 4 | 6;

const MOST = 1 << 20;
const LONGEST = 128;
/** Numbers that iproute2 writes as names unless somebody renamed them. */
const TABLES: Readonly<Record<string, number>> = { default: 253, main: 254, local: 255 };

export async function observeAddresses(interest: Interest): Promise<Item[]> {
  const names = new Set(interest.names('address'));
  if (names.size === 0) return [];
  const found = parseAddresses(await must(['ip', '-j', 'address', 'show']));
  return found.filter(({ name }) => names.has(name));
}

/** @throws KithError HOST_ANSWER_INVALID */
export function parseAddresses(json: string): ItemOf<'address'>[] {
  return Answer.parse(json, '"ip -j address show"')
    .list(MOST)
    .flatMap((link) => {
      const device = link.field('ifname').text(LONGEST);
      return link
        .field('addr_info')
        .list(MOST)
        .flatMap((each) => {
          const local = each.optional('local')?.text(LONGEST);
          if (local === undefined) return [];
          const address = `${local}/${each.field('prefixlen').whole(0, 128)}`;
          return [{ kind: 'address' as const, name: `${device} ${address}`, value: { device, address } }];
        });
    });
}

/** Asks for the tables that routes of interest are in only: others may hold the whole internet. */
export async function observeRoutes(interest: Interest): Promise<Item[]> {
  const names = new Set(interest.names('route'));
  const tables = new Set([...names].map((name) => name.split(' ').slice(0, 2).join(' ')));
  const listed = await Promise.all(
    [...tables].map(async (each) => {
      const [family, table] = each.split(' ').map(Number);
      return routesOf(family === 4 ? 4 : 6, table ?? 0);
    }),
  );
  return listed.flat().filter(({ name }) => names.has(name));
}

async function routesOf(family: Family, table: number): Promise<ItemOf<'route'>[]> {
  const argv = ['ip', '-j', `-${family}`, 'route', 'show', 'table', String(table)];
  const { code, stdout, stderr } = await run(argv);
  if (code !== 0 && /table does not exist/i.test(stderr)) return [];
  return parseRoutes(code === 0 ? stdout : await must(argv), family, table);
}

/** @throws KithError HOST_ANSWER_INVALID */
export function parseRoutes(json: string, family: Family, table: number): ItemOf<'route'>[] {
  // Without a route of the family iproute2 says nothing at all.
  return Answer.parse(json.trim() === '' ? '[]' : json, '"ip -j route show"')
    .list(MOST)
    .flatMap((each) => {
      const type = each.optional('type')?.text(LONGEST) ?? 'unicast';
      if (type !== 'unicast' && type !== 'unreachable') return [];
      const destination = prefixed(each.field('dst').text(LONGEST), family);
      const value: RouteValue = {
        family,
        table,
        destination,
        type,
        // Of IPv6 the kernel says that it leads to the loopback.
        device: type === 'unreachable' ? null : (each.optional('dev')?.text(LONGEST) ?? null),
        via: each.optional('gateway')?.text(LONGEST) ?? null,
        metric: each.optional('metric')?.count() ?? 0,
      };
      return [
        { kind: 'route', name: `${family} ${table} ${type === 'unreachable' ? 'unreachable' : destination}`, value },
      ];
    });
}

/** A single address is listed without its length. */
function prefixed(destination: string, family: Family): string {
  if (destination === 'default' || destination.includes('/')) return destination;
  return `${destination}/${family === 4 ? 32 : 128}`;
}

export async function observeRules(interest: Interest): Promise<Item[]> {
  const names = interest.names('rule');
  const families = ([4, 6] as const).filter((family) => names.some((name) => name.startsWith(`${family} `)));
  const listed = await Promise.all(
    families.map(async (family) => parseRules(await must(['ip', '-j', `-${family}`, 'rule', 'show']), family)),
  );
  const found = listed.flat();
  return names.flatMap((name) => {
    // Several may share a priority; then ours is the one from the same interface.
    const candidates = found.filter((rule) => rule.name === name);
    const iif = interest.wanted('rule', name)?.value.iif;
    return candidates.find(({ value }) => value.iif === iif) ?? candidates[0] ?? [];
  });
}

/** The rules that look at nothing but the interface that a packet came in by. */
export function parseRules(json: string, family: Family): ItemOf<'rule'>[] {
  return Answer.parse(json, '"ip -j rule show"')
    .list(MOST)
    .flatMap((each) => {
      const priority = each.field('priority').count();
      const iif = each.optional('iif')?.text(LONGEST);
      const action = actionOf(each);
      if (iif === undefined || action === null) return [];
      return [{ kind: 'rule', name: `${family} ${priority}`, value: { family, priority, iif, action } }];
    });
}

function actionOf(rule: Answer): RuleValue['action'] | null {
  const table = rule.optional('table')?.text(LONGEST);
  if (table === undefined) return rule.optional('action')?.text(LONGEST) === 'unreachable' ? 'unreachable' : null;
  const lookup = TABLES[table] ?? Number(table);
  return Number.isSafeInteger(lookup) ? { lookup } : null;
}

export async function observeForwarding(interest: Interest, links: ReadonlyMap<string, KernelLink>): Promise<Item[]> {
  const names = new Set(interest.names('forwarding'));
  const devices = new Set([...names].map((name) => name.split(' ')[0] ?? ''));
  const listed = await Promise.all(
    [...devices]
      .filter((device) => links.has(device))
      .map(async (device) => parseForwarding(await must(['bridge', '-j', 'fdb', 'show', 'dev', device]), device)),
  );
  return listed.flat().filter(({ name }) => names.has(name));
}

/** @throws KithError HOST_ANSWER_INVALID */
export function parseForwarding(json: string, device: string): ItemOf<'forwarding'>[] {
  return Answer.parse(json.trim() === '' ? '[]' : json, '"bridge -j fdb show"')
    .list(MOST)
    .flatMap((each) => {
      const destination = each.optional('dst')?.text(LONGEST);
      // What the VXLAN learnt comes and goes by itself.
      if (destination === undefined || each.optional('state')?.text(LONGEST) !== 'permanent') return [];
      const mac = each.field('mac').text(LONGEST);
      return [{ kind: 'forwarding', name: `${device} ${destination}`, value: { device, mac, destination } }];
    });
}
