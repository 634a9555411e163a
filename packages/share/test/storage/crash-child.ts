/** Downloads, records, and kills itself right after a record. Arguments: the folder, the number of that record. */
import { join } from 'node:path';
import { pieceCheck } from '@kith/torrent';
import { Disk } from '../../src/storage/disk.ts';
import { hasBit, setBit } from '../../src/storage/recheck.ts';
import { ResumeFile } from '../../src/storage/resume-file.ts';
import { ProgressLog, reopen } from '../../src/storage/resume.ts';
import { put, type Rig, torrentV1 } from '../store-conformance/rig.ts';

/** More than the worker ends at once. */
const BATCH = 200;

export function crashRig(): Rig {
  return torrentV1(
    Array.from({ length: 40 }, (_, i) => ({ path: `rig/${i}`, length: 20_000 + i * 3000 })),
    4096,
  );
}

async function run(folder: string, records: number): Promise<void> {
  const rig = crashRig();
  const resume = new ResumeFile(join(folder, 'resume.db'));
  const store = new Disk({ workers: 1 }).open(rig.torrent, { folder });
  const id = rig.torrent.infoHash ?? new Uint8Array(20);
  let [record] = resume.all();
  if (record === undefined) {
    const have = new Uint8Array(Math.ceil(rig.torrent.pieceCount / 8));
    const none = { stamps: undefined, unsynced: false, uploaded: 0, downloaded: 0, rebooted: false };
    record = {
      ...none,
      id,
      metainfo: rig.torrent.info,
      added: 1,
      folder,
      paused: false,
      priorities: new Uint8Array(0),
      have,
    };
    resume.add(record);
  }
  const trust = await reopen(record, rig.torrent, store);
  const { have } = trust;
  const log = new ProgressLog(rig.torrent, have, trust.stamps, record.unsynced);
  const left = Array.from({ length: rig.torrent.pieceCount }, (_, i) => i).filter((i) => !hasBit(have, i));
  left.sort((a, b) => ((a * 7919) % 1009) - ((b * 7919) % 1009));
  for (let i = 0, record = 0; ; i += BATCH) {
    // Not waited for all together: most are under way when the record is written.
    const commits = left.slice(i, i + BATCH).map(async (piece) => {
      if (await put(store, rig, piece, pieceCheck(rig.torrent, piece) ?? {})) setBit(have, piece);
    });
    if (commits.length > 0) await Promise.any(commits);
    resume.put(id, log.next(have, 0, 0));
    resume.flush();
    if (++record >= records || commits.length === 0) process.kill(process.pid, 'SIGKILL');
    await Promise.all(commits);
  }
}

const [, program, folder, records] = process.argv;
if (program?.endsWith('crash-child.ts') === true && folder !== undefined) await run(folder, Number(records));
