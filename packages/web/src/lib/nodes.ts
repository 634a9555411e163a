/** Which nodes somebody looks for. */
import type { NodeRow } from '@kith/api';

export type Kept = 'all' | 'online' | 'offline' | 'new' | 'lost';

export interface Filter {
  /** Words that all have to be in name, address, model, version or place. */
  readonly search: string;
  readonly kept: Kept;
  /** Label of a network or code of a domain; empty for all. */
  readonly place: string;
}

const WEEK = 7 * 86_400_000;

/** Was seen first in the last week. */
function isNew({ firstSeen }: NodeRow, now: number): boolean {
  return firstSeen !== null && now - firstSeen < WEEK;
}

/** Is away since less than a week: one to look for. */
function isLost({ online, lastSeen }: NodeRow, now: number): boolean {
  return !online && lastSeen !== null && now - lastSeen < WEEK;
}

export function filtered(nodes: readonly NodeRow[], { search, kept, place }: Filter, now: number): readonly NodeRow[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return nodes.filter((node) => {
    if (place !== '' && node.place !== place) return false;
    if (kept === 'online' && !node.online) return false;
    if (kept === 'offline' && node.online) return false;
    if (kept === 'new' && !isNew(node, now)) return false;
    if (kept === 'lost' && !isLost(node, now)) return false;
    if (words.length === 0) return true;
    const text = textOf(node);
    return words.every((word) => text.includes(word));
  });
}

const texts: WeakMap<NodeRow, string> = new WeakMap();

function textOf(node: NodeRow): string {
  let text = texts.get(node);
  if (text === undefined) {
    const { name, id, place, addresses, model, version } = node;
    text = [name, id, place, ...addresses, model ?? '', version ?? ''].join('\n').toLowerCase();
    texts.set(node, text);
  }
  return text;
}
