/** The torrent engine for one share in a browser: what `packages/share` is on a node, with what a worker has. */
import { codeOf, KithError } from '@kith/core';
import {
  type Bits,
  type Metainfo,
  NORMAL_PRIORITY,
  parseTorrent,
  type PieceStore,
  Session,
  type SwarmEvent,
  type Torrent,
  TorrentStream,
  MemoryStore,
} from '@kith/torrent';
import { isLocked, openFolder, removeFolder, removeOthers } from './disk.ts';
import { DiskStore } from './disk-store.ts';
import { hashes } from './hashes.ts';
import { HaveRecord } from './have-record.ts';
import { isStandIn, Meeting } from './meeting.ts';
import type { EngineReport, Kept, ShareInfo, StreamRequest, ToEngine } from './messages.ts';
import { addressOf, NodeLink } from './node-link.ts';
import { answer } from './stream-answer.ts';
import { Timer } from './timer.ts';

/** What fits into memory where there is no disk, bytes. */
const MOST_MEMORY = 512 * 1_048_576;
/** Pieces wait that long for the record of them, ms. */
const SAVE_EVERY = 1000;
const REPORT_EVERY = 500;

type Start = ToEngine & { readonly kind: 'start' };

interface Opened {
  readonly kept: Kept;
  readonly store: PieceStore;
  readonly have: Bits | undefined;
  /** Writes down which pieces are here. */
  readonly save: (have: Bits) => void;
}

export class Engine {
  readonly #share: ShareInfo;
  readonly #kept: Kept;
  readonly #opened: Opened;
  readonly #torrent: Torrent;
  readonly #stream: TorrentStream;
  /** Index in the torrent, where padding counts, of each file of the share. */
  readonly #indices: readonly number[];
  readonly #wanted: Set<number> = new Set();
  readonly #node: NodeLink;
  readonly #meeting: Meeting | null;
  readonly #tell: (report: EngineReport) => void;
  readonly #resumed: number;
  #saving: ReturnType<typeof setTimeout> | undefined;
  #reporting: ReturnType<typeof setTimeout> | undefined;

  /** @throws KithError TORRENT_*, STORAGE_* */
  static async start(start: Start, tell: (report: EngineReport) => void): Promise<Engine> {
    const metainfo = parseTorrent(new Uint8Array(start.metainfo), hashes);
    const opened = await open(start.share.id, metainfo);
    return new Engine(start, metainfo, opened, tell);
  }

  private constructor(
    { link, share, rtc }: Start,
    metainfo: Metainfo,
    opened: Opened,
    tell: (report: EngineReport) => void,
  ) {
    this.#share = share;
    this.#opened = opened;
    this.#kept = opened.kept;
    this.#tell = tell;
    this.#indices = metainfo.files.flatMap((file, i) => (file.padding || file.symlink !== undefined ? [] : [i]));
    const node = addressOf(new URL(link));
    const timer = new Timer((now) => session.tick(now));
    const session: Session = new Session(
      {
        ...{ hashes, random, peerId: peerId(), client: 'kith in a browser' },
        // Addresses that peers tell of are none that a page could dial.
        permits: (_torrent, ip) => ip === node.ip || isStandIn(ip),
        listener: (event) => this.#hear(event),
        wake: (at) => timer.wake(at),
      },
      performance.now(),
    );
    timer.next = () => session.nextWake();
    this.#torrent = session.add(
      {
        ...{ metainfo, store: opened.store, order: 'rarest' },
        ...(opened.have === undefined ? {} : { have: opened.have }),
        priorities: metainfo.files.map(() => 0),
      },
      performance.now(),
    );
    this.#stream = new TorrentStream(this.#torrent, { now: () => performance.now() });
    this.#resumed = this.#bytesHere();
    const changed = (): void => this.#reportSoon();
    this.#node = new NodeLink(session, this.#torrent, socketUrl(link, 'wire'), changed);
    this.#meeting =
      rtc === null ? null : new Meeting(session, this.#torrent, socketUrl(link, 'announce'), rtc, changed);
    this.#node.wake();
    this.#report();
  }

  /** These files are wanted from now on, besides those before. Numbers as in the share. */
  want(files: readonly number[]): void {
    for (const file of files) this.#wanted.add(file);
    const priorities: number[] = [];
    for (const file of this.#wanted) priorities[this.#indices[file] ?? 0] = NORMAL_PRIORITY;
    this.#torrent.setPriorities(
      Array.from(priorities, (each) => each ?? undefined),
      performance.now(),
    );
    this.#reportSoon();
  }

