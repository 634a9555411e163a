/**
 * Tokens (BEP 5): proof that whoever stores something asked before, from the same address. Stateless: SipHash-2-4 over
 * address and target under a secret that changes every five minutes; the one before it holds, too.
 */
import { addressBytes, type Address, concat, equalBytes, readUint32LE } from '@kith/core';
import { sipHash } from '../tracker/siphash.ts';

const LIFE = 300_000;
const LENGTH = 8;

export class Tokens {
  readonly #random: (length: number) => Uint8Array;
  #current: Uint32Array;
  #previous: Uint32Array;
  #changeAt: number;

  constructor(random: (length: number) => Uint8Array, now: number) {
    this.#random = random;
    this.#current = this.#secret();
    this.#previous = this.#secret();
    this.#changeAt = now + LIFE;
  }

  issue(ip: Address, target: Uint8Array, now: number): Uint8Array {
    this.#rotate(now);
    return tokenOf(this.#current, ip, target);
  }

  check(token: Uint8Array, ip: Address, target: Uint8Array, now: number): boolean {
    this.#rotate(now);
    return [this.#current, this.#previous].some((secret) => equalBytes(token, tokenOf(secret, ip, target)));
  }

  #rotate(now: number): void {
    if (now < this.#changeAt) return;
    // After a long silence both are too old.
    this.#previous = now < this.#changeAt + LIFE ? this.#current : this.#secret();
    this.#current = this.#secret();
    this.#changeAt = now + LIFE;
  }

  #secret(): Uint32Array {
    const bytes = this.#random(16);
    return Uint32Array.from({ length: 4 }, (_, i) => readUint32LE(bytes, 4 * i));
  }
}

function tokenOf(secret: Uint32Array, ip: Address, target: Uint8Array): Uint8Array {
  const out = new Uint8Array(LENGTH);
  sipHash(secret, concat(addressBytes(ip), target), out, 0);
  return out;
}
