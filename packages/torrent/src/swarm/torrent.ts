import type { Hashes } from '../hashes.ts';
import { infoHash20, type Metainfo } from '../metainfo/metainfo.ts';
import type { PieceStore } from '../storage/piece-store.ts';
import type { PeerAddress } from '../wire/duplex.ts';
import type { HashRange } from '../wire/handler.ts';
import type { Encryption } from '../wire/mse.ts';
import { Admission } from './admission.ts';
import { allowedFast } from './allowed-fast.ts';
import type { PeerIdentity } from './ban-list.ts';
import { Bits } from './bits.ts';
import type { Dice } from './dice.ts';
import { Download, type DownloadHost } from './download.ts';
import type { SwarmEvent, TorrentState } from './event.ts';
import { Exchange } from './exchange.ts';
import { HashFetch } from './hash-fetch.ts';
import { HaveLog } from './have-log.ts';
import { Inflow } from './inflow.ts';
import type { SwarmLimits } from './limits.ts';
import type { PeerNumber } from './partial.ts';
import { PeerBook, type PeerSource } from './peer-book.ts';
import { PeerSet } from './peer-set.ts';
import type { Peer } from './peer.ts';
import type { PickOrder } from './piece-picker.ts';
import { PieceWaiters } from './piece-waiters.ts';
import { Rate } from './rate.ts';
import { Selection } from './selection.ts';
import { snapshotFiles, snapshotPeer, snapshotTorrent } from './snapshot.ts';
import type { FileSnapshot, PeerSnapshot, TorrentSnapshot } from './snapshot.ts';
import { Suggester } from './suggester.ts';
import { Tally } from './tally.ts';
import { Throttle } from './throttle.ts';
import { Upkeep } from './upkeep.ts';
import { Upload, type UploadHost } from './upload.ts';

/** What the torrents of a session share. */
export interface TorrentContext {
  readonly hashes: Hashes;
  readonly dice: Dice;
  readonly limits: SwarmLimits;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  readonly client: string;
  readonly port: number;
  readonly dht: boolean;
  readonly encryption: Encryption | undefined;
  readonly downThrottle: Throttle;
  readonly upThrottle: Throttle;
  /** Time of the last call from outside. */
  readonly now: number;
  emit(event: SwarmEvent): void;
  /** The torrent is to be ticked by then. */
  wakeAt(torrent: Torrent, at: number): void;
  /** By peer id; banned addresses do not get here. */
  isBanned(id: Uint8Array, now: number): boolean;
  ban(torrent: Torrent, peer: PeerIdentity, reason: string, now: number): void;
  addPeers(
    torrent: Torrent,
    peers: readonly (PeerAddress & { readonly seed?: boolean })[],
    source: PeerSource,
    now: number,
  ): void;
  connectionOpened(): void;
  connectionClosed(torrent: Torrent): void;
  stateChanged(torrent: Torrent, now: number): void;
}

export interface TorrentOptions {
  readonly metainfo: Metainfo | undefined;
  /** At least one: of a magnet link, or the metainfo's. */
  readonly infoHash: Uint8Array | undefined;
  readonly infoHashV2: Uint8Array | undefined;
  readonly name: string;
  readonly paused: boolean;
  /** Priority per file, 0..7. */
  readonly priorities?: readonly number[];
  readonly order?: PickOrder;
  readonly uploadSlots?: number | 'adaptive';
  /** Bytes per second. */
  readonly downLimit?: number;
  readonly upLimit?: number;
}

/** How soon the others hear of a piece, ms: those that come within are told together. */
const HAVE_DELAY = 20;

