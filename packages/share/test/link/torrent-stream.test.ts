import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryStore, pieceCheck, TorrentStream } from '@kith/torrent';
import { HASHES, put, torrentV1 } from '../store-conformance/rig.ts';

/** A torrent whose pieces come when the test says so. */
class Source {
  readonly rig = torrentV1(
    [
      { path: 'rig/a', length: 70_000 },
      { path: 'rig/b', length: 200_000 },
    ],
    16_384,
  );
  readonly metainfo = this.rig.torrent;
  readonly store = new MemoryStore(this.rig.torrent, HASHES);
  readonly have = new Set<number>();
  readonly urgent = new Map<number, number>();
  #waiting: (() => void)[] = [];

  deadline(piece: number, at: number): void {
    this.urgent.set(piece, at);
  }

  clearDeadlines(pieces: Iterable<number>): void {
    for (const piece of pieces) this.urgent.delete(piece);
  }

  async whenPiece(piece: number): Promise<void> {
    while (!this.have.has(piece)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async arrive(piece: number): Promise<void> {
    await put(this.store, this.rig, piece, pieceCheck(this.metainfo, piece) ?? {});
    this.have.add(piece);
    this.urgent.delete(piece);
    for (const go of this.#waiting.splice(0)) go();
  }
}

const options = { now: (): number => 1000, ahead: 50_000, rate: 1_000_000 };

test('reading asks for the piece at once and for those behind it in time, then gives what the piece has', async () => {
  const source = new Source();
  const [, b] = new TorrentStream(source, options).files;
  const reader = b?.open();
  assert.ok(reader !== undefined);
  const bytes = reader.read(0, 100_000, 200_000);
  assert.deepEqual([...source.urgent.keys()], [4, 5, 6, 7]);
  assert.equal(source.urgent.get(4), Number.NEGATIVE_INFINITY, 'before all that others will need');
  assert.ok((source.urgent.get(5) ?? 0) > 1000);
  assert.ok((source.urgent.get(6) ?? 0) > (source.urgent.get(5) ?? 0));
  await source.arrive(4);
  const begin = 70_000;
  assert.deepEqual(Buffer.from(await bytes), Buffer.from(source.rig.content.subarray(begin, 5 * 16_384)));
  reader.close();
  assert.deepEqual([...source.urgent.keys()], []);
});

test('a seek leaves the old place, and readers do not take each other’s pieces away', async () => {
  const source = new Source();
  const [, b] = new TorrentStream(source, options).files;
  const one = b?.open();
  const two = b?.open();
  assert.ok(one !== undefined && two !== undefined);
  const reads = [one.read(0, 10, 200_000), two.read(30_000, 10, 200_000)];
  assert.deepEqual([...source.urgent.keys()], [4, 5, 6, 7, 8, 9]);
  reads.push(one.read(180_000, 10, 200_000));
  assert.deepEqual(
    [...source.urgent.keys()].sort((x, y) => x - y),
    [6, 7, 8, 9, 15, 16],
  );
  one.close();
  assert.deepEqual(
    [...source.urgent.keys()].sort((x, y) => x - y),
    [6, 7, 8, 9],
  );
  two.close();
  assert.equal(source.urgent.size, 0);
  for (const piece of [4, 6, 15]) await source.arrive(piece);
  const settled = await Promise.allSettled(reads);
  assert.ok(
    settled.every(({ status }) => status === 'rejected'),
    'closed readers give nothing',
  );
});

test('a reader that can wait for a piece does not make another wait for it', () => {
  const source = new Source();
  const [, b] = new TorrentStream(source, options).files;
  const [jumped, behind] = [b?.open(), b?.open()];
  assert.ok(jumped !== undefined && behind !== undefined);
  void jumped.read(30_000, 10, 200_000);
  void behind.read(0, 10, 200_000);
  assert.equal(source.urgent.get(6), Number.NEGATIVE_INFINITY);
  assert.ok((source.urgent.get(5) ?? 0) > 1000);
});

test('no more is asked for than the range needs', async () => {
  const source = new Source();
  const [a] = new TorrentStream(source, options).files;
  const reader = a?.open();
  assert.ok(reader !== undefined);
  const bytes = reader.read(0, 10, 10);
  assert.deepEqual([...source.urgent.keys()], [0]);
  await source.arrive(0);
  assert.equal((await bytes).length, 10);
  reader.close();
});