  answer(request: StreamRequest, port: MessagePort): void {
    const [file, shared] = [this.#stream.files[request.file], this.#share.files[request.file]];
    if (file === undefined || shared === undefined) {
      port.postMessage({ status: 404, headers: [] });
      return;
    }
    if (request.method === 'GET' && !this.#wanted.has(request.file)) this.want([request.file]);
    answer(file, shared, request, port);
  }

  /** Deletes what is kept of other shares, or stops and deletes what is kept of this one. */
  async forget(what: 'this' | 'others'): Promise<void> {
    if (what === 'others') return removeOthers(this.#share.id);
    this.#torrent.pause(performance.now());
    clearTimeout(this.#saving);
    await this.#opened.store.close();
    if (this.#kept.place === 'disk') await removeFolder(this.#share.id);
  }

  #hear(event: SwarmEvent): void {
    if (event.kind === 'piece') this.#saving ??= setTimeout(() => this.#save(), SAVE_EVERY);
    if (event.kind === 'finished') {
      this.#save();
      this.#meeting?.announce(this.#torrent.have.complete ? 'completed' : undefined);
    }
    if (event.kind === 'state' && event.state === 'downloading') {
      // Connections to those who have it ended while nothing was wanted of them.
      this.#node.wake();
      this.#meeting?.announce();
    }
    if (event.kind === 'peer-connected' && !isStandIn(event.address.ip)) this.#node.greeted();
    this.#reportSoon();
  }

  #save(): void {
    clearTimeout(this.#saving);
    this.#saving = undefined;
    try {
      this.#opened.save(this.#torrent.have);
    } catch (error) {
      this.#torrent.storeFailed(error, performance.now());
    }
  }

  #reportSoon(): void {
    this.#reporting ??= setTimeout(() => this.#report(), 100);
  }

  #report(): void {
    clearTimeout(this.#reporting);
    const { state, error, downRate, upRate, downloaded, uploaded } = this.#torrent.snapshot();
    const files = this.#torrent.snapshotFiles();
    const done = new Map(files.map((file) => [file.path.join('/'), file.done]));
    const busy = state === 'downloading' || this.#torrent.peers.size > 0;
    this.#tell({
      state: state === 'downloading' || state === 'paused' || state === 'error' ? state : 'seeding',
      error: state === 'error' ? { code: codeOf(error) || 'INTERNAL', message: textOf(error) } : null,
      kept: this.#kept,
      done: this.#stream.files.map((file) => done.get(file.name) ?? 0),
      wanted: this.#share.files.map((_, i) => this.#wanted.has(i)),
      ...{ downRate, upRate, downloaded, uploaded, resumed: this.#resumed },
      node: this.#node.state,
      meeting: this.#meeting?.state ?? null,
      peers: this.#torrent.snapshotPeers().map((peer) => ({
        kind: peer.kind === 'websocket' ? 'node' : 'browser',
        client: peer.client ?? '',
        ...{ progress: peer.progress, downRate: peer.downRate, upRate: peer.upRate },
        ...{ downloaded: peer.downloaded, uploaded: peer.uploaded },
      })),
    });
    this.#reporting = busy ? setTimeout(() => this.#report(), REPORT_EVERY) : undefined;
  }

  #bytesHere(): number {
    return this.#torrent.snapshotFiles().reduce((sum, { done }) => sum + done, 0);
  }
}

async function open(id: string, metainfo: Metainfo): Promise<Opened> {
  let because: 'missing' | 'other-tab' = 'missing';
  try {
    const folder = await openFolder(id);
    if (folder !== undefined) {
      const store = new DiskStore(folder.content, metainfo);
      const record = new HaveRecord(folder.have, metainfo.pieceCount, hashes);
      const have = await store.believe(record.load());
      const save = (now: Bits): void => {
        // The pieces before the word that they are there.
        store.flush();
        record.save(now);
      };
      return { kept: { place: 'disk' }, store, have, save };
    }
  } catch (error) {
    if (!isLocked(error)) throw error;
    because = 'other-tab';
  }
  if (metainfo.length > MOST_MEMORY) {
    throw new KithError('STORAGE_FULL', 'It is too large for the memory, and this browser gives no space on its disk.');
  }
  const store = new MemoryStore(metainfo, hashes);
  return { kept: { place: 'memory', because }, store, have: undefined, save: () => undefined };
}

function socketUrl(link: string, path: string): URL {
  const url = new URL(path, link);
  url.protocol = url.protocol.replace('http', 'ws');
  return url;
}

function random(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length));
}

function peerId(): Uint8Array {
  return new Uint8Array([...new TextEncoder().encode('-KI0100-'), ...random(12)]);
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
