/** A folder of a test's own, removed when it ends. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Disk, type DiskOptions } from '../../src/storage/disk.ts';

export async function folderFor(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kith-storage-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export function diskFor(t: TestContext, options: DiskOptions = {}): Disk {
  const disk = new Disk({ workers: 1, ...options });
  t.after(() => disk.close());
  return disk;
}
