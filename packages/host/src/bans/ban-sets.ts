/**
 * The sets of nftables in which the banned are. The table is made by an apply; only what is in its two sets is changed
 * here. The kernel lets elements go by itself when their time is over. Everything of one call is one transaction.
 */
import type { Prefix } from '@kith/core';
import { type Ban, BANS_TABLE } from '@kith/gateway';
import { must, run } from '../command.ts';

/** A change of one element: until when it is banned, or null to lift the ban. Milliseconds, as `now`. */
export type BanChange = readonly [target: Prefix, until: number | null];

interface ListedSet {
  readonly set?: { readonly name: string; readonly handle: number };
  readonly table?: { readonly handle: number };
}

/** Told apart from another table of the same name by the kernel's handles; null where there is none. */
export async function banSetsId(): Promise<string | null> {
  // Terse: without the elements, which may be many.
  const { code, stdout } = await run(['nft', '--json', '--terse', 'list', 'table', 'inet', BANS_TABLE]);
  if (code !== 0) return null;
  const { nftables }: { nftables: readonly ListedSet[] } = JSON.parse(stdout);
  const handles = nftables.flatMap(({ set, table }) => {
    if (table !== undefined) return [`table ${table.handle}`];
    return set?.name.startsWith('banned') ? [`${set.name} ${set.handle}`] : [];
  });
  return handles.length === 3 ? handles.join(', ') : null;
}

/** @throws KithError HOST_COMMAND_FAILED where the table is not there */
export async function changeBanSets(changes: readonly BanChange[], now: number): Promise<void> {
  await must(['nft', '--file', '-'], { input: changeText(changes, now) });
}

/** Whatever was in the sets, afterwards these are. @throws KithError HOST_COMMAND_FAILED */
export async function fillBanSets(bans: readonly Ban[], now: number): Promise<void> {
  await must(['nft', '--file', '-'], { input: fillText(bans, now) });
}

function fillText(bans: readonly Ban[], now: number): string {
  const changes = bans.map(({ target, until }): BanChange => [target, until]);
  const flushes = [...bySet(changes).keys()].map((set) => `flush set ${set}`);
  return [...flushes, ...additions(changes, now), ''].join('\n');
}

function changeText(changes: readonly BanChange[], now: number): string {
  const lines = [...bySet(changes)].flatMap(([set, own]) => {
    if (own.length === 0) return [];
    const all = own.map(([target]) => elementOf(target)).join(', ');
    // Added first, since what is not there cannot be deleted; deleted, since a timeout that stands is not changed.
    return [`add element ${set} { ${all} }`, `delete element ${set} { ${all} }`];
  });
  return [...lines, ...additions(changes, now), ''].join('\n');
}

function additions(changes: readonly BanChange[], now: number): string[] {
  return [...bySet(changes)].flatMap(([set, own]) => {
    const elements = own.flatMap(([target, until]) => {
      if (until === null || until <= now) return [];
      return [`${elementOf(target)} timeout ${Math.ceil((until - now) / 1000)}s`];
    });
    return elements.length === 0 ? [] : [`add element ${set} { ${elements.join(', ')} }`];
  });
}

function bySet(changes: readonly BanChange[]): Map<string, BanChange[]> {
  const six = (change: BanChange): boolean => change[0].includes(':');
  return new Map([
    [`inet ${BANS_TABLE} banned4`, changes.filter((change) => !six(change))],
    [`inet ${BANS_TABLE} banned6`, changes.filter(six)],
  ]);
}

/** The set for IPv4 holds addresses, no prefixes. */
function elementOf(target: Prefix): string {
  return target.endsWith('/32') ? target.slice(0, -'/32'.length) : target;
}
