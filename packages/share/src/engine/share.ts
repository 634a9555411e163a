/** One torrent of an engine: what the user decided about it, and its way from a link or a file to a seed. */
import { join } from 'node:path';
import { KithError, toHex } from '@kith/core';
import {
  formatMagnet,
  infoHash20,
  type Magnet,
  type MagnetPeer,
  magnetOf,
  type Metainfo,
  type PeerAddress,
  type PeerSnapshot,
  type SwarmEvent,
  type Torrent,
  TorrentStream,
} from '@kith/torrent';
import type { TorrentRecord } from '../storage/resume-file.ts';
import { type Content, type ContentTrust, openContent, removeEmptyFolders, selectContent } from './content.ts';
import type { ShareHost } from './host.ts';
import { extentOf } from './extent.ts';
import type { Wanted } from './finder.ts';
import { lookUp } from './named-peers.ts';
import type { Audience } from './reach.ts';
import type { ShareRecord } from './record.ts';
import { errorReport, type ShareFile, type ShareSnapshot, type ShareState, type TrackerReport } from './report.ts';
import { selectFiles, selectRanges, wantedOf } from './selection.ts';
import { torrentFileOf } from './torrent-file.ts';
import type { Door } from '../link/door.ts';

/** What a share begins with. */
export interface ShareStart {
  readonly metainfo: Metainfo | undefined;
  readonly magnet: Magnet | undefined;
  /** What the resume file has or gets as the torrent; empty for a link. */
  readonly torrent: Uint8Array;
  readonly folder: string;
  readonly paused: boolean;
  readonly record: ShareRecord;
  /** Of an earlier run. */
  readonly resumed: TorrentRecord | undefined;
  readonly trust: ContentTrust;
  readonly added: number;
}

export class Share {
  /** Hex of the info-hash: of v1, or the first 20 bytes of v2. */
  readonly id: string;
  readonly folder: string;
  readonly #host: ShareHost;
  readonly #key: Uint8Array;
  readonly #added: number;
  readonly #audience: { public: boolean; named: Set<string> } & Audience;
  readonly #wanted: Wanted;
  #record: ShareRecord;
  #metainfo: Metainfo | undefined;
  #magnet: Magnet | undefined;
  #torrentFile: Uint8Array;
  #torrent: Torrent;
  #priorities: readonly number[] | undefined;
  #paused: boolean;
  #content: Content | undefined;
  #resumed: TorrentRecord | undefined;
  #opening: Promise<void> = Promise.resolve();
  #abort = new AbortController();
  #checked: number | undefined;
  #removed = false;
  /** Of earlier runs. */
  #uploadedBefore: number;
  #downloadedBefore: number;

