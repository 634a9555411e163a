import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concat, equalBytes, toHex } from '@kith/core';
import { BLOCK, HashTree, leavesOf, merkleRoot, powerOfTwo, type HashRange } from '@kith/torrent';
import fc from 'fast-check';
import { content, hashes } from './support.ts';

/** A tree made the slow way, every layer from the leaves up with all its padding: the oracle. */
class Oracle {
  readonly layers: Uint8Array[][];
  readonly root: Uint8Array;

  constructor(leaves: Uint8Array) {
    const width = powerOfTwo(leaves.length / 32);
    const padded: Uint8Array[] = Array.from({ length: width }, (_, i) =>
      i * 32 < leaves.length ? leaves.slice(i * 32, i * 32 + 32) : new Uint8Array(32),
    );
    this.layers = [padded];
    for (let layer = padded; layer.length > 1; this.layers.push(layer)) {
      layer = Array.from({ length: layer.length / 2 }, (_, i) =>
        hashes.sha256(concat(layer[2 * i] as Uint8Array, layer[2 * i + 1] as Uint8Array)),
      );
    }
    this.root = this.layers.at(-1)?.[0] ?? new Uint8Array(32);
  }

  /** The answer to a request as BEP 52 describes it. */
  answer({ baseLayer, index, length, proofLayers }: HashRange): Uint8Array {
    const parts = (this.layers[baseLayer] ?? []).slice(index, index + length);
    const omitted = Math.log2(powerOfTwo(length)) - 1;
    for (let i = 1; i <= proofLayers; i++) {
      const at = Math.floor(index / 2 ** i);
      if (i > omitted) parts.push(this.layers[baseLayer + i]?.[at % 2 === 1 ? at - 1 : at + 1] as Uint8Array);
    }
    return concat(...parts);
  }
}

/** Leaves stand for a file: what is hashed below them does not matter to a tree. */
function fileOf(blocks: number, blocksPerPiece: number) {
  const leaves = content(blocks * 32, blocks);
  const oracle = new Oracle(leaves);
  const length = blocks * BLOCK - 5;
  const pieceLength = blocksPerPiece * BLOCK;
  const pieces = Math.ceil(blocks / blocksPerPiece);
  const layer = concat(...(oracle.layers[Math.log2(blocksPerPiece)] ?? []).slice(0, pieces));
  return { leaves, oracle, length, pieceLength, pieces, layer };
}

test('a tree over one block is its hash; the short last block and the missing ones count as BEP 52 says', () => {
  const bytes = content(3 * BLOCK + 100);
  const leaves = leavesOf(bytes, hashes);
  assert.equal(leaves.length, 4 * 32);
  assert.deepEqual(leaves.subarray(96), hashes.sha256(bytes.subarray(3 * BLOCK)));
  assert.deepEqual(merkleRoot(leaves.subarray(0, 32), 0, 1, hashes), hashes.sha256(bytes.subarray(0, BLOCK)));
  const zero = new Uint8Array(32);
  const pair = (a: Uint8Array, b: Uint8Array): Uint8Array => hashes.sha256(concat(a, b));
  const [a, b, c] = [0, 32, 64].map((at) => leaves.subarray(at, at + 32)) as [Uint8Array, Uint8Array, Uint8Array];
  assert.deepEqual(merkleRoot(leaves.subarray(0, 96), 0, 4, hashes), pair(pair(a, b), pair(c, zero)));
  assert.deepEqual(
    merkleRoot(a, 1, 4, hashes),
    pair(pair(a, pair(zero, zero)), pair(pair(zero, zero), pair(zero, zero))),
  );
});

test('the root over a piece layer is the root over the leaves', () => {
  for (const [blocks, perPiece] of [
    [5, 2],
    [8, 4],
    [9, 8],
    [100, 16],
    [1025, 1],
    [33, 32],
  ] as const) {
    const { oracle, layer, pieces } = fileOf(blocks, perPiece);
    const root = merkleRoot(layer, Math.log2(perPiece), powerOfTwo(pieces), hashes);
    assert.equal(toHex(root), toHex(oracle.root), `${blocks} blocks, ${perPiece} to a piece`);
  }
});

