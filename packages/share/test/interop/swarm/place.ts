/** A folder with content, its torrent, and room for those who move it; gone after the test, as they are. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, type RunningClient, type TorrentClient } from '@kith/lab/torrent';
import { createTorrent, type CreateOptions } from '@kith/share';
import { magnetOf, formatMagnet, type Metainfo } from '@kith/torrent';
import { startKith, type KithStart, type RunningKith } from './kith.ts';

export interface PlaceOptions extends CreateOptions {
  /** Bytes by path. A path without a folder is a torrent of one file. */
  readonly files?: Readonly<Record<string, number>>;
}

/** A test that is slow on a busy machine is not a failure: it is cut off far beyond what it needs. */
export const DEADLINE = 120_000;
export const TEST: { readonly timeout: number } = { timeout: 2 * DEADLINE };

/** What a client is told besides what every place tells it. */
export type Change = Partial<Omit<KithStart, 'peers'>> & { readonly peers?: readonly Peer[] };

/** Its port alone on 127.0.0.1. */
type Peer = number | { readonly ip: string; readonly port: number };

export class Place {
  readonly torrent: string;
  readonly metainfo: Metainfo;
  readonly seeded: string;
  readonly #folder: string;
  readonly #running: RunningClient[] = [];

  static async make(t: TestContext, options: PlaceOptions = {}): Promise<Place> {
    const { files = { 'film.bin': 4 * 1_048_576 + 1234 }, ...create } = options;
    const folder = mkdtempSync(join(tmpdir(), 'kith-interop-'));
    const seeded = join(folder, 'seeded');
    for (const [path, size] of Object.entries(files)) {
      mkdirSync(dirname(join(seeded, path)), { recursive: true });
      writeFileSync(join(seeded, path), randomBytes(size));
    }
    const [top = ''] = Object.keys(files)[0]?.split('/') ?? [];
    const { torrent, metainfo } = await createTorrent(join(seeded, top), {
      ...{ version: 'v1', pieceLength: 65_536, workers: 1 },
      ...create,
    });
    const file = join(folder, 'content.torrent');
    writeFileSync(file, torrent);
    const place = new Place(folder, seeded, file, metainfo);
    t.after(() => place.#end());
    return place;
  }

  private constructor(folder: string, seeded: string, torrent: string, metainfo: Metainfo) {
    this.#folder = folder;
    this.seeded = seeded;
    this.torrent = torrent;
    this.metainfo = metainfo;
  }

  get magnet(): string {
    return formatMagnet(magnetOf(this.metainfo));
  }

  /** A torrent file with these trackers, each a tier. */
  async torrentWith(trackers: readonly string[]): Promise<string> {
    const path = join(this.seeded, this.metainfo.name);
    const { version, pieceLength } = this.metainfo;
    const made = await createTorrent(path, { version, pieceLength, trackers: trackers.map((url) => [url]) });
    assert.deepEqual(made.metainfo.info, this.metainfo.info);
    const file = join(this.#folder, 'tracked.torrent');
    writeFileSync(file, made.torrent);
    return file;
  }

  port(): Promise<number> {
    return freePort();
  }

  /** An empty folder. @param name once per place, the same folder for the same name */
  folder(name: string): string {
    const path = join(this.#folder, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** Starts a client that has the content. */
  seed(client: TorrentClient, port: number, change: Change = {}): Promise<RunningClient> {
    return this.#start((options) => client.start(options), this.#options(`${client.name} seed`, port, true, change));
  }

  /** Starts a client that wants the content. Its name finds its folders again: of a client that is killed and comes back. */
  leech(
    client: TorrentClient,
    port: number,
    change: Change = {},
    name = `${client.name} leech`,
  ): Promise<RunningClient> {
    return this.#start((options) => client.start(options), this.#options(name, port, false, change));
  }

  kithSeed(port: number, change: Change = {}): Promise<RunningKith> {
    return this.#start(startKith, this.#options('kith seed', port, true, change));
  }

  kithLeech(port: number, change: Change = {}, name = 'kith leech'): Promise<RunningKith> {
    return this.#start(startKith, this.#options(name, port, false, change));
  }

  /** That a leech has every file, byte for byte. @param name of the leech */
  assertWhole(name: string): void {
    for (const file of this.metainfo.files) {
      // Not everybody makes files without bytes.
      if (file.padding || (file.length === 0 && !name.startsWith('kith'))) continue;
      const path = join(...file.path);
      const [wanted, found] = [join(this.seeded, path), join(this.#folder, name, path)].map((from) =>
        readFileSync(from),
      );
      assert.ok(wanted !== undefined && found?.equals(wanted), `${path} of ${name} differs`);
    }
  }

  #options(name: string, port: number, seed: boolean, change: Change): KithStart {
    const { peers = [], ...rest } = change;
    return {
      torrent: { file: this.torrent },
      content: seed ? this.seeded : this.folder(name),
      state: this.folder(`${name} state`),
      ...{
        port,
        seed,
        peers: peers.map((peer) => (typeof peer === 'number' ? { ip: '127.0.0.1', port: peer } : peer)),
      },
      ...rest,
    };
  }

  async #start<Client extends RunningClient>(
    start: (options: KithStart) => Promise<Client>,
    options: KithStart,
  ): Promise<Client> {
    const client = await start(options);
    this.#running.push(client);
    return client;
  }

  async #end(): Promise<void> {
    await Promise.all(this.#running.map((client) => client.kill()));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Waits for what a look shows to be as wanted, and returns it. */
export async function until<T>(
  look: () => Promise<T>,
  wanted: (seen: T) => boolean,
  what: string,
  timeout: number = DEADLINE,
): Promise<T> {
  for (const end = performance.now() + timeout; ; await sleep(50)) {
    const seen = await look();
    if (wanted(seen)) return seen;
    if (performance.now() > end)
      assert.fail(`${what} did not come within ${timeout} ms; seen last: ${JSON.stringify(seen)}`);
  }
}

/** For the option of a test that needs these programs. */
export function lacking(...clients: TorrentClient[]): string | false {
  const absent = clients.map((client) => client.missing()).filter((what) => what !== null);
  return absent.length === 0 ? false : `missing here: ${absent.join(', ')}`;
}
