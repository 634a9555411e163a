/** What a gateway's host shall look like: every item with the line that causes it and what has to be there before. */
import { KithError } from '@kith/core';
import { type Cause, type Item, type ItemKey, keyOf } from './item.ts';

export interface Wanted {
  readonly item: Item;
  /** Null for what a rollback brings back. */
  readonly cause: Cause | null;
  /** What must stand before this item can: a port needs its bridge, a daemon its files and addresses. */
  readonly needs: readonly ItemKey[];
}

export interface Desired {
  /** In an order in which they can be made: what an item needs stands before it. */
  readonly wanted: readonly Wanted[];
  /** What `nft -f` is given for a table, by the digest in its value: it replaces the table in one transaction. */
  readonly rulesets: Readonly<Record<string, string>>;
}

/** The state of a host that is no gateway: planned against it, everything of kith's goes and what was there comes back. */
export const NOTHING: Desired = { wanted: [], rulesets: {} };

/**
 * Puts what is needed before what needs it and otherwise keeps the order given.
 *
 * @throws KithError INTERNAL for a key that stands twice, a need that nothing fulfils or a circle
 */
export function inOrder(wanted: readonly Wanted[]): Wanted[] {
  const byKey = new Map<ItemKey, Wanted>();
  for (const one of wanted) {
    const key = keyOf(one.item);
    if (byKey.has(key)) throw new KithError('INTERNAL', `the gateway wants "${key}" twice`);
    byKey.set(key, one);
  }
  const out: Wanted[] = [];
  const state = new Map<ItemKey, 'open' | 'done'>();
  const visit = (key: ItemKey, from: ItemKey): void => {
    const one = byKey.get(key);
    if (one === undefined) throw new KithError('INTERNAL', `"${from}" needs "${key}", which the gateway does not want`);
    if (state.get(key) === 'done') return;
    if (state.get(key) === 'open') throw new KithError('INTERNAL', `"${from}" and "${key}" need each other`);
    state.set(key, 'open');
    for (const need of one.needs) visit(need, key);
    state.set(key, 'done');
    out.push(one);
  };
  for (const key of byKey.keys()) visit(key, key);
  return out;
}
