import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Bits, pieceCheck } from '@kith/torrent';
import { conformance } from '../../../share/test/store-conformance/conformance.ts';
import { put, torrentV2 } from '../../../share/test/store-conformance/rig.ts';
import { DiskStore } from '../../src/engine/disk-store.ts';
import { hashes } from '../../src/engine/hashes.ts';
import { HaveRecord } from '../../src/engine/have-record.ts';
import { MemoryHandle } from './memory-handle.ts';

conformance('browser', (torrent, memory) => Promise.resolve(new DiskStore(new MemoryHandle(), torrent, memory)));

const FILES = [
  { path: 'rig/a', length: 200_000 },
  { path: 'rig/b', length: 70_000 },
];

async function filled(): Promise<{ handle: MemoryHandle; store: DiskStore; rig: ReturnType<typeof torrentV2> }> {
  const rig = torrentV2(FILES, 32_768);
  const handle = new MemoryHandle();
  const store = new DiskStore(handle, rig.torrent);
  for (let piece = 0; piece < rig.torrent.pieceCount; piece++) {
    const check = pieceCheck(rig.torrent, piece);
    assert.ok(check !== undefined && (await put(store, rig, piece, check)));
  }
  return { handle, store, rig };
}

test('pieces of an earlier visit are believed where a sample is right', async () => {
  const { store, rig } = await filled();
  assert.equal((await store.believe(Bits.full(rig.torrent.pieceCount))).complete, true);
});

test('where pieces of an earlier visit are wrong, exactly those are loaded again', async () => {
  const { handle, store, rig } = await filled();
  for (const piece of [0, 3]) handle.bytes[piece * rig.torrent.pieceLength + 7]! ^= 1;
  handle.truncate(rig.torrent.length - 10);
  const have = await store.believe(Bits.full(rig.torrent.pieceCount));
  const missing = Array.from({ length: rig.torrent.pieceCount }, (_, piece) => piece).filter((p) => !have.has(p));
  assert.deepEqual(missing, [0, 3, rig.torrent.pieceCount - 1]);
});

test('a full disk is said by its code, and the piece may be tried again', async () => {
  const rig = torrentV2(FILES, 32_768);
  const handle = new MemoryHandle();
  const store = new DiskStore(handle, rig.torrent);
  const check = pieceCheck(rig.torrent, 0);
  assert.ok(check);
  handle.room = 100;
  await assert.rejects(put(store, rig, 0, check), { code: 'STORAGE_FULL' });
  handle.room = Number.POSITIVE_INFINITY;
  assert.ok(await put(store, rig, 0, check));
});

test('which pieces are here survives every write that is cut off, as it was before or after it', () => {
  const pieces = fc.integer({ min: 1, max: 300 });
  fc.assert(
    fc.property(pieces, fc.array(fc.nat(299), { maxLength: 8 }), fc.nat(), (count, added, cut) => {
      const handle = new MemoryHandle();
      const have = new Bits(count);
      let before = have.clone();
      const record = new HaveRecord(handle, count, hashes);
      record.save(have);
      for (const piece of added) {
        before = have.clone();
        have.add(piece % count);
        const old = handle.bytes.slice();
        record.save(have);
        // Only the first so many bytes of the write reached the disk.
        const torn = new MemoryHandle();
        torn.bytes = handle.bytes.slice();
        const changed = [...torn.bytes.keys()].filter((at) => torn.bytes[at] !== (old[at] ?? 0));
        for (const at of changed.slice(cut % (changed.length + 1))) torn.bytes[at] = old[at] ?? 0;
        const found = new HaveRecord(torn, count, hashes).load().toWire();
        const possible = [before, have].map((bits) => Buffer.from(bits.toWire()).toString('hex'));
        assert.ok(possible.includes(Buffer.from(found).toString('hex')));
      }
      assert.deepEqual(new HaveRecord(handle, count, hashes).load().toWire(), have.toWire());
    }),
  );
});

test('a record of anything else is none', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.integer({ min: 1, max: 500 }), (bytes, count) => {
      const handle = new MemoryHandle();
      handle.bytes = bytes;
      assert.equal(new HaveRecord(handle, count, hashes).load().count, 0);
    }),
  );
});
