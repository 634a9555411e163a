import { concat, equalBytes } from '@kith/core';
import { BLOCK, type Hashes } from '../hashes.ts';
import type { CommitResult, PieceCheck } from './piece-store.ts';

/**
 * Whether a piece is what it must be. `blocks` are the SHA-256 of its blocks, given where the piece is wrong and where
 * `wantBlocks` asks. With a tree the last one covers only what belongs to the tree, so that it equals the leaf (BEP 52).
 */
export function judge(bytes: Uint8Array, check: PieceCheck, wantBlocks: boolean, hashes: Hashes): CommitResult {
  let ok = check.sha1 !== undefined || check.merkle !== undefined;
  if (check.sha1 !== undefined) ok = equalBytes(hashes.sha1(bytes), check.sha1);
  let blocks: Uint8Array | undefined;
  if (check.merkle !== undefined && (ok || wantBlocks)) {
    blocks = hashBlocks(bytes, check.merkle.bytes, hashes);
    const count = Math.ceil(check.merkle.bytes / BLOCK);
    ok &&= equalBytes(rootOf(blocks.subarray(0, count * 32), check.merkle.leaves, hashes), check.merkle.root);
  }
  if (ok && !wantBlocks) return { ok };
  return { ok, blocks: blocks ?? hashBlocks(bytes, check.merkle?.bytes ?? bytes.length, hashes) };
}

/** Blocks that reach beyond `leafBytes` are cut there; those wholly beyond are hashed as they are. */
function hashBlocks(bytes: Uint8Array, leafBytes: number, hashes: Hashes): Uint8Array {
  const out = new Uint8Array(Math.ceil(bytes.length / BLOCK) * 32);
  for (let begin = 0; begin < bytes.length; begin += BLOCK) {
    const limit = begin < leafBytes ? leafBytes : bytes.length;
    out.set(hashes.sha256(bytes.subarray(begin, Math.min(begin + BLOCK, limit))), (begin / BLOCK) * 32);
  }
  return out;
}

/** Root over `leaves` leaves, a power of two; those that are missing are 32 zero bytes each (BEP 52). */
function rootOf(given: Uint8Array, leaves: number, hashes: Hashes): Uint8Array {
  let layer = given;
  let filler: Uint8Array = new Uint8Array(32);
  for (let width = leaves; width > 1; width /= 2) {
    const present = layer.length / 32;
    const above = new Uint8Array(Math.ceil(present / 2) * 32);
    for (let i = 0; i < present; i += 2) {
      const pair =
        i + 1 < present ? layer.subarray(i * 32, i * 32 + 64) : concat(layer.subarray(i * 32, i * 32 + 32), filler);
      above.set(hashes.sha256(pair), i * 16);
    }
    filler = hashes.sha256(concat(filler, filler));
    layer = above;
  }
  return layer.length === 0 ? filler : layer;
}
