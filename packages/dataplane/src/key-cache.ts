/** Keys made ready for OpenSSL, kept because making them ready costs as much as using them. */
import { equalBytes } from '@kith/core';

/** What was made from the last `limit` public keys, by their bytes. */
export class LruCache<Value> {
  readonly #limit: number;
  readonly #make: (key: Uint8Array) => Value;
  /** Oldest use first. */
  readonly #values: Map<string, Value> = new Map();

  constructor(limit: number, make: (key: Uint8Array) => Value) {
    this.#limit = limit;
    this.#make = make;
  }

  get size(): number {
    return this.#values.size;
  }

  /** The remembered value, or a new one; what `make` throws is passed on and not remembered. */
  get(key: Uint8Array): Value {
    const name = String.fromCharCode(...key);
    let value = this.#values.get(name);
    if (value === undefined) {
      value = this.#make(key);
      if (this.#values.size >= this.#limit) this.#values.delete(this.#values.keys().next().value ?? '');
    } else {
      this.#values.delete(name);
    }
    this.#values.set(name, value);
    return value;
  }
}

/**
 * What was made from secret keys, for as long as the caller keeps the array: a cache that outlived it would break
 * forward secrecy. An array whose bytes were changed counts as a new key.
 */
export class SecretCache<Value> {
  readonly #make: (key: Uint8Array) => Value;
  readonly #values: WeakMap<Uint8Array, { readonly bytes: Uint8Array; readonly value: Value }> = new WeakMap();

  constructor(make: (key: Uint8Array) => Value) {
    this.#make = make;
  }

  get(key: Uint8Array): Value {
    const known = this.#values.get(key);
    if (known !== undefined && equalBytes(known.bytes, key)) return known.value;
    const value = this.#make(key);
    this.#values.set(key, { bytes: Uint8Array.from(key), value });
    return value;
  }
}
