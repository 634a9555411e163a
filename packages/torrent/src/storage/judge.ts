import { concat, equalBytes } from '@kith/core';
import { BLOCK, type Hashes } from '../hashes.ts';
import type { CommitResult, PieceCheck } from './piece-store.ts';

/** Hashes of a platform that answers later, for example `crypto.subtle` of browsers: what is hashed must not change until then. */
export interface LaterHashes {
  /** 20 bytes. */
  sha1(data: Uint8Array): Promise<Uint8Array>;
  /** 32 bytes. */
  sha256(data: Uint8Array): Promise<Uint8Array>;
}

/**
 * Whether a piece is what it must be. `blocks` are the SHA-256 of its blocks, given where the piece is wrong and where
 * `wantBlocks` asks. With a tree the last one covers only what belongs to the tree, so that it equals the leaf (BEP 52).
 */
export function judge(bytes: Uint8Array, check: PieceCheck, wantBlocks: boolean, hashes: Hashes): CommitResult {
  let ok = check.sha1 !== undefined || check.merkle !== undefined;
  if (check.sha1 !== undefined) ok = equalBytes(hashes.sha1(bytes), check.sha1);
  let blocks: Uint8Array | undefined;
  if (check.merkle !== undefined && (ok || wantBlocks)) {
    blocks = concat(...blocksOf(bytes, check.merkle.bytes).map((block) => hashes.sha256(block)));
    ok &&= isRoot(blocks, check.merkle, hashes);
  }
  if (ok && !wantBlocks) return { ok };
  return {
    ok,
    blocks: blocks ?? concat(...blocksOf(bytes, check.merkle?.bytes ?? bytes.length).map((b) => hashes.sha256(b))),
  };
}

/** The same by hashes that come later; `hashes` is for the few above the blocks. */
export async function judgeLater(
  bytes: Uint8Array,
  check: PieceCheck,
  wantBlocks: boolean,
  later: LaterHashes,
  hashes: Hashes,
): Promise<CommitResult> {
  const hashBlocks = async (): Promise<Uint8Array> =>
    concat(...(await Promise.all(blocksOf(bytes, check.merkle?.bytes ?? bytes.length).map((b) => later.sha256(b)))));
  let ok = check.sha1 !== undefined || check.merkle !== undefined;
  if (check.sha1 !== undefined) ok = equalBytes(await later.sha1(bytes), check.sha1);
  let blocks: Uint8Array | undefined;
  if (check.merkle !== undefined && (ok || wantBlocks)) {
    blocks = await hashBlocks();
    ok &&= isRoot(blocks, check.merkle, hashes);
  }
  if (ok && !wantBlocks) return { ok };
  return { ok, blocks: blocks ?? (await hashBlocks()) };
}

/** Blocks that reach beyond `leafBytes` are cut there; those wholly beyond are as they are. */
function blocksOf(bytes: Uint8Array, leafBytes: number): Uint8Array[] {
  const blocks: Uint8Array[] = [];
  for (let begin = 0; begin < bytes.length; begin += BLOCK) {
    const limit = begin < leafBytes ? leafBytes : bytes.length;
    blocks.push(bytes.subarray(begin, Math.min(begin + BLOCK, limit)));
  }
  return blocks;
}

function isRoot(blocks: Uint8Array, merkle: NonNullable<PieceCheck['merkle']>, hashes: Hashes): boolean {
  const leaves = blocks.subarray(0, Math.ceil(merkle.bytes / BLOCK) * 32);
  return equalBytes(rootOf(leaves, merkle.leaves, hashes), merkle.root);
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
