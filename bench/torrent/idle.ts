/** A thousand small torrents that nobody asks for: how soon they are ready after a restart, and what they hold. */
import { hash, randomFillSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { bencode } from '@kith/torrent';
import { residentOf, spawnTied, usageOf } from '@kith/lab/torrent';

const TORRENTS = 1000;
const BYTES = 100_000;
const PIECE = 16_384;
/** ms over which the use of the processor is counted, after a second of rest. */
const WATCH = 10_000;
const WITHIN = 120_000;
const SETTLE = 3_000;

export interface Idler {
  readonly name: string;
  /** Makes it know the torrents, before the clock runs. */
  prepare(place: Place): Promise<void>;
  argv(place: Place): string[];
}

interface Place {
  readonly state: string;
  readonly torrents: string;
  readonly content: string;
}

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const kithWith = (mode: string, { state, torrents, content }: Place) => [
  process.execPath,
  '--conditions=source',
  here('run-kith-idle.ts'),
  mode,
  state,
  torrents,
  content,
];

export const IDLERS: readonly Idler[] = [
  {
    name: 'kith',
    prepare: async (place) => {
      const adding = await spawnTied('kith', kithWith('add', place));
      await adding.waitFor(/"seeding"/, WITHIN);
      await adding.exited;
    },
    argv: (place) => kithWith('resume', place),
  },
  {
    name: 'libtorrent',
    // It keeps nothing by itself: what it believes at its start is what resume data would tell it.
    prepare: () => Promise.resolve(),
    argv: ({ torrents, content }) => ['/usr/bin/python3', here('run_libtorrent_idle.py'), torrents, content],
  },
];

export async function idle(idler: Idler, folder: string): Promise<Record<string, number>> {
  const root = mkdtempSync(join(folder, 'idle-'));
  const place: Place = { state: join(root, 'state'), torrents: join(root, 'torrents'), content: join(root, 'content') };
  try {
    for (const path of Object.values(place)) mkdirSync(path);
    makeTorrents(place);
    await idler.prepare(place);
    const begun = performance.now();
    const running = await spawnTied(idler.name, idler.argv(place));
    try {
      await running.waitFor(/"seeding"/, WITHIN);
      const seconds = (performance.now() - begun) / 1000;
      await sleep(SETTLE);
      const before = usageOf(running.pid).cpuSeconds;
      await sleep(WATCH);
      const used = usageOf(running.pid).cpuSeconds - before;
      return {
        start: seconds,
        rss: residentOf(running.pid) / 1e6,
        cpu: (used / (WATCH / 1000)) * 100,
      };
    } finally {
      await running.kill();
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function makeTorrents({ torrents, content }: Place): void {
  const bytes = Buffer.alloc(BYTES);
  for (let i = 0; i < TORRENTS; i++) {
    const name = `file${i}`;
    writeFileSync(join(content, name), randomFillSync(bytes));
    const pieces = Array.from({ length: Math.ceil(BYTES / PIECE) }, (_, piece) =>
      hash('sha1', bytes.subarray(piece * PIECE, (piece + 1) * PIECE), 'buffer'),
    );
    const info = { length: BYTES, name, 'piece length': PIECE, pieces: Buffer.concat(pieces) };
    writeFileSync(join(torrents, `${name}.torrent`), bencode.encode({ info }));
  }
}
