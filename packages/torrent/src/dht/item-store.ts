/** Values that others stored here (BEP 44), for a while and within bounds. */
import { type Address, equalBytes, toHex } from '@kith/core';
import { isLocal } from './contact.ts';
import { DhtError, ERROR_CODE } from './error.ts';
import { type DhtItem, isMutable } from './item.ts';
import type { DhtLimits } from './limits.ts';

interface Stored {
  readonly item: DhtItem;
  readonly source: Address;
  readonly until: number;
}

export class ItemStore {
  readonly #limits: DhtLimits;
  /** By hex of the target, the one stored longest ago first. */
  readonly #items = new Map<string, Stored>();
  readonly #perSource = new Map<Address, number>();

  constructor(limits: DhtLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#items.size;
  }

  /**
   * @param item verified, and belonging to `target`
   * @param cas the sequence number that has to be here for this one to replace it
   * @throws DhtError where something newer or of the same number is here, `cas` is wrong or the sender has too much here already
   */
  put(target: Uint8Array, item: DhtItem, cas: number | undefined, source: Address, now: number): void {
    const key = toHex(target);
    const known = this.#alive(key, now);
    if (known !== undefined && isMutable(known.item) && isMutable(item)) {
      if (cas !== undefined && cas !== known.item.sequence) {
        throw new DhtError(ERROR_CODE.casMismatch, 'the CAS hash mismatched, re-read value and try again');
      }
      const same = item.sequence === known.item.sequence && equalBytes(item.value, known.item.value);
      if (item.sequence <= known.item.sequence && !same) {
        throw new DhtError(ERROR_CODE.sequenceLess, 'sequence number less than current');
      }
    }
    const held = (this.#perSource.get(source) ?? 0) - (known?.source === source ? 1 : 0);
    if (!isLocal(source) && held >= this.#limits.itemsPerSource) {
      throw new DhtError(ERROR_CODE.server, 'too many values of one address');
    }
    this.#drop(key);
    this.#items.set(key, { item, source, until: now + this.#limits.itemLife });
    this.#perSource.set(source, (this.#perSource.get(source) ?? 0) + 1);
    if (this.#items.size > this.#limits.items) {
      const [oldest = ''] = this.#items.keys();
      this.#drop(oldest);
    }
  }

  get(target: Uint8Array, now: number): DhtItem | undefined {
    return this.#alive(toHex(target), now)?.item;
  }

  /** Forgets what is too old. */
  expire(now: number): void {
    for (const [key, { until }] of this.#items) {
      if (until > now) break;
      this.#drop(key);
    }
  }

  #alive(key: string, now: number): Stored | undefined {
    const stored = this.#items.get(key);
    if (stored === undefined || stored.until > now) return stored;
    this.#drop(key);
    return undefined;
  }

  #drop(key: string): void {
    const stored = this.#items.get(key);
    if (stored === undefined) return;
    this.#items.delete(key);
    const left = (this.#perSource.get(stored.source) ?? 1) - 1;
    if (left === 0) this.#perSource.delete(stored.source);
    else this.#perSource.set(stored.source, left);
  }
}
