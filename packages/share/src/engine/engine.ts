/**
 * The torrent engine: many shares with one port, one set of disk threads and one memory of what they were doing. Usable
 * without root and without a mesh; docs/library.md shows how.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { KithError, type Prefix } from '@kith/core';
import {
  type AddOptions,
  type EncryptionPolicy,
  type Magnet,
  type Metainfo,
  parseMagnet,
  type SwarmEvent,
  type SwarmLimits,
  type Torrent,
} from '@kith/torrent';
import { createTorrent, type CreateOptions } from '../create/create-torrent.ts';
import { nodeDiffieHellman } from '../net/node-diffie-hellman.ts';
import { nodeHashes } from '../node-hashes.ts';
import { Disk, type DiskOptions } from '../storage/disk.ts';
import { ResumeFile } from '../storage/resume-file.ts';
import { anyThere } from './content.ts';
import { type EngineEvent, type EngineEvents, Events } from './events.ts';
import type { FinderFactory, PeerFinder } from './finder.ts';
import type { ShareHost } from './host.ts';
import { parsePeer } from './named-peers.ts';
import { Reach } from './reach.ts';
import { newRecord, parseRecord, type ShareRecord } from './record.ts';
import { asKithError, Share, type ShareStart } from './share.ts';
import { type Named, metainfoOf, readSource, type ShareSource } from './source.ts';
import { SwarmDriver } from './swarm-driver.ts';
import { trackerUrl } from '../tracker/tracker-client.ts';
import { rtcHost } from './rtc-host.ts';
import { TrackerFinder } from './tracker-finder.ts';
import { WebSeeds } from './web-seeds.ts';
import type { WebRtc, WebRtcOptions, WebRtcState } from '../webrtc/webrtc.ts';

export interface EngineOptions {
  /** For what has to outlive a restart; made where it is not there. One engine at a time. */
  readonly folder: string;
  /** Addresses to listen on; all by default. Who is let in is another matter, see `allow`. */
  readonly host?: readonly string[];
  /** TCP. 0, the default, for any free one. */
  readonly port?: number;
  /** Where shares are public unless said otherwise. Default `mesh`. */
  readonly privacy?: 'mesh' | 'public';
  /** Whom shares that are not public talk to, besides this machine and the peers that the user names. */
  readonly allow?: readonly Prefix[];
  /** Ways to find peers besides trackers, for example a DHT. */
  readonly finders?: readonly FinderFactory[];
  /** One of the finders is a DHT node on the same port number: peers are told so and tell of theirs (BEP 5). */
  readonly dht?: boolean;
  readonly limits?: Partial<SwarmLimits>;
  /** Of all shares together, bytes per second. */
  readonly rates?: { readonly down?: number; readonly up?: number };
  /**
   * Peers that trackers over WebSocket bring together, browsers among them. On by default, and costs nothing while no share
   * has such a tracker; false for none.
   */
  readonly webrtc?: Omit<WebRtcOptions, 'log' | 'bindAddress'> | false;
  /** Default `allowed`. */
  readonly encryption?: EncryptionPolicy;
  readonly disk?: DiskOptions;
  /** Told of what a person may want to know who looks after it. */
  readonly log?: (level: 'info' | 'warn', text: string) => void;
}

export interface ShareOptions {
  /** Anybody may have it: trackers and whatever else finds peers are used. */
  readonly public?: boolean;
  /** Trackers besides those of the torrent. */
  readonly trackers?: readonly string[];
  readonly paused?: boolean;
  /** `HOST:PORT` of peers, which may be anywhere. */
  readonly peers?: readonly string[];
}

export interface AddShareOptions extends ShareOptions {
  /** The folder that the torrent's file or folder is or comes into. Made where it is not there. */
  readonly content: string;
  /** Which files: see `Share.select`. All by default. */
  readonly select?: readonly string[];
  /** The content is known to be there: it is believed after a sample. Without it all that is there is checked. */
  readonly seed?: boolean;
  /** Pieces in their order, for what is looked at while it comes. */
  readonly sequential?: boolean;
  /** Loads over files that are there already and are not the torrent's. Without it they are an error, STORAGE_OCCUPIED. */
  readonly overwrite?: boolean;
  /** Stops once everything wanted is there. */
  readonly noSeed?: boolean;
}

type Hashed = Pick<Metainfo | Magnet, 'infoHash' | 'infoHashV2' | 'name'>;