test('a tree learns its piece layer from peers who prove it, and then serves it', () => {
  for (const [blocks, perPiece] of [
    [2, 1],
    [3, 1],
    [513, 1],
    [514, 1],
    [1500, 1],
    [2600, 2],
    [100, 16],
    [33, 32],
  ] as const) {
    const { oracle, length, pieceLength, pieces, layer } = fileOf(blocks, perPiece);
    const name = `${blocks} blocks, ${perPiece} to a piece`;
    const seed = new HashTree({ root: oracle.root, length, pieceLength, layer }, hashes);
    const tree = new HashTree({ root: oracle.root, length, pieceLength }, hashes);
    assert.equal(seed.complete, true);
    assert.deepEqual([tree.complete, tree.pieces, tree.pieceLayer()], [false, pieces, undefined], name);
    const ranges = tree.missing();
    assert.equal(ranges.length, Math.ceil(pieces / 512));
    for (const range of ranges.toReversed()) {
      assert.equal(tree.pieceRoot(range.index), undefined);
      const answer = seed.serve(range);
      assert.ok(answer, name);
      assert.equal(toHex(answer), toHex(oracle.answer(range)), name);
      assert.equal(tree.add(range, answer), true, name);
      assert.deepEqual(tree.pieceRoot(range.index), layer.subarray(range.index * 32, range.index * 32 + 32));
      assert.deepEqual(tree.serve(range), answer, 'what was learnt can be passed on at once');
    }
    assert.equal(tree.complete, true);
    assert.deepEqual(tree.missing(), []);
    assert.deepEqual(tree.pieceLayer(), layer);
  }
});

test('a lie in any hash or uncle, or an answer of another length, is not taken', () => {
  const { oracle, length, pieceLength, layer } = fileOf(1500, 1);
  const seed = new HashTree({ root: oracle.root, length, pieceLength, layer }, hashes);
  const tree = new HashTree({ root: oracle.root, length, pieceLength }, hashes);
  const [, range] = tree.missing();
  assert.ok(range);
  const answer = seed.serve(range);
  assert.ok(answer);
  assert.equal(answer.length, (512 + 2) * 32);
  for (const at of [0, 511 * 32 + 31, 512 * 32, 513 * 32]) {
    const lie: Uint8Array = answer.slice();
    lie[at] = (lie[at] ?? 0) ^ 1;
    assert.equal(tree.add(range, lie), false, `byte ${at}`);
  }
  assert.equal(tree.add(range, answer.subarray(32)), false);
  assert.equal(tree.add(range, concat(answer, new Uint8Array(32))), false);
  assert.equal(tree.add({ ...range, index: 0 }, answer), false);
  assert.equal(tree.pieceRoot(512), undefined);
  assert.equal(tree.add(range, answer), true);
});

test('leaves of a piece are asked for, served from the piece and checked', () => {
  const { oracle, leaves, length, pieceLength, layer } = fileOf(37, 8);
  const seed = new HashTree({ root: oracle.root, length, pieceLength, layer }, hashes);
  const magnet = new HashTree({ root: oracle.root, length, pieceLength }, hashes);
  for (let piece = 0; piece < seed.pieces; piece++) {
    const range = seed.leavesRange(piece);
    assert.ok(range);
    assert.equal(seed.pieceOfLeaves(range), piece);
    const answer = seed.serve(range, leaves.subarray(piece * 8 * 32, (piece + 1) * 8 * 32));
    assert.ok(answer);
    assert.equal(toHex(answer), toHex(oracle.answer(range)));
    assert.ok(seed.verify(range, answer) && magnet.verify(range, answer));
    answer[40] = (answer[40] ?? 0) ^ 1;
    assert.ok(!seed.verify(range, answer));
    assert.equal(seed.serve(range), undefined);
  }
});

test('a proof may end at any layer that is known', () => {
  const { oracle, leaves, length, pieceLength, layer } = fileOf(64, 8);
  const tree = new HashTree({ root: oracle.root, length, pieceLength, layer }, hashes);
  for (const [index, size, proofLayers] of [
    [8, 8, 2],
    [8, 8, 0],
    [12, 4, 2],
    [10, 2, 2],
    [10, 2, 5],
  ] as const) {
    const range = { piecesRoot: oracle.root, baseLayer: 0, index, length: size, proofLayers };
    const answer = tree.serve(range, leaves.subarray(8 * 32, 16 * 32));
    assert.ok(answer);
    assert.equal(toHex(answer), toHex(oracle.answer(range)), JSON.stringify([index, size, proofLayers]));
    assert.ok(tree.verify(range, answer));
  }
  const ends = { piecesRoot: oracle.root, baseLayer: 0, index: 10, length: 2, proofLayers: 1 };
  assert.ok(!tree.verify(ends, oracle.answer(ends)), 'below the piece layer nothing is known to compare with');
});