/** One torrent: ties its parts together and holds no rule of its own. */
export class Torrent implements DownloadHost, UploadHost {
  readonly infoHash: Uint8Array | undefined;
  readonly infoHashV2: Uint8Array | undefined;
  readonly context: TorrentContext;
  readonly book: PeerBook;
  readonly upload: Upload;
  readonly exchange: Exchange;
  readonly admission: Admission;
  readonly connections: PeerSet = new PeerSet();
  readonly haveLog: HaveLog = new HaveLog();
  readonly tally: Tally = new Tally();
  readonly inflow: Inflow;
  readonly downThrottle: Throttle;
  readonly upThrottle: Throttle;
  readonly uploadThrottles: readonly Throttle[];
  readonly uploadSlots: number | 'adaptive';
  readonly down: Rate;
  readonly up: Rate;
  metainfo: Metainfo | undefined;
  have: Bits = new Bits(0);
  store: PieceStore | undefined;
  hashFetch: HashFetch | undefined;
  download: Download | undefined;
  suggester: Suggester | undefined;
  /** Why the store failed. */
  error: unknown;
  /** Connections under way. */
  dialing = 0;
  readonly #name: string;
  readonly #upkeep: Upkeep;
  readonly #waiters = new PieceWaiters();
  readonly #priorities: readonly number[] | undefined;
  #selection: Selection | undefined;
  #wantedPieces: Uint8Array | undefined;
  #order: PickOrder;
  #paused: boolean;
  #queued = false;
  #stopped = false;
  #failed = false;
  #state: TorrentState;
  #corruptBytes = 0;
  #wastedBytes = 0;

  constructor(context: TorrentContext, options: TorrentOptions, now: number) {
    this.context = context;
    this.infoHash = options.infoHash;
    this.infoHashV2 = options.infoHashV2;
    this.#name = options.name;
    this.#paused = options.paused;
    this.#order = options.order ?? 'rarest';
    this.#priorities = options.priorities;
    this.uploadSlots = options.uploadSlots ?? 'adaptive';
    this.down = new Rate(now);
    this.up = new Rate(now);
    this.downThrottle = new Throttle(options.downLimit ?? Number.POSITIVE_INFINITY, now);
    this.upThrottle = new Throttle(options.upLimit ?? Number.POSITIVE_INFINITY, now);
    this.uploadThrottles = [this.upThrottle, context.upThrottle];
    this.inflow = new Inflow([this.downThrottle, context.downThrottle]);
    this.book = new PeerBook(context.limits.candidates);
    this.upload = new Upload(this, context.dice);
    this.#upkeep = new Upkeep(this, now);
    if (options.metainfo !== undefined) this.#setMetainfo(options.metainfo);
    this.exchange = new Exchange(this);
    this.admission = new Admission(this);
    this.#state = this.#stateNow();
  }

  /** 20 bytes: the v1 hash, or the first of the v2 one. */
  get key(): Uint8Array {
    return infoHash20({
      ...(this.infoHash === undefined ? {} : { infoHash: this.infoHash }),
      ...(this.infoHashV2 === undefined ? {} : { infoHashV2: this.infoHashV2 }),
    });
  }

  get name(): string {
    return this.metainfo?.name ?? this.#name;
  }

  get state(): TorrentState {
    return this.#state;
  }

  get limits(): SwarmLimits {
    return this.context.limits;
  }

  get now(): number {
    return this.context.now;
  }

  get peers(): ReadonlyMap<PeerNumber, Peer> {
    return this.connections.byNumber;
  }

  get knowsPieces(): boolean {
    return this.metainfo !== undefined;
  }

  get pieceCount(): number {
    return this.metainfo?.pieceCount ?? 0;
  }

  get private(): boolean {
    return this.metainfo?.private === true;
  }

  get seeding(): boolean {
    return this.#state === 'seeding';
  }

  get uploads(): boolean {
    return this.#state === 'seeding' || this.#state === 'downloading';
  }

  /** It may have connections. */
  get active(): boolean {
    return this.uploads || this.#state === 'metadata';
  }

