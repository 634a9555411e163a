import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { MemoryStore } from '@kith/torrent';
import { Disk } from '../../src/storage/disk.ts';
import { conformance } from '../store-conformance/conformance.ts';
import { HASHES } from '../store-conformance/rig.ts';

let folder = '';
const disks: Disk[] = [];
const byMemory = new Map<number, Disk>();

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kith-stores-'));
});
after(async () => {
  await Promise.all(disks.map((disk) => disk.close()));
  await rm(folder, { recursive: true });
});

conformance('memory', (torrent, memory) => Promise.resolve(new MemoryStore(torrent, HASHES, memory)));

conformance('disk', async (torrent, memory = 64 * 1_048_576) => {
  let disk = byMemory.get(memory);
  if (disk === undefined) {
    // Two files may be open at a time, so that closing and opening again is tested all along.
    disk = new Disk({ memory, workers: 1, handles: 2 });
    byMemory.set(memory, disk);
    disks.push(disk);
  }
  return disk.open(torrent, { folder: await mkdtemp(join(folder, 'torrent-')) });
});
