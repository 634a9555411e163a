/** Collects what is wanted, with the line that wants it. */
import type { GatewayDomain } from '../derive/gateway.ts';
import type { Wanted } from '../desired.ts';
import type { Cause, Item, ItemKey, ItemOf, Kind } from '../item.ts';
import { keyOf } from '../item.ts';

export type CauseOf = (...path: readonly (string | number)[]) => Cause;

/** Where the file has a key of a domain. */
export function domainPath({ domain }: GatewayDomain, key: string): string {
  return `domains.${domain.code}.${key}`;
}

export class WantedList {
  readonly #causeOf: CauseOf;
  readonly #wanted: Wanted[] = [];

  constructor(causeOf: CauseOf) {
    this.#causeOf = causeOf;
  }

  /** @param path keys below `gateway`, joined by dots */
  add<K extends Kind>(
    kind: K,
    name: string,
    value: ItemOf<K>['value'],
    path: string,
    needs: readonly ItemKey[] = [],
  ): ItemKey {
    const item = itemOf(kind, name, value);
    this.#wanted.push({ item, cause: this.#causeOf(...path.split('.')), needs });
    return keyOf(item);
  }

  has(key: ItemKey): boolean {
    return this.#wanted.some(({ item }) => keyOf(item) === key);
  }

  get all(): readonly Wanted[] {
    return this.#wanted;
  }
}

/** The compiler cannot see that kind and value of a union belong together; the signature above holds callers to it. */
function itemOf<K extends Kind>(kind: K, name: string, value: ItemOf<K>['value']): Item {
  const item: { kind: Kind; name: string; value: unknown } = { kind, name, value };
  return item as Item;
}
