import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { aria2, freePort, libtorrent, transmission, webtorrent } from '../../torrent/index.ts';
import type { RunningClient, TorrentClient } from '../../torrent/index.ts';

const SIZE = 4 * 1024 * 1024 + 1234;
const DIALLING = [libtorrent, webtorrent];
const WAITING = [transmission, aria2];

/** A folder with content, its torrent, and empty places; gone after the test. */
class Place {
  readonly folder = mkdtempSync(join(tmpdir(), 'kith-torrent-'));
  readonly torrent = join(this.folder, 'content.torrent');
  readonly seeded = this.make('seeded');
  readonly content = randomBytes(SIZE);
  readonly #running: RunningClient[] = [];

  constructor() {
    writeFileSync(join(this.seeded, 'film.bin'), this.content);
    execFileSync('transmission-create', ['-o', this.torrent, join(this.seeded, 'film.bin')], { stdio: 'pipe' });
  }

  make(name: string): string {
    const path = join(this.folder, name);
    mkdirSync(path);
    return path;
  }

  async start(client: TorrentClient, role: 'seed' | 'leech', peer?: number): Promise<RunningClient & { port: number }> {
    const port = await freePort();
    const running = await client.start({
      torrent: { file: this.torrent },
      content: role === 'seed' ? this.seeded : this.make('leeched'),
      state: this.make(`state-${role}`),
      port,
      seed: role === 'seed',
      ...(peer === undefined ? {} : { peers: [{ ip: '127.0.0.1', port: peer }] }),
    });
    this.#running.push(running);
    return Object.assign(running, { port });
  }

  leeched(): Buffer {
    return readFileSync(join(this.folder, 'leeched', 'film.bin'));
  }

  async end(): Promise<void> {
    for (const running of this.#running) await running.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function missing(clients: TorrentClient[]): string | false {
  const absent = clients.map((client) => client.missing()).find((what) => what !== null);
  return absent === undefined ? false : `missing: ${absent}`;
}

const pairs = [
  ...[libtorrent, transmission, aria2, webtorrent].map((seed) => [seed, libtorrent] as const),
  ...WAITING.map((leech) => [libtorrent, leech] as const),
  ...DIALLING.map((seed) => [seed, webtorrent] as const),
];

for (const [seed, leech] of pairs) {
  test(`${leech.name} gets a file whole from ${seed.name}`, { skip: missing([seed, leech]) }, async () => {
    const place = new Place();
    try {
      if (leech.dials) {
        const source = await place.start(seed, 'seed');
        const sink = await place.start(leech, 'leech', source.port);
        await sink.finished(30_000);
        assert.ok((await source.uploaded()) >= SIZE * 0.9);
      } else {
        const sink = await place.start(leech, 'leech');
        await place.start(seed, 'seed', sink.port);
        await sink.finished(30_000);
        assert.ok(sink.usage().cpuSeconds > 0 && sink.usage().peakRss > 1_000_000);
      }
      assert.ok(place.leeched().equals(place.content));
    } finally {
      await place.end();
    }
  });
}