test('a file within one piece needs no layer', () => {
  const { oracle, leaves, length } = fileOf(5, 8);
  const tree = new HashTree({ root: oracle.root, length, pieceLength: 8 * BLOCK }, hashes);
  assert.deepEqual([tree.complete, tree.pieces, tree.leavesPerPiece, tree.missing()], [true, 1, 8, []]);
  assert.deepEqual([tree.pieceRoot(0), tree.pieceRoot(1), tree.pieceRoot(-1)], [oracle.root, undefined, undefined]);
  const range = tree.leavesRange(0);
  assert.ok(range);
  const answer = tree.serve(range, leaves);
  assert.ok(answer && tree.verify(range, answer));
  const short = new HashTree({ root: oracle.root, length: 100, pieceLength: BLOCK }, hashes);
  assert.equal(short.leavesRange(0), undefined);
});

test('requests that make no sense are answered with nothing and prove nothing', () => {
  const { oracle, length, pieceLength, layer } = fileOf(5000, 1);
  const tree = new HashTree({ root: oracle.root, length, pieceLength, layer }, hashes);
  const fine = { piecesRoot: oracle.root, baseLayer: 0, index: 0, length: 2, proofLayers: 0 };
  assert.ok(tree.serve(fine));
  for (const wrong of [
    { index: 1 },
    { length: 0 },
    { length: 3 },
    { length: 1024 },
    { index: 8192 },
    { index: 2 ** 32 - 2 },
    { baseLayer: 13 },
    { baseLayer: 2 ** 32 - 1 },
    { proofLayers: 13 },
    { proofLayers: 2 ** 32 - 1 },
    { length: 2 ** 32 - 1 },
  ]) {
    const range = { ...fine, ...wrong };
    assert.equal(tree.serve(range), undefined, JSON.stringify(wrong));
    assert.equal(tree.verify(range, new Uint8Array(64)), false, JSON.stringify(wrong));
  }
  const cut = { ...fine, index: 4608, length: 392, proofLayers: 12 };
  const answer = tree.serve(cut);
  assert.ok(answer, 'a length may be cut short by the end of the layer');
  assert.ok(tree.verify(cut, answer));
});

test('any range of any tree is served as the specification says, and only true answers are proved', () => {
  const shape = fc.record({
    blocks: fc.integer({ min: 2, max: 300 }),
    pieceLog: fc.integer({ min: 0, max: 4 }),
    baseLayer: fc.nat(9),
    widthLog: fc.integer({ min: 1, max: 9 }),
    index: fc.nat(300),
    proofLayers: fc.nat(9),
    damage: fc.nat(),
  });
  fc.assert(
    fc.property(shape, ({ blocks, pieceLog, baseLayer, widthLog, index, proofLayers, damage }) => {
      const { oracle, length, pieceLength, layer } = fileOf(blocks, 2 ** pieceLog);
      const tree = new HashTree({ root: oracle.root, length, pieceLength, layer }, hashes);
      const size = 2 ** widthLog;
      const range = { piecesRoot: oracle.root, baseLayer, index: index * size, length: size, proofLayers };
      const answer = tree.serve(range);
      const height = oracle.layers.length - 1;
      const inside = baseLayer < height && range.index + size <= 2 ** (height - baseLayer);
      const expected = inside && proofLayers < height - baseLayer && baseLayer >= Math.min(pieceLog, height);
      assert.equal(answer !== undefined, expected);
      if (answer === undefined) return;
      assert.ok(equalBytes(answer, oracle.answer(range)));
      assert.ok(tree.verify(range, answer));
      const at = damage % answer.length;
      answer[at] = (answer[at] ?? 0) ^ 1;
      assert.ok(!tree.verify(range, answer));
    }),
    { numRuns: 300 },
  );
});