/** How long pieces may wait for the resume file, ms, and how often `progress` is told. */
const SAVE_EVERY = 1_000;
/** What was given and taken is written so often, ms. */
const TOTALS_EVERY = 60_000;

export class Engine {
  readonly #options: EngineOptions;
  readonly #driver: SwarmDriver;
  readonly #disk: Disk;
  readonly #resume: ResumeFile;
  readonly #reach: Reach;
  readonly #events: Events = new Events();
  readonly #finders: readonly PeerFinder[];
  readonly #webSeeds: WebSeeds;
  readonly #webrtc: WebRtc | undefined;
  readonly #host: ShareHost;
  readonly #shares: Map<string, Share> = new Map();
  readonly #byTorrent: Map<Torrent, Share>;
  readonly #fresh: Set<Share> = new Set();
  #saving: NodeJS.Timeout | undefined;
  readonly #totals: NodeJS.Timeout;
  #queue: Promise<unknown> = Promise.resolve();
  #closed = false;

  /**
   * Opens the folder and the port, and goes on with all shares of the last time.
   * @throws KithError SHARE_PORT_UNUSABLE, STORAGE_RESUME
   */
  static async start(options: EngineOptions): Promise<Engine> {
    mkdirSync(options.folder, { recursive: true, mode: 0o700 });
    const resume = new ResumeFile(join(options.folder, 'resume.sqlite'));
    const reach = new Reach(options.allow ?? []);
    const byTorrent = new Map<Torrent, Share>();
    let hear: (event: SwarmEvent) => void = () => undefined;
    try {
      const { down, up } = options.rates ?? {};
      const driver = await SwarmDriver.start({
        filter: reach,
        port: options.port ?? 0,
        ...(options.host === undefined ? {} : { addresses: options.host }),
        session: {
          peerId: new Uint8Array([...Buffer.from('-KI0100-'), ...randomBytes(12)]),
          encryption: {
            ...{ policy: options.encryption ?? 'allowed', hashes: nodeHashes, random: randomBytes },
            diffieHellman: nodeDiffieHellman(),
          },
          permits: (torrent, ip) => {
            const share = byTorrent.get(torrent);
            return share !== undefined && reach.permits(share.audience, ip);
          },
          listener: (event) => hear(event),
          ...(options.limits === undefined ? {} : { limits: options.limits }),
          ...(options.dht === undefined ? {} : { dht: options.dht }),
          ...(down === undefined ? {} : { downLimit: down }),
          ...(up === undefined ? {} : { upLimit: up }),
        },
      });
      const engine = new Engine(options, driver, resume, reach, byTorrent);
      hear = (event) => engine.#hear(event);
      engine.#resumeAll();
      return engine;
    } catch (error) {
      resume.close();
      throw error;
    }
  }

