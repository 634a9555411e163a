/** What every store of pieces does, sentence by sentence of the contract in `@kith/torrent`. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BLOCK, type Metainfo, pieceCheck, type PieceCheck, type PieceStore } from '@kith/torrent';
import { HASHES, put, type Rig, torrentV1, torrentV2 } from './rig.ts';

/** `memory`: bytes for pieces in flight. */
export type MakeStore = (torrent: Metainfo, memory?: number) => Promise<PieceStore>;

type Case = readonly [sentence: string, run: (make: MakeStore) => Promise<void>];

const CASES: readonly Case[] = [
  [
    'gives back what was committed, across the bounds of files',
    async (make) => {
      const rig = torrentV1(THREE_FILES, 32_768);
      const store = await make(rig.torrent);
      for (let i = rig.torrent.pieceCount - 1; i >= 0; i--) assert.ok(await put(store, rig, i, checkOf(rig, i)));
      for (let i = 0; i < rig.torrent.pieceCount; i++) {
        assert.deepEqual(Buffer.from(await store.read(i, 0, rig.torrent.pieceSize(i))), Buffer.from(rig.piece(i)));
      }
      await store.close();
    },
  ],
  [
    'refuses a wrong piece and says the hash of each of its blocks',
    async (make) => {
      const rig = torrentV1([{ path: 'a', length: 70_000 }], 65_536);
      const store = await make(rig.torrent);
      const buffer = acquire(store, 0);
      buffer.bytes.set(rig.piece(0));
      buffer.bytes[BLOCK + 5] = 1 ^ (buffer.bytes[BLOCK + 5] ?? 0);
      const wrong = Uint8Array.from(buffer.bytes);
      const result = await store.commit(buffer, checkOf(rig, 0), false);
      assert.equal(result.ok, false);
      assert.deepEqual(Buffer.from(result.blocks ?? []), blockHashes(wrong));
      assert.ok(await put(store, rig, 0, checkOf(rig, 0)), 'the right one goes in afterwards');
      await store.close();
    },
  ],
  [
    'says the hashes of the blocks of a right piece when asked, and only then',
    async (make) => {
      const rig = torrentV1([{ path: 'a', length: 40_000 }], 65_536);
      const store = await make(rig.torrent);
      for (const want of [true, false]) {
        const buffer = acquire(store, 0);
        buffer.bytes.set(rig.piece(0));
        const result = await store.commit(buffer, checkOf(rig, 0), want);
        assert.equal(result.ok, true);
        assert.deepEqual(result.blocks && Buffer.from(result.blocks), want ? blockHashes(rig.piece(0)) : undefined);
      }
      await store.close();
    },
  ],
  [
    'judges pieces of v2 by their trees: layers, short last pieces, files smaller than a piece',
    async (make) => {
      const rig = torrentV2(
        [
          { path: 'long', length: 3 * 65_536 + 20_000 },
          { path: 'empty', length: 0 },
          { path: 'small', length: 40_000 },
          { path: 'tiny', length: 1 },
        ],
        65_536,
      );
      const store = await make(rig.torrent);
      for (let i = 0; i < rig.torrent.pieceCount; i++) {
        const check = checkOf(rig, i);
        assert.ok(await put(store, rig, i, check), `piece ${i}`);
        assert.deepEqual(Buffer.from(await store.read(i, 0, rig.torrent.pieceSize(i))), Buffer.from(rig.piece(i)));
        const buffer = acquire(store, i);
        buffer.bytes.set(rig.piece(i));
        buffer.bytes[buffer.bytes.length - 1] = 1 ^ (buffer.bytes.at(-1) ?? 0);
        assert.equal((await store.commit(buffer, check, false)).ok, false, `piece ${i} with a wrong last byte`);
      }
      await store.close();
    },
  ],
  [
    'takes a hybrid piece only where both hashes fit',
    async (make) => {
      const v1 = torrentV1(
        [
          { path: 'a', length: 50_000 },
          { path: 'pad', length: 15_536, padding: true },
        ],
        65_536,
      );
      const data = v1.piece(0).subarray(0, 50_000);
      const leaves = Array.from({ length: 4 }, (_, i) => HASHES.sha256(data.subarray(i * BLOCK, (i + 1) * BLOCK)));
      const pair = (a: number): Uint8Array => HASHES.sha256(Buffer.concat(leaves.slice(a, a + 2)));
      const root = HASHES.sha256(Buffer.concat([pair(0), pair(2)]));
      const sha1 = HASHES.sha1(v1.piece(0));
      const merkle = { root, leaves: 4, bytes: 50_000 };
      const store = await make(v1.torrent);
      assert.equal(await put(store, v1, 0, { sha1, merkle }), true);
      assert.equal(await put(store, v1, 0, { sha1: HASHES.sha1(data), merkle }), false);
      assert.equal(await put(store, v1, 0, { sha1, merkle: { ...merkle, root: sha1 } }), false);
      await store.close();
    },
  ],
  [
    'makes padding zero whatever peers sent for it',
    async (make) => {
      const rig = torrentV1(
        [
          { path: 'a', length: 10_000 },
          { path: 'pad', length: 6_384, padding: true },
          { path: 'b', length: 9_000 },
        ],
        32_768,
      );
      const store = await make(rig.torrent);
      const buffer = acquire(store, 0);
      buffer.bytes.set(rig.piece(0));
      buffer.bytes.fill(7, 10_000, 16_384);
      assert.equal((await store.commit(buffer, checkOf(rig, 0), false)).ok, true);
      assert.deepEqual(Buffer.from(await store.read(0, 0, 25_384)), Buffer.from(rig.piece(0)));
      await store.close();
    },
  ],
  [
    'refuses memory when it is spent and says when there is room again',
    async (make) => {
      const rig = torrentV1([{ path: 'a', length: 40 * 16_384 }], 16_384);
      const store = await make(rig.torrent, 20 * 16_384);
      let calls = 0;
      store.onRoom = () => calls++;
      const held = Array.from({ length: 20 }, (_, i) => acquire(store, i));
      assert.equal(store.acquire(20), undefined);
      assert.equal(calls, 0);
      for (const buffer of held.slice(0, 2)) store.release(buffer);
      assert.equal(calls, 1, 'once, until it refuses again');
      for (let i = 0; i < 2; i++) assert.ok(store.acquire(20 + i));
      assert.equal(store.acquire(22), undefined);
      const last = held[5];
      assert.ok(last !== undefined);
      last.bytes.set(rig.piece(5));
      await store.commit(last, checkOf(rig, 5), false);
      assert.equal(calls, 2, 'a commit gives its memory back');
      await store.close();
    },
  ],
  [
    'lets a piece in that is larger than all its memory, one at a time',
    async (make) => {
      const rig = torrentV1([{ path: 'a', length: 600_000 }], 300_000);
      const store = await make(rig.torrent, 100_000);
      const buffer = acquire(store, 0);
      assert.equal(store.acquire(1), undefined);
      buffer.bytes.set(rig.piece(0));
      assert.equal((await store.commit(buffer, checkOf(rig, 0), false)).ok, true);
      assert.ok(await put(store, rig, 1, checkOf(rig, 1)));
      assert.deepEqual(
        Buffer.from(await store.read(0, 250_000, 16_384)),
        Buffer.from(rig.content.subarray(250_000, 266_384)),
      );
      await store.close();
    },
  ],
  [
    'never gives one piece the memory of another that is in flight',
    async (make) => {
      const sizes = [16_384, 20_000, 100_000, 262_144];
      for (const pieceLength of sizes) {
        const rig = torrentV1([{ path: 'a', length: pieceLength * 12 }], pieceLength);
        const store = await make(rig.torrent, 8 * 262_144);
        const held = [];
        for (let i = 0; i < 12; i++) {
          const buffer = store.acquire(i);
          if (buffer === undefined) break;
          buffer.bytes.fill(i + 1);
          held.push(buffer);
          if (i % 3 === 2) {
            const [first] = held.splice(0, 1);
            if (first !== undefined) store.release(first);
          }
        }
        for (const { bytes, piece } of held) assert.ok(bytes.every((byte) => byte === piece + 1));
        await store.close();
      }
    },
  ],
  [
    'gives readers their own bytes, whatever is read and committed at the same time',
    async (make) => {
      const rig = torrentV1([{ path: 'a', length: 65_536 }], 16_384);
      const store = await make(rig.torrent);
      await put(store, rig, 0, checkOf(rig, 0));
      const read = async (piece: number) => {
        const bytes = Buffer.from(await store.read(piece, 0, 16_384));
        assert.deepEqual(bytes, Buffer.from(rig.piece(piece)));
      };
      for (let round = 0; round < 3; round++) {
        await Promise.all(
          [1, 2, 3].flatMap((piece) => [read(0), put(store, rig, piece, checkOf(rig, piece)), read(0)]),
        );
        await Promise.all([3, 0, 1, 2, 1, 0, 3].map(read));
      }
      await store.close();
    },
  ],
  [
    'holds for random layouts, orders and reads',
    async (make) => {
      const layout = fc.record({
        lengths: fc.array(fc.integer({ min: 0, max: 40_000 }), { minLength: 1, maxLength: 8 }),
        padded: fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
        pieceLength: fc.integer({ min: 1000, max: 50_000 }),
        order: fc.infiniteStream(fc.nat()),
        reads: fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat()), { maxLength: 10 }),
      });
      await fc.assert(
        fc.asyncProperty(layout, async ({ lengths, padded, pieceLength, order, reads }) => {
          const files = lengths.map((length, i) => ({ path: `d/${i}`, length, padding: i > 0 && padded[i] === true }));
          const rig = torrentV1(files, pieceLength);
          const store = await make(rig.torrent);
          const pieces = Array.from({ length: rig.torrent.pieceCount }, (_, i) => i);
          while (pieces.length > 0) {
            const [piece] = pieces.splice((order.next().value ?? 0) % pieces.length, 1);
            if (piece !== undefined) assert.ok(await put(store, rig, piece, checkOf(rig, piece)));
          }
          for (const [a, b, c] of rig.torrent.pieceCount === 0 ? [] : reads) {
            const piece = a % rig.torrent.pieceCount;
            const begin = b % rig.torrent.pieceSize(piece);
            const length = 1 + (c % Math.min(BLOCK, rig.torrent.pieceSize(piece) - begin));
            const bytes = await store.read(piece, begin, length);
            assert.deepEqual(Buffer.from(bytes), Buffer.from(rig.piece(piece).subarray(begin, begin + length)));
          }
          await store.close();
        }),
        { numRuns: 30 },
      );
    },
  ],
];

const THREE_FILES = [
  { path: 'rig/a', length: 50_000 },
  { path: 'rig/sub/b', length: 7 },
  { path: 'rig/sub/c', length: 100_000 },
];

/** Registers every case for the implementation that `make` makes. */
export function conformance(name: string, make: MakeStore): void {
  describe(`${name}: contract of a store of pieces`, () => {
    for (const [i, [sentence, run]] of CASES.entries()) it(`${i + 1}: ${sentence}`, () => run(make));
  });
}

function acquire(store: PieceStore, piece: number): NonNullable<ReturnType<PieceStore['acquire']>> {
  const buffer = store.acquire(piece);
  assert.ok(buffer !== undefined, `memory for piece ${piece}`);
  return buffer;
}

function checkOf(rig: Rig, piece: number): PieceCheck {
  const check = pieceCheck(rig.torrent, piece);
  assert.ok(check !== undefined);
  return check;
}

function blockHashes(piece: Uint8Array): Buffer {
  const blocks = Array.from({ length: Math.ceil(piece.length / BLOCK) }, (_, i) =>
    piece.subarray(i * BLOCK, (i + 1) * BLOCK),
  );
  return Buffer.concat(blocks.map((block) => HASHES.sha256(block)));
}
