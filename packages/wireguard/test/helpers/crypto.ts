/** Crypto for tests: portable primitives with bytes from a seed, from a list, or from the platform. */
import { createHash, randomBytes } from 'node:crypto';
import type { Crypto } from '@kith/core';
import { fromHex, portableCrypto } from '@kith/core';

/** The same bytes in the same order for the same seed. */
export function seededCrypto(seed: string): Crypto {
  let draws = 0;
  return portableCrypto((length) => {
    const block = createHash('shake256', { outputLength: length }).update(`${seed}/${draws++}`).digest();
    return new Uint8Array(block);
  });
}

/** `random` hands out exactly these, in order. */
export function scriptedCrypto(...draws: string[]): Crypto {
  const rest = draws.map((draw) => fromHex(draw));
  return portableCrypto((length) => {
    const next = rest.shift();
    if (next === undefined || next.length !== length) throw new Error(`no scripted draw of ${length} bytes`);
    return next;
  });
}

export const realCrypto: Crypto = portableCrypto((length) => new Uint8Array(randomBytes(length)));

/** A number in [0, 1) from a seeded crypto. */
export function fraction(crypto: Crypto): number {
  const [a = 0, b = 0, c = 0, d = 0] = crypto.random(4);
  return (a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d) / 2 ** 32;
}