  private constructor(
    options: EngineOptions,
    driver: SwarmDriver,
    resume: ResumeFile,
    reach: Reach,
    byTorrent: Map<Torrent, Share>,
  ) {
    this.#options = options;
    this.#driver = driver;
    this.#resume = resume;
    this.#reach = reach;
    this.#byTorrent = byTorrent;
    this.#disk = new Disk(options.disk);
    const host = {
      peerId: driver.session.peerId,
      port: driver.port,
      onPeers: (
        wanted: Share['wanted'],
        peers: readonly { ip: string; port: number }[],
        source: PeerFinder['source'],
      ) => {
        for (const share of this.#shares.values()) if (share.wanted === wanted) share.foundPeers(peers, source);
      },
    };
    const rtc =
      options.webrtc === false ? undefined : rtcHost(options, { session: driver.session, reach, shares: this.#shares });
    this.#webrtc = rtc?.webrtc;
    const factories: FinderFactory[] = [(each) => new TrackerFinder(each, rtc), ...(options.finders ?? [])];
    this.#finders = factories.map((factory) => factory(host));
    this.#webSeeds = new WebSeeds({
      accept: (duplex) => driver.session.accept(duplex, performance.now()),
      now: () => performance.now(),
      encryption: options.encryption === 'required' ? driver.session.encryption : undefined,
    });
    this.#host = this.#makeHost();
    this.#totals = setInterval(() => this.#saveTotals(), TOTALS_EVERY);
    this.#totals.unref();
  }

  /** Where peers are accepted. */
  get port(): number {
    return this.#driver.port;
  }

  /** Whether there is WebRTC; undefined where it is not wanted. */
  get webrtc(): WebRtcState | undefined {
    return this.#webrtc?.state;
  }

  /** @returns ends it */
  on<Name extends EngineEvent>(name: Name, listener: (event: EngineEvents[Name]) => void): () => void {
    return this.#events.on(name, listener);
  }

  /** In the order in which they were added. */
  shares(): Share[] {
    return [...this.#shares.values()];
  }

  /** @param id hex of the info-hash */
  find(id: string): Share | undefined {
    return this.#shares.get(id);
  }

  /** Whom shares that are not public may talk to, in place of those before. */
  set allow(prefixes: readonly Prefix[]) {
    this.#reach.allowed = prefixes;
  }

  /** Of all shares together, bytes per second; infinity for no limit. */
  setRates(rates: { readonly down?: number; readonly up?: number }): void {
    this.#driver.session.setRateLimits(rates, performance.now());
  }

  /**
   * Loads what a torrent or magnet link leads to, and shares it on. Resolves once it is known what to load; what goes wrong
   * on disk or in the swarm is the share's `error`.
   * @throws KithError TORRENT_*, MAGNET_*, SHARE_SOURCE, SHARE_SELECTION, SHARE_PEER, SHARE_NOT_PUBLIC, SHARE_PLACE_TAKEN
   */
  async add(source: ShareSource, options: AddShareOptions): Promise<Share> {
    const named = await readSource(source);
    this.#refuseClosed();
    const folder = resolve(options.content);
    const isPublic = options.public ?? this.#options.privacy === 'public';
    this.#refuseOutside(isPublic, options.trackers ?? []);
    const start = await this.#startOf(named, folder);
    const record = newRecord({
      ...start.record,
      ...{ public: isPublic, peers: checkedPeers(options.peers), trackers: options.trackers ?? [] },
      ...{ sequential: options.sequential === true, noSeed: options.noSeed === true },
      settled: options.overwrite === true,
      ...(options.select === undefined ? {} : { select: options.select }),
    });
    const known = this.#known(start.metainfo ?? start.magnet);
    // It wrote nothing: this is the second try, after the place was made free, elsewhere, or with leave to write over it.
    if (known !== undefined && (await known.refused())) await this.remove(known);
    this.#refuseDuplicate(start.metainfo ?? start.magnet);
    if (start.metainfo !== undefined && options.seed !== true) this.#refusePlace(start.metainfo, folder);
    if (start.magnet !== undefined) this.#refuseUnreachable(start.magnet, record);
    return this.#add({
      ...start,
      ...{ folder, paused: options.paused === true, record, resumed: undefined, added: Date.now() },
      trust: options.seed === true ? 'known' : 'check',
    });
  }

