/** Tables of nftables, as far as they are compared: chains and the comments of their rules, never what is in sets. */
import type { Item, TableValue } from '@kith/gateway';
import { Answer } from '../answer.ts';
import { must } from '../command.ts';
import type { Interest } from './interest.ts';

/** The chain whose only rule has the digest as comment. */
const VERSION = 'version';
const MOST = 1 << 16;
const LONGEST = 512;

export async function observeTables(interest: Interest): Promise<Item[]> {
  const names = interest.names('table');
  if (names.length === 0) return [];
  const there = parseNames(await must(['nft', '-j', 'list', 'tables']));
  return Promise.all(
    names
      .filter((name) => there.has(name))
      .map(async (name): Promise<Item> => {
        // Terse: ten thousand banned addresses are neither asked for nor read.
        const json = await must(['nft', '-j', '-t', 'list', 'table', 'inet', name]);
        return { kind: 'table', name, value: parseTable(json, name) };
      }),
  );
}

function parseNames(json: string): Set<string> {
  const tables = entries(json, '"nft -j list tables"').flatMap((entry) => entry.optional('table') ?? []);
  const ours = tables.filter((table) => table.field('family').text(LONGEST) === 'inet');
  return new Set(ours.map((table) => table.field('name').text(LONGEST)));
}

/** @throws KithError HOST_ANSWER_INVALID */
export function parseTable(json: string, name: string): TableValue {
  const chains = new Map<string, string[]>();
  for (const entry of entries(json, `"nft -j -t list table inet ${name}"`)) {
    const chain = entry.optional('chain');
    if (chain !== null) chains.set(chain.field('name').text(LONGEST), []);
    const rule = entry.optional('rule');
    if (rule === null) continue;
    chains.get(rule.field('chain').text(LONGEST))?.push(rule.optional('comment')?.text(LONGEST) ?? '');
  }
  const digest = chains.get(VERSION)?.join(' ') ?? '';
  chains.delete(VERSION);
  return { family: 'inet', name, digest, chains: Object.fromEntries(chains) };
}

function entries(json: string, source: string): Answer[] {
  return Answer.parse(json, source).field('nftables').list(MOST);
}
