/** What an observer found on the host, and what kith's journal says about it. */
import type { Item, ItemKey } from './item.ts';

export interface Owned {
  /** What was there before kith changed it first; null: nothing was. It comes back when kith leaves. */
  readonly original: Item | null;
  /** What the item needed when it was made, so that it goes before them. */
  readonly needs: readonly ItemKey[];
}

export interface Observed {
  /** Every item that is wanted or owned and exists. What else is on the host does not belong here. */
  readonly found: ReadonlyMap<ItemKey, Item>;
  /** What kith made or changed, in the order in which it did. */
  readonly owned: ReadonlyMap<ItemKey, Owned>;
}

/** A host that kith has not touched and that has nothing of what is wanted. */
export const UNTOUCHED: Observed = { found: new Map(), owned: new Map() };
