/** What is looked at on a host: the items that are wanted or that kith's journal names, and nothing else. */
import {
  type Desired,
  isOfKind,
  type Item,
  type ItemKey,
  type ItemOf,
  keyOf,
  type Kind,
  type Owned,
} from '@kith/gateway';

export class Interest {
  readonly #names = new Map<string, string[]>();
  readonly #wanted: ReadonlyMap<ItemKey, Item>;

  constructor(desired: Desired, owned: ReadonlyMap<ItemKey, Owned>) {
    this.#wanted = new Map(desired.wanted.map(({ item }) => [keyOf(item), item]));
    for (const key of new Set([...this.#wanted.keys(), ...owned.keys()])) {
      const at = key.indexOf(' ');
      const kind = key.slice(0, at);
      this.#names.set(kind, [...(this.#names.get(kind) ?? []), key.slice(at + 1)]);
    }
  }

  names(kind: Kind): readonly string[] {
    return this.#names.get(kind) ?? [];
  }

  /** What is wanted under this name; null where nothing is. */
  wanted<K extends Kind>(kind: K, name: string): ItemOf<K> | null {
    const item = this.#wanted.get(keyOf({ kind, name }));
    return item === undefined || !isOfKind(item, kind) ? null : item;
  }
}
