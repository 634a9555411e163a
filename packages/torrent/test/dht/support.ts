import { createHash } from 'node:crypto';
import { portableCrypto, utf8 } from '@kith/core';
import type { Hashes } from '../../src/hashes.ts';
import { Draw } from '../../src/tracker/draw.ts';

export const hashes: Hashes = {
  sha1: (data) => createHash('sha1').update(data).digest(),
  sha256: (data) => createHash('sha256').update(data).digest(),
};

/** Bytes that a seed decides. */
export function seeded(seed: string): (length: number) => Uint8Array {
  const draw = new Draw(hashes.sha256(utf8(seed)));
  return (length) => Uint8Array.from({ length }, () => draw.next() & 0xff);
}

export const crypto = portableCrypto(seeded('crypto'));

/** 20 bytes that belong to `name`. */
export function hashOf(name: string): Uint8Array {
  return hashes.sha1(utf8(name)).slice();
}