  /** @throws KithError TORRENT_DUPLICATE, SHARE_SELECTION */
  constructor(host: ShareHost, start: ShareStart) {
    this.#host = host;
    this.#metainfo = start.metainfo;
    this.#magnet = start.magnet;
    this.#torrentFile = start.torrent;
    this.#record = start.record;
    this.#paused = start.paused;
    this.#resumed = start.resumed;
    this.#added = start.added;
    this.#uploadedBefore = start.resumed?.uploaded ?? 0;
    this.#downloadedBefore = start.resumed?.downloaded ?? 0;
    this.folder = start.folder;
    const named = start.metainfo ?? start.magnet;
    if (named === undefined) throw new RangeError('a share needs its metainfo or a magnet link');
    this.#key = named.infoHash ?? named.infoHashV2 ?? new Uint8Array(0);
    this.id = toHex(infoHash20(named));
    this.#audience = { public: start.record.public, named: new Set() };
    const saved = start.resumed?.priorities;
    if (saved !== undefined && saved.length > 0) this.#priorities = [...saved];
    else if (start.metainfo !== undefined) this.#priorities = this.#selected(start.metainfo);
    this.#torrent = this.#enter();
    this.#wanted = this.#makeWanted(named);
    host.reach.add(this.#audience);
    if (start.resumed === undefined) host.resume.add(this.#row());
    void this.#findPeers();
    if (start.metainfo !== undefined) this.#open(start.trust);
  }

  get name(): string {
    return this.#torrent.name;
  }

  get state(): ShareState {
    return this.#torrent.state;
  }

  get metainfo(): Metainfo | undefined {
    return this.#metainfo;
  }

  /** The file or folder on disk; undefined while the metadata is missing. */
  get path(): string | undefined {
    if (this.#metainfo === undefined) return undefined;
    return join(this.folder, this.#record.root ?? this.#metainfo.files.find((file) => !file.padding)?.path[0] ?? '');
  }

  /** Whose files they are: see {@link ShareRecord}. */
  get origin(): ShareRecord['origin'] {
    return this.#record.origin;
  }

  /** The torrent file, with all that is known of it; undefined while the metadata is missing. */
  get torrentFile(): Uint8Array | undefined {
    return this.#torrentFile.length === 0 ? undefined : this.#torrentFile;
  }

  /** Whether it stopped before it wrote anything, as something else is in its place. */
  async refused(): Promise<boolean> {
    if (!this.#record.settled) await this.#opening;
    return this.#isRefused;
  }

  /** Settles when what is on disk has been looked at. */
  get opened(): Promise<void> {
    return this.#opening;
  }

  /** The magnet link with `peers` in it; trackers only where the share is public. */
  magnet(peers: readonly MagnetPeer[]): string {
    const magnet = this.#metainfo === undefined ? this.#magnet : magnetOf(this.#metainfo);
    if (magnet === undefined) return '';
    const trackers = this.#audience.public ? [...this.#record.trackers.map((url) => [url]), ...magnet.trackers] : [];
    const unique = [...new Set(trackers.flat())].map((url) => [url]);
    return formatMagnet({ ...magnet, trackers: unique, peers: [...peers, ...magnet.peers] });
  }

  snapshot(): ShareSnapshot {
    const { eta, error, have: _have, ...swarm } = { have: 0, ...this.#torrent.snapshot() };
    const metainfo = this.#metainfo;
    const problem = error === undefined ? undefined : errorReport(asKithError(error));
    const { down, up } = this.#record;
    return {
      ...{ id: this.id, name: swarm.name, state: swarm.state, folder: this.folder },
      ...(problem === undefined ? {} : { error: problem }),
      ...(this.path === undefined ? {} : { path: this.path }),
      ...(metainfo === undefined ? {} : { version: metainfo.version }),
      ...extentOf(metainfo),
      ...{ wanted: swarm.wanted, done: swarm.done, progress: swarm.progress },
      ...(this.#checked === undefined ? {} : { checked: this.#checked }),
      ...{ downRate: swarm.downRate, upRate: swarm.upRate },
      ...{ downloaded: this.#downloadedBefore + swarm.downloaded, uploaded: this.#uploadedBefore + swarm.uploaded },
      ...(eta === undefined ? {} : { eta }),
      ...{ peers: swarm.peers, seeds: swarm.seeds, public: this.#audience.public, private: this.#torrent.private },
      sequential: this.#record.sequential,
      limits: { ...(down === undefined ? {} : { down }), ...(up === undefined ? {} : { up }) },
      added: this.#added,
      trackers: this.#trackers(),
    };
  }

  peers(): PeerSnapshot[] {
    return this.#torrent.snapshotPeers();
  }

  files(): ShareFile[] {
    return this.#torrent.snapshotFiles().map((file, i) => ({ ...file, number: i + 1, path: file.path.join('/') }));
  }

  /** The files as they come, for readers who may jump in them. Undefined while the metadata is missing. */
  stream(): TorrentStream | undefined {
    if (this.#metainfo === undefined) return undefined;
    const now = (): number => this.#host.now();
    const current = (): Torrent => this.#torrent;
    return new TorrentStream(
      {
        metainfo: this.#metainfo,
        get store() {
          return current().store;
        },
        have: { has: (piece) => current().have.has(piece) },
        deadline: (piece, at, time) => current().deadline(piece, at, time),
        clearDeadlines: (pieces) => current().clearDeadlines(pieces),
        whenPiece: (piece) => current().whenPiece(piece),
      },
      { now },
    );
  }

  /** Which pieces are here, as a bitfield (BEP 3); undefined while the metadata is missing. */
  pieces(): { readonly count: number; readonly have: Uint8Array } | undefined {
    if (this.#metainfo === undefined) return undefined;
    const { have } = this.#torrent;
    return { count: have.length, have: have.toWire() };
  }

  /** Lets browsers in by the share's link: as peers of this share alone. Undefined while the metadata is missing. */
  door(): Door | undefined {
    const [folder, metainfo] = [this.stream(), this.#metainfo];
    if (folder === undefined || metainfo === undefined) return undefined;
    const bytes = (): Uint8Array =>
      this.#record.bare === true ? torrentFileOf(metainfo, new Map()) : this.#torrentFile;
    return {
      ...{ folder, id: this.id, infoHashes: this.#wanted.infoHashes },
      get torrent() {
        return bytes();
      },
      accept: (duplex) => this.#host.session.accept(duplex, this.#host.now(), this.#torrent),
    };
  }

  /** No byte goes or comes after it. */
  pause(): void {
    this.#paused = true;
    this.#torrent.pause(this.#host.now());
    this.#saveSettings();
  }

  /**
   * Goes on after a pause, or after an error: looks again at what is on disk and loads what is not right any more. After
   * STORAGE_OCCUPIED that is leave to write over what is there.
   */
  resume(): void {
    const failed = this.#torrent.error !== undefined;
    this.#paused = false;
    if (failed && this.#record.origin === 'got') this.#record = { ...this.#record, whole: false };
    if (this.#isRefused) this.#record = { ...this.#record, settled: true };
    this.#saveSettings();
    if (failed) void this.#again('resume');
    else this.#torrent.resume(this.#host.now());
  }

  /** Hashes everything that is on disk. */
  async recheck(): Promise<void> {
    if (this.#metainfo !== undefined) await this.#again('check');
  }

  /** @param patterns see {@link selectFiles} @throws KithError SHARE_SELECTION, STORAGE_OCCUPIED */
  async select(patterns: readonly string[]): Promise<void> {
    if (this.#metainfo === undefined) {
      this.#record = { ...this.#record, select: patterns };
      this.#saveSettings();
      return;
    }
    await this.setPriorities(selectFiles(this.#metainfo, patterns));
  }

  /** Priorities 0..7 by file of the metainfo; 0 for not wanted. @throws KithError STORAGE_OCCUPIED, nothing changed then */
  async setPriorities(priorities: readonly number[]): Promise<void> {
    const [metainfo, content] = [this.#metainfo, this.#content];
    if (metainfo !== undefined && content !== undefined) {
      const have = this.#torrent.have.toWire();
      const [before, wanted] = [wantedOf(metainfo, this.#priorities), wantedOf(metainfo, priorities)];
      const { signal } = this.#abort;
      await selectContent(content.store, { metainfo, folder: this.folder, before, wanted, have, signal });
    }
    this.#priorities = priorities;
    this.#record = { ...this.#record, whole: false };
    this.#torrent.setPriorities(priorities, this.#host.now());
    this.#saveSettings();
  }

  set sequential(sequential: boolean) {
    this.#record = { ...this.#record, sequential };
    this.#torrent.order = sequential ? 'sequential' : 'rarest';
    this.#saveSettings();
  }

  /** Bytes per second; null takes a limit away, what is left out stays. */
  setLimits(limits: { readonly down?: number | null; readonly up?: number | null }): void {
    const { down, up, ...rest } = this.#record;
    const [newDown, newUp] = [limits.down === undefined ? down : limits.down, limits.up === undefined ? up : limits.up];
    this.#record = {
      ...rest,
      ...(newDown === undefined || newDown === null ? {} : { down: newDown }),
      ...(newUp === undefined || newUp === null ? {} : { up: newUp }),
    };
    const now = this.#host.now();
    this.#torrent.downThrottle.setRate(newDown ?? Number.POSITIVE_INFINITY, now);
    this.#torrent.upThrottle.setRate(newUp ?? Number.POSITIVE_INFINITY, now);
    this.#torrent.wakeAt(now);
    this.#saveSettings();
  }

  /** `HOST:PORT` each. They may be talked to from here on, wherever they are. */
  async addPeers(peers: readonly string[]): Promise<void> {
    const known = this.#record.peers;
    this.#record = { ...this.#record, peers: [...known, ...peers.filter((peer) => !known.includes(peer))] };
    this.#saveSettings();
    await this.#findPeers();
  }

  // What the engine calls.

  get torrent(): Torrent {
    return this.#torrent;
  }

  get wanted(): Wanted {
    return this.#wanted;
  }

  get audience(): Audience {
    return this.#audience;
  }

  /** Web servers that may be asked: one may send to anywhere else, so they are for public shares alone. */
  get webSeeds(): readonly string[] {
    if (!this.#audience.public) return [];
    return [...new Set([...this.#record.webSeeds, ...(this.#metainfo?.webSeeds ?? [])])];
  }

  hear(event: SwarmEvent): void {
    if (event.kind === 'metadata') this.#learn(event.metainfo);
    else if (event.kind === 'finished') void this.#finished();
  }

  foundPeers(peers: readonly PeerAddress[], source: 'tracker' | 'dht' | 'lsd'): void {
    if (!this.#removed) this.#host.session.addPeers(this.#torrent, peers, source, this.#host.now());
  }

  /** Puts how far it is into the resume file, to be written with its next flush. */
  saveProgress(): void {
    const content = this.#content;
    if (content === undefined || this.#removed) return;
    const { uploaded, downloaded } = this.#totals();
    this.#host.resume.put(this.#key, content.log.next(this.#torrent.have.toWire(), uploaded, downloaded));
  }

  /** Takes it out of the session; the resume file keeps it. */
  async close(): Promise<void> {
    if (this.#removed) return;
    const have = this.#torrent.have.toWire();
    this.saveProgress();
    await this.#leave();
    const content = this.#content;
    this.#removed = true;
    if (content === undefined) return;
    const { uploaded, downloaded } = this.#totals();
    await content.log.settle(content.store, have).catch(() => undefined);
    this.#host.resume.put(this.#key, content.log.next(have, uploaded, downloaded));
    await content.store.close();
  }

  /** Forgets it. @param data the files go too, which only those that were loaded may */
  async remove(data: boolean): Promise<void> {
    if (this.#removed) return;
    await this.#leave();
    this.#removed = true;
    this.#host.resume.remove(this.#key);
    this.#host.reach.delete(this.#audience);
    const store = this.#content?.store;
    if (!data) return store?.close();
    await store?.remove();
    if (this.#metainfo !== undefined) await removeEmptyFolders(this.#metainfo, this.folder);
  }

  get #isRefused(): boolean {
    const { error } = this.#torrent;
    return error instanceof KithError && error.code === 'STORAGE_OCCUPIED';
  }

  #enter(): Torrent {
    const { down, up, sequential } = this.#record;
    const now = this.#host.now();
    return this.#host.enter(
      this,
      {
        ...(this.#metainfo === undefined ? {} : { metainfo: this.#metainfo }),
        ...(this.#metainfo === undefined && this.#magnet !== undefined ? { magnet: this.#magnet } : {}),
        ...(this.#priorities === undefined ? {} : { priorities: this.#priorities }),
        ...(down === undefined ? {} : { downLimit: down }),
        ...(up === undefined ? {} : { upLimit: up }),
        paused: this.#paused,
        order: sequential ? 'sequential' : 'rarest',
      },
      now,
    );
  }

  async #leave(): Promise<void> {
    this.#abort.abort(new Error('the share was taken out'));
    const { uploaded, downloaded } = this.#totals();
    this.#host.leave(this, this.#torrent);
    this.#uploadedBefore = uploaded;
    this.#downloadedBefore = downloaded;
    await this.#opening;
  }

  /** Takes it out of the session and in again, with a fresh look at what is on disk. */
  async #again(trust: ContentTrust): Promise<void> {
    this.saveProgress();
    this.#host.resume.flush();
    const have = this.#torrent.have.toWire();
    await this.#leave();
    if (this.#removed) return;
    const content = this.#content;
    this.#content = undefined;
    await content?.store.close();
    if (content !== undefined) {
      this.#resumed = {
        ...this.#row(),
        ...content.log.next(have, this.#uploadedBefore, this.#downloadedBefore),
        rebooted: false,
      };
    }
    this.#abort = new AbortController();
    this.#torrent = this.#enter();
    void this.#findPeers();
    this.#open(this.#resumed === undefined ? 'check' : trust);
    await this.#opening;
  }

  #open(trust: ContentTrust): void {
    const { signal } = this.#abort;
    this.#opening = this.#openNow(trust, signal).catch((error: unknown) => {
      this.#checked = undefined;
      if (!signal.aborted) this.#torrent.storeFailed(asKithError(error), this.#host.now());
    });
  }

  async #openNow(trust: ContentTrust, signal: AbortSignal): Promise<void> {
    const metainfo = this.#metainfo;
    if (metainfo === undefined) return;
    const { root, origin, whole, settled } = this.#record;
    const content = await openContent({
      ...{ disk: this.#host.disk, metainfo, folder: this.folder, trust, record: this.#resumed, signal },
      ...(root === undefined ? {} : { root }),
      wanted: wantedOf(metainfo, this.#priorities),
      ...{ keep: origin === 'made' || whole, overwrite: settled },
      layers: this.#torrent.hashFetch?.layers,
      queue: (work) => this.#host.queue(work),
      onChecked: (fraction) => (this.#checked = fraction),
    });
    if (signal.aborted) return content.store.close();
    this.#checked = undefined;
    this.#content = content;
    if (!settled) {
      // Before anything is written: what a crash leaves of a piece is nothing that somebody else put there.
      this.#record = { ...this.#record, settled: true };
      this.#saveSettings();
    }
    this.saveProgress();
    this.#torrent.attach(content.store, content.have, this.#host.now());
    if (this.#torrent.state === 'seeding') await this.#finished();
  }

  #learn(metainfo: Metainfo): void {
    this.#metainfo = metainfo;
    this.#torrentFile = metainfo.info;
    this.#record = { ...this.#record, bare: true };
    try {
      this.#priorities = this.#selected(metainfo);
    } catch (error) {
      this.#torrent.storeFailed(asKithError(error), this.#host.now());
      return;
    }
    if (this.#priorities !== undefined) this.#torrent.setPriorities(this.#priorities, this.#host.now());
    this.#host.resume.setMetainfo(this.#key, this.#torrentFile);
    this.#saveSettings();
    this.#host.restartFinders(this);
    this.#host.events.emit('metadata', { share: this });
    this.#open('check');
  }

  async #finished(): Promise<void> {
    const content = this.#content;
    if (content === undefined || this.#removed) return;
    const news = !this.#record.whole;
    this.#record = { ...this.#record, whole: true };
    this.#completeTorrentFile();
    this.#saveSettings();
    if (news && this.#record.noSeed) this.pause();
    this.#host.finishFinders(this);
    const have = this.#torrent.have.toWire();
    // What fails here fails again, and is said, when somebody reads from the file.
    await content.log.settle(content.store, have).catch(() => undefined);
    this.saveProgress();
    if (!this.#removed) this.#host.resume.flush();
  }

  /** The piece layers of a v2 link are all known now: the next run needs no peer for them. */
  #completeTorrentFile(): void {
    const { hashFetch } = this.#torrent;
    if (this.#record.bare !== true || this.#metainfo === undefined || hashFetch?.complete === false) return;
    this.#torrentFile = torrentFileOf(this.#metainfo, hashFetch?.layers ?? new Map());
    const { bare: _bare, ...record } = this.#record;
    this.#record = record;
    this.#host.resume.setMetainfo(this.#key, this.#torrentFile);
  }

  #selected(metainfo: Metainfo): readonly number[] | undefined {
    if (this.#record.select !== undefined) return selectFiles(metainfo, this.#record.select);
    return this.#magnet?.select === undefined ? undefined : selectRanges(metainfo, this.#magnet.select);
  }

  async #findPeers(): Promise<void> {
    const peers = await lookUp([...this.#record.peers, ...(this.#magnet?.peers ?? [])]);
    if (this.#removed || this.#abort.signal.aborted) return;
    for (const { ip } of peers) this.#audience.named.add(ip);
    this.#host.session.addPeers(this.#torrent, peers, 'user', this.#host.now());
  }

  #makeWanted(named: Pick<Metainfo, 'infoHash' | 'infoHashV2'>): Wanted {
    const hashes = [named.infoHash, named.infoHashV2?.subarray(0, 20)].filter((hash) => hash !== undefined);
    const isPrivate = (): boolean => this.#torrent.private;
    const trackers = (): readonly (readonly string[])[] =>
      this.#tiers().map((tier) => tier.filter(({ ask }) => ask).map(({ url }) => url));
    return {
      infoHashes: hashes,
      public: this.#audience.public,
      get private() {
        return isPrivate();
      },
      get trackers() {
        return trackers();
      },
      permitsTracker: (address, scope) =>
        this.#host.reach.permitsTracker(this.#audience, this.#record.trackers.length > 0, address, scope),
      state: () => {
        const { wanted, done, uploaded, downloaded } = this.#torrent.snapshot();
        // Trackers take 0 for a seed: while the size is not known it is none.
        return { uploaded, downloaded, left: this.#metainfo === undefined ? 1 : wanted - done };
      },
      trackersChanged: () => this.#host.events.emit('tracker', { share: this }),
    };
  }

  #tiers(): { url: string; ask: boolean }[][] {
    const { trackers, found } = this.#record;
    const { reach } = this.#host;
    const mine = trackers.map((url) => [{ url, ask: reach.mayAsk(this.#audience, true, url) }]);
    const others = [...found, ...(this.#metainfo?.trackers ?? this.#magnet?.trackers ?? [])]
      .map((tier) => tier.filter((url) => !trackers.includes(url)))
      .map((tier) => tier.map((url) => ({ url, ask: reach.mayAsk(this.#audience, false, url) })));
    return [...mine, ...others];
  }

  #trackers(): TrackerReport[] {
    const asked = this.#host.trackerReports(this);
    const silent = new Set(this.#tiers().flatMap((tier) => tier.filter(({ ask }) => !ask).map(({ url }) => url)));
    const problem = 'not asked: it is outside the mesh, and this share is not public';
    return [...asked, ...[...silent].map((url) => ({ url, state: 'not-asked' as const, problem }))];
  }

  #totals(): { uploaded: number; downloaded: number } {
    const { up, down } = this.#torrent;
    return { uploaded: this.#uploadedBefore + up.total, downloaded: this.#downloadedBefore + down.total };
  }

  #row(): Omit<TorrentRecord, 'rebooted'> {
    const none = { have: new Uint8Array(0), stamps: undefined, unsynced: false, uploaded: 0, downloaded: 0 };
    return { id: this.#key, metainfo: this.#torrentFile, added: this.#added, ...this.#settings(), ...none };
  }

  #settings(): Pick<TorrentRecord, 'folder' | 'paused' | 'priorities'> & { readonly options: string } {
    const { folder } = this;
    const options = JSON.stringify(this.#record);
    return { folder, paused: this.#paused, priorities: Uint8Array.from(this.#priorities ?? []), options };
  }

  #saveSettings(): void {
    if (!this.#removed) this.#host.resume.setSettings(this.#key, this.#settings());
  }
}

export function asKithError(error: unknown): KithError {
  if (error instanceof KithError) return error;
  return new KithError('INTERNAL', error instanceof Error ? error.message : String(error), { cause: error });
}