  /** Counts against the limits of what downloads, or seeds, at once. */
  get wantsTurn(): 'download' | 'seed' | undefined {
    if (this.#paused || this.#stopped || this.#failed) return undefined;
    return this.#wants() ? 'download' : 'seed';
  }

  /**
   * Gives the torrent its store, for `checking`.
   * @param have pieces that are verified
   */
  attach(store: PieceStore, have: Bits | undefined, now: number): void {
    this.store = store;
    this.have = have?.clone() ?? new Bits(this.pieceCount);
    this.#count();
    // To those that came while it was not known.
    if (this.peers.size > 0) for (let p = this.have.next(0); p >= 0; p = this.have.next(p + 1)) this.haveLog.add(p);
    this.wakeAt(now);
    this.#update(now);
  }

  /** Ends all connections at once: no byte goes or comes after it. */
  pause(now: number): void {
    this.#paused = true;
    this.#update(now);
  }

  /** After a pause, or after an error whose reason is mended. */
  resume(now: number): void {
    this.#paused = false;
    this.#failed = false;
    this.error = undefined;
    this.#update(now);
  }

  /** Called by the session: it is, or is not, this torrent's turn. */
  setQueued(queued: boolean, now: number): void {
    if (this.#queued === queued) return;
    this.#queued = queued;
    this.#update(now);
  }

  /** Called by the session that forgets it. */
  stop(now: number): void {
    this.#stopped = true;
    this.#update(now);
    this.#waiters.fail(new Error(`${this.name} was taken out of the session`));
  }

  /** Priorities of files, 0..7 with 0 for not wanted, in the order of `Metainfo.files`; missing ones stay. */
  setPriorities(priorities: readonly (number | undefined)[], now: number): void {
    const selection = this.#selection;
    if (selection === undefined) return;
    for (const [file, priority] of priorities.entries()) if (priority !== undefined) selection.set(file, priority);
    this.#wantedPieces = selection.pieces();
    this.#count();
    this.download?.setPriorities(this.#wantedPieces, now);
    this.#update(now);
  }

  get order(): PickOrder {
    return this.#order;
  }

  set order(order: PickOrder) {
    this.#order = order;
    if (this.download !== undefined) this.download.picker.order = order;
  }

  /**
   * Somebody waits for this piece: asked for at once, of the fastest, before all else.
   * @param at monotonic ms by which it should be here
   */
  deadline(piece: number, at: number, now: number): void {
    this.download?.deadline(piece, at, now);
    this.wakeAt(now);
  }

  /** Nobody waits any more: of these pieces, or of all. */
  clearDeadlines(pieces?: Iterable<number>): void {
    const deadlines = this.download?.requester.deadlines;
    if (pieces === undefined) deadlines?.clear();
    else for (const piece of pieces) deadlines?.delete(piece);
  }

  /** Settles once the piece is verified; rejects where the torrent is stopped first. */
  whenPiece(piece: number): Promise<void> {
    return this.have.has(piece) ? Promise.resolve() : this.#waiters.wait(piece);
  }

  snapshot(): TorrentSnapshot {
    return snapshotTorrent(this);
  }

  snapshotPeers(): PeerSnapshot[] {
    return [...this.peers.values()].filter((peer) => peer.ready).map(snapshotPeer);
  }

  snapshotFiles(): FileSnapshot[] {
    if (this.metainfo === undefined || this.#selection === undefined) return [];
    return snapshotFiles(this.metainfo, this.have, this.#selection);
  }

  /** False for pieces of files that are not selected. */
  isWanted(piece: number): boolean {
    return this.#wantedPieces?.[piece] !== 0;
  }

  /** Bytes that failed their hash. */
  get corruptBytes(): number {
    return this.#corruptBytes + (this.download?.corruptBytes ?? 0);
  }

  /** Bytes of blocks that came twice, too late or unasked. */
  get wastedBytes(): number {
    let bytes = this.#wastedBytes;
    for (const peer of this.peers.values()) bytes += peer.wastedBytes;
    return bytes;
  }

  // What the session calls.

  tick(now: number): void {
    this.#upkeep.tick(now);
  }

  // What peers say.

  /** Before the peer's pieces are replaced by all that it named at once. */
  forgetPieces(peer: Peer): void {
    this.download?.removePeer(peer);
  }

  peerPieces(peer: Peer, now: number): void {
    this.download?.addPeer(peer);
    if (!peer.countedAsSeed) this.suggester?.spreadAll(peer.pieces);
    this.checkUse(peer, now);
  }

  peerGot(peer: Peer, piece: number, now: number): void {
    this.download?.peerGot(peer, piece);
    this.suggester?.spread(peer, piece);
    this.suggester?.suggest(peer, this.upload.unchoked);
    if (peer.pieces.complete) this.checkUse(peer, now);
  }

  peerLost(peer: Peer, piece: number): void {
    if (!peer.pieces.has(piece)) return;
    if (this.download !== undefined) {
      this.download.peerLost(peer, piece);
      return;
    }
    peer.countedAsSeed = false;
    peer.pieces.delete(piece);
  }

  /** Peers besides this one that have pieces to trade. */
  hasPartners(peer: Peer): boolean {
    for (const other of this.peers.values()) if (other !== peer && !other.uploadOnly && other.ready) return true;
    return false;
  }

  /** False where the peer's proof is false. */
  hashesCame(peer: Peer, range: HashRange, hashes: Uint8Array, now: number): boolean {
    const pieces = this.hashFetch?.received(range, hashes);
    if (this.hashFetch !== undefined && pieces === undefined) return false;
    if (pieces !== undefined && pieces.length > 0) this.download?.hashesKnown(pieces);
    this.hashFetch?.fill(peer, now);
    return true;
  }

  /** All bytes of one read are parsed: answers go out together. */
  settled(peer: Peer, now: number): void {
    const payload = peer.wire.downloadedPayload - peer.counted;
    if (payload > 0) {
      peer.counted += payload;
      this.down.add(payload);
      const opensAt = this.inflow.took(peer, payload, now);
      if (opensAt !== undefined) this.wakeAt(opensAt);
    }
    if (!peer.ready) return;
    this.download?.fill(peer, now);
    if (peer.asked.size > 0) this.upload.serve(peer, now);
    this.tellHaves(peer);
  }

  peerClosed(peer: Peer, reason: string, now: number): void {
    if (peer.gone) return;
    peer.gone = true;
    this.connections.remove(peer);
    if (peer.known) this.download?.removePeer(peer);
    this.upload.removePeer(peer);
    this.suggester?.forget(peer);
    this.exchange.release(peer, now);
    this.hashFetch?.release(peer.number);
    this.#wastedBytes += peer.wastedBytes;
    this.up.add(peer.wire.uploadedPayload - peer.countedSent);
    peer.countedSent = peer.wire.uploadedPayload;
    if (peer.violated) this.context.ban(this, peer.identity, reason, now);
    const { listensAt } = peer;
    if (listensAt !== undefined) {
      if (peer.violated) this.book.refuse(listensAt);
      const retryPlain = peer.wire.retryPlain && !peer.ready;
      const missing = !this.seeding;
      this.book.ended(listensAt, { useful: peer.ready && !peer.violated, retryPlain, missing }, now);
    }
    this.context.connectionClosed(this);
    if (peer.ready) this.emit({ kind: 'peer-closed', torrent: this, address: peer.remote, reason });
  }

  // What the halves say.

  emit(event: SwarmEvent): void {
    this.context.emit(event);
  }

  wakeAt(at: number): void {
    this.context.wakeAt(this, at);
  }

  pieceVerified(piece: number, now: number): void {
    if (!this.have.add(piece)) return;
    if (this.isWanted(piece)) this.tally.done += this.metainfo?.pieceSize(piece) ?? 0;
    this.haveLog.add(piece);
    this.wakeAt(now + HAVE_DELAY);
    this.#waiters.verified(piece);
    this.emit({ kind: 'piece', torrent: this, piece });
    if (this.download?.picker.wanted === 0) this.#update(now);
  }

  pieceFailed(piece: number): void {
    this.emit({ kind: 'piece-failed', torrent: this, piece });
  }

  convicted(number: PeerNumber, now: number): void {
    this.convict(number, 'sent wrong blocks', now);
  }

  convict(number: PeerNumber, reason: string, now: number): void {
    const identity = this.connections.identityOf(number);
    if (identity !== undefined) this.context.ban(this, identity, reason, now);
    const peer = this.peers.get(number);
    if (peer?.listensAt !== undefined) this.book.refuse(peer.listensAt);
    peer?.close(reason, now);
  }

  storeFailed(error: unknown, now: number): void {
    if (this.#failed) return;
    this.#failed = true;
    this.error = error;
    this.#update(now);
    this.emit({ kind: 'error', torrent: this, error });
  }

  grant(peer: Peer): void {
    if (!peer.fast || peer.granted.size > 0 || peer.pieces.count > 0) return;
    for (const piece of allowedFast(peer.remote.ip, this.key, this.pieceCount, this.context.hashes)) {
      if (!this.have.has(piece)) continue;
      peer.granted.add(piece);
      peer.wire.allowedFast(piece);
    }
  }

  /** Tells the peer of the pieces that came lately. */
  tellHaves(peer: Peer): void {
    this.haveLog.tell(peer, this.download);
  }

  /** Tells everybody. */
  tellAllHaves(): void {
    this.haveLog.tellAll(this.peers.values(), this.download);
  }

  /** The metadata of the link came, and is right. */
  learn(metainfo: Metainfo, now: number): void {
    this.#setMetainfo(metainfo);
    for (const peer of [...this.peers.values()]) {
      if (!peer.ready) continue;
      if (peer.said !== undefined) this.exchange.introduce(peer);
      peer.messages.learnPieces(now);
      if (!peer.gone && peer.v2) this.hashFetch?.fill(peer, now);
      peer.flush();
    }
    this.#update(now);
    this.emit({ kind: 'metadata', torrent: this, metainfo });
  }

  #setMetainfo(metainfo: Metainfo): void {
    this.metainfo = metainfo;
    this.have = new Bits(metainfo.pieceCount);
    this.hashFetch = new HashFetch(metainfo, this.context.hashes);
    this.#selection = new Selection(metainfo);
    for (const [file, priority] of (this.#priorities ?? []).entries()) this.#selection.set(file, priority);
    this.#wantedPieces = this.#selection.pieces();
    this.#count();
  }

  #count(): void {
    if (this.metainfo !== undefined) this.tally.count(this.metainfo, this.#wantedPieces, this.have);
  }

  /** Two that want nothing of each other part. */
  checkUse(peer: Peer, now: number): void {
    if (this.seeding && peer.ready && peer.uploadOnly) peer.close('both have everything', now);
  }

  #wants(): boolean {
    if (this.download !== undefined) return this.download.picker.wanted > 0;
    const wanted = this.#wantedPieces;
    if (wanted === undefined) return true;
    for (let piece = 0; piece < wanted.length; piece++) if (wanted[piece] !== 0 && !this.have.has(piece)) return true;
    return false;
  }

  #stateNow(): TorrentState {
    if (this.#stopped) return 'stopped';
    if (this.#failed) return 'error';
    if (this.#paused) return 'paused';
    if (this.#queued) return 'queued';
    if (this.metainfo === undefined) return 'metadata';
    if (this.store === undefined) return 'checking';
    return this.#wants() ? 'downloading' : 'seeding';
  }

  /** Brings the parts in line with the state that follows from what is known and wished. */
  #update(now: number): void {
    const before = this.#state;
    const state = (this.#state = this.#stateNow());
    if (state !== 'downloading') this.#endDownload();
    else if (this.download === undefined) this.#beginDownload(now);
    this.suggester = state === 'seeding' ? (this.suggester ?? this.#makeSuggester()) : undefined;
    if (!this.active && state !== 'checking') this.#disconnect(state, now);
    if (before === state) return;
    if (state === 'downloading') this.book.retry();
    if (before === 'seeding' && state === 'downloading') this.exchange.introduceAnew();
    this.context.stateChanged(this, now);
    this.emit({ kind: 'state', torrent: this, state });
    if (before === 'downloading' && state === 'seeding') this.emit({ kind: 'finished', torrent: this });
    // Unless a listener decided otherwise.
    if (this.seeding) this.#nothingWanted(now);
  }

  #nothingWanted(now: number): void {
    this.tellAllHaves();
    this.exchange.introduceAnew();
    for (const peer of [...this.peers.values()]) this.checkUse(peer, now);
  }

  #disconnect(state: TorrentState, now: number): void {
    for (const peer of [...this.peers.values()]) peer.close(state === 'error' ? 'the store failed' : state, now);
  }

  #beginDownload(now: number): void {
    const { metainfo, store, hashFetch } = this;
    if (metainfo === undefined || store === undefined || hashFetch === undefined) return;
    const { dice } = this.context;
    const download = new Download({ torrent: metainfo, store, have: this.have, hashFetch, dice }, this);
    this.download = download;
    download.picker.order = this.#order;
    if (this.#wantedPieces !== undefined) download.setPriorities(this.#wantedPieces, now);
    for (const peer of this.peers.values()) {
      if (!peer.known) continue;
      download.addPeer(peer);
      download.fill(peer, now);
      peer.flush();
    }
  }

  #makeSuggester(): Suggester | undefined {
    if (this.metainfo === undefined || !this.have.complete) return undefined;
    const suggester = new Suggester(this.pieceCount, this.metainfo.pieceLength, this.context.dice);
    for (const peer of this.peers.values()) if (peer.known) suggester.spreadAll(peer.pieces);
    return suggester;
  }

  #endDownload(): void {
    const { download } = this;
    if (download === undefined) return;
    this.download = undefined;
    download.stop();
    this.#corruptBytes += download.corruptBytes;
    for (const peer of this.peers.values()) {
      download.requester.release(peer, true);
      if (!peer.wanting) continue;
      peer.wanting = false;
      peer.wire.notInterested();
    }
  }
}