  /**
   * Makes a torrent of a file or folder and shares it. Nothing is ever written to the content.
   * @throws KithError as `createTorrent`, TORRENT_DUPLICATE, SHARE_PEER
   */
  async share(path: string, options: ShareOptions & Omit<CreateOptions, 'trackers'> = {}): Promise<Share> {
    const { trackers = [], ...rest } = options;
    const isPublic = options.public ?? this.#options.privacy === 'public';
    this.#refuseOutside(isPublic, trackers);
    const made = await createTorrent(path, { ...rest, trackers: trackers.map((url) => [url]) });
    this.#refuseClosed();
    this.#refuseDuplicate(made.metainfo);
    const root = basename(resolve(path));
    const record = newRecord({
      ...{ origin: 'made', names: 'posix', whole: true },
      ...(root === made.metainfo.name ? {} : { root }),
      ...{ public: isPublic, peers: checkedPeers(options.peers), trackers },
    });
    const share = this.#add({
      ...{ metainfo: made.metainfo, magnet: undefined, torrent: made.torrent, folder: made.folder },
      ...{ paused: options.paused === true, record, resumed: undefined, trust: 'made', added: Date.now() },
    });
    // Peers that come by the link at once are turned away before it.
    await share.opened;
    return share;
  }

  /** Ends a share. @param data also deletes what was loaded @throws KithError SHARE_ORIGINAL */
  async remove(share: Share, options: { readonly data?: boolean } = {}): Promise<void> {
    if (options.data === true && share.origin === 'made') {
      throw new KithError('SHARE_ORIGINAL', `${share.path ?? share.name} was here before it was shared`);
    }
    await Promise.all(this.#finders.map(async (finder) => finder.stop(share.wanted)));
    await share.remove(options.data === true);
    this.#shares.delete(share.id);
    this.#fresh.delete(share);
    this.#events.emit('removed', { share });
  }

  /** Says goodbye to trackers and peers, and writes down how far everything is. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#totals);
    clearTimeout(this.#saving);
    this.#webSeeds.close();
    this.#webrtc?.close();
    await Promise.all(this.#finders.map(async (finder) => finder.close()));
    await Promise.all(this.shares().map((share) => share.close()));
    this.#resume.close();
    await this.#driver.close();
    await this.#disk.close();
  }

  async #startOf(
    named: Named,
    folder: string,
  ): Promise<Pick<ShareStart, 'metainfo' | 'magnet' | 'torrent' | 'record'>> {
    if (named.kind === 'magnet') {
      const { magnet, link } = named;
      const { webSeeds } = magnet;
      return { metainfo: undefined, magnet, torrent: new Uint8Array(0), record: newRecord({ magnet: link, webSeeds }) };
    }
    const { bytes, from } = named;
    const portable = metainfoOf(bytes, false, 'portable', from);
    const posix = portable.files.some((file) => file.original !== undefined)
      ? metainfoOf(bytes, false, 'posix', from)
      : portable;
    // Content that lies on this disk already has the names that this disk can hold.
    const there = posix !== portable && (await anyThere(posix, folder));
    const record = newRecord({ names: there ? 'posix' : 'portable' });
    return { metainfo: there ? posix : portable, magnet: undefined, torrent: bytes, record };
  }

  #add(start: ShareStart): Share {
    const share = new Share(this.#host, start);
    this.#shares.set(share.id, share);
    this.#startFinders(share);
    this.#events.emit('added', { share });
    return share;
  }

  #resumeAll(): void {
    for (const resumed of this.#resume.all()) {
      try {
        const record = parseRecord(resumed.options);
        const known = resumed.metainfo.length > 0;
        const { folder, paused, added } = resumed;
        this.#add({
          metainfo: known ? metainfoOf(resumed.metainfo, record.bare === true, record.names, folder) : undefined,
          magnet: record.magnet === undefined ? undefined : parseMagnet(record.magnet),
          ...{ torrent: resumed.metainfo, folder, paused, record, resumed, added, trust: 'resume' },
        });
      } catch (error) {
        this.#options.log?.('warn', `a share in ${resumed.folder} cannot go on: ${asKithError(error).message}`);
      }
    }
  }

  #makeHost(): ShareHost {
    return {
      session: this.#driver.session,
      disk: this.#disk,
      resume: this.#resume,
      reach: this.#reach,
      events: this.#events,
      now: () => performance.now(),
      enter: (share: Share, options: AddOptions, now: number) => {
        const torrent = this.#driver.session.add(options, now);
        this.#byTorrent.set(torrent, share);
        return torrent;
      },
      leave: (_share, torrent) => {
        this.#driver.session.remove(torrent, performance.now());
        this.#byTorrent.delete(torrent);
      },
      queue: async (work) => {
        const before = this.#queue;
        const mine = before.then(work, work);
        this.#queue = mine.catch(() => undefined);
        return mine;
      },
      restartFinders: (share) => {
        for (const finder of this.#finders) if (!this.#mayUse(finder, share)) void finder.stop(share.wanted);
        this.#startFinders(share);
      },
      finishFinders: (share) => {
        for (const finder of this.#finders) finder.complete?.(share.wanted);
      },
      trackerReports: (share) => this.#finders.flatMap((finder) => finder.report?.(share.wanted) ?? []),
    };
  }

  #startFinders(share: Share): void {
    if (share.state === 'paused') return;
    for (const finder of this.#finders) {
      if (this.#mayUse(finder, share)) finder.start(share.wanted);
      // The metadata of a magnet link may say only now that the torrent is private (BEP 27).
      else void finder.stop(share.wanted);
    }
  }

  #mayUse(finder: PeerFinder, { wanted }: Share): boolean {
    return !finder.public || (wanted.public && !wanted.private);
  }

  #hear(event: SwarmEvent): void {
    const share = this.#byTorrent.get(event.torrent);
    if (share === undefined) return;
    share.hear(event);
    switch (event.kind) {
      case 'state':
        if (event.state === 'paused') for (const finder of this.#finders) void finder.stop(share.wanted);
        else if (event.state !== 'stopped') this.#startFinders(share);
        if (event.state === 'downloading') this.#webSeeds.start(share);
        else this.#webSeeds.stop(share);
        this.#events.emit('state', { share, state: event.state });
        return;
      case 'piece':
        this.#note(share);
        this.#events.emit('piece', { share, piece: event.piece });
        return;
      case 'finished':
        this.#events.emit('finished', { share });
        return;
      case 'error':
        this.#events.emit('error', { share, error: asKithError(event.error) });
        return;
      case 'peer-connected':
        this.#events.emit('peer', { share, address: event.address });
        return;
      case 'peer-closed':
        this.#events.emit('peer', { share, address: event.address, reason: event.reason });
        return;
      case 'dht-node':
        for (const finder of this.#finders) if (this.#mayUse(finder, share)) finder.addNode?.(event.address);
        return;
      case 'metadata':
      case 'piece-failed':
      case 'banned':
        return;
    }
  }

  #note(share: Share): void {
    this.#fresh.add(share);
    this.#saving ??= setTimeout(() => this.#save(), SAVE_EVERY);
  }

  #save(): void {
    this.#saving = undefined;
    for (const share of this.#fresh) {
      share.saveProgress();
      this.#events.emit('progress', { share, snapshot: share.snapshot() });
    }
    this.#fresh.clear();
    this.#flush();
  }

  #saveTotals(): void {
    for (const share of this.#shares.values()) if (share.torrent.peers.size > 0) share.saveProgress();
    this.#flush();
  }

  #flush(): void {
    try {
      this.#resume.flush();
    } catch (error) {
      // What was put is kept and tried again: a full disk must not stop what needs no room on it.
      this.#options.log?.('warn', asKithError(error).message);
    }
  }

  #refuseClosed(): void {
    if (this.#closed) throw new KithError('SHARE_STOPPED', 'the engine is being closed');
  }

  #refuseDuplicate(named: Hashed | undefined): void {
    const known = this.#known(named);
    if (known === undefined) return;
    const where = known.path ?? known.folder;
    throw new KithError(
      'TORRENT_DUPLICATE',
      `${named?.name ?? known.name} is shared already: ${known.id.slice(0, 8)} in ${where}`,
    );
  }

  /** The share of the same torrent, by either of its hashes. */
  #known(named: Hashed | undefined): Share | undefined {
    for (const hash of [named?.infoHash, named?.infoHashV2]) {
      const torrent = hash === undefined ? undefined : this.#driver.session.find(hash);
      const known = torrent === undefined ? undefined : this.#byTorrent.get(torrent);
      if (known !== undefined) return known;
    }
    return undefined;
  }

  /** Two downloads into one place would destroy each other. */
  #refusePlace(metainfo: Metainfo, folder: string): void {
    const path = join(folder, metainfo.files.find((file) => !file.padding)?.path[0] ?? '');
    const other = this.shares().find((share) => share.path === path);
    if (other === undefined) return;
    throw new KithError('SHARE_PLACE_TAKEN', `${path} belongs to ${other.name} (${other.id.slice(0, 8)}) already`);
  }

  /** @param trackers that the user named */
  #refuseOutside(isPublic: boolean, trackers: readonly string[]): void {
    for (const url of trackers) {
      trackerUrl(url);
      if (this.#reach.mayAsk({ public: isPublic, named: new Set() }, true, url)) continue;
      throw new KithError('SHARE_NOT_PUBLIC', `the tracker ${url} is outside the mesh`);
    }
  }

  /** A link that leads only to where this share may not go would wait for ever. */
  #refuseUnreachable(magnet: Magnet, record: ShareRecord): void {
    if (record.public || record.peers.length > 0 || magnet.peers.length > 0 || record.trackers.length > 0) return;
    const urls = magnet.trackers.flat();
    const outside = urls.filter((url) => !this.#reach.mayAsk({ public: false, named: new Set() }, false, url));
    if (urls.length === 0 || outside.length < urls.length) return;
    throw new KithError(
      'SHARE_NOT_PUBLIC',
      `the link of ${magnet.name ?? 'this torrent'} leads to trackers outside the mesh only: ${urls.slice(0, 3).join(', ')}`,
    );
  }
}

function checkedPeers(peers: readonly string[] = []): readonly string[] {
  for (const peer of peers) parsePeer(peer);
  return peers;
}
