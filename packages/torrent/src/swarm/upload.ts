import type { Metainfo } from '../metainfo/metainfo.ts';
import { BLOCK } from '../hashes.ts';
import type { PieceStore } from '../storage/piece-store.ts';
import type { Bits } from './bits.ts';
import { CHOKE_INTERVAL, Choker, LEAST_SLOTS } from './choker.ts';
import type { Dice } from './dice.ts';
import type { SwarmLimits } from './limits.ts';
import type { PeerNumber } from './partial.ts';
import type { Peer } from './peer.ts';
import type { Suggester } from './suggester.ts';
import type { Throttle } from './throttle.ts';

/** What the upload half needs of its torrent. */
export interface UploadHost {
  readonly now: number;
  readonly limits: SwarmLimits;
  readonly metainfo: Metainfo | undefined;
  readonly store: PieceStore | undefined;
  readonly suggester: Suggester | undefined;
  readonly have: Bits;
  readonly peers: ReadonlyMap<PeerNumber, Peer>;
  /** Peers get blocks: not while paused. */
  readonly uploads: boolean;
  readonly seeding: boolean;
  readonly uploadSlots: number | 'adaptive';
  /** That of the torrent and that of all torrents. */
  readonly uploadThrottles: readonly Throttle[];
  storeFailed(error: unknown, now: number): void;
  /** Pieces that a choked peer may have (BEP 6). */
  grant(peer: Peer): void;
  wakeAt(at: number): void;
}

/** Pieces that a peer of a seed gets in its turn. */
const TURN_PIECES = 20;
/** Bytes, and ms at the peer's rate, that may wait at its socket. */
const LEAST_MARK = 65_536;
const MARK_TIME = 250;

/** The half of a torrent that gives: who may ask, and the blocks for them, never more in memory than a mark per peer. */
export class Upload {
  /** Bytes read for nothing: choked or gone before they could be sent. */
  wastedBytes = 0;
  readonly #host: UploadHost;
  readonly #choker: Choker;
  #unchoked = 0;
  #roundAt: number = Number.NEGATIVE_INFINITY;
  /** Peers that wait for the rate limit, in the order in which they are served. */
  #waiting: Peer[] = [];
  /** Peers that are owed a flush when the reads that end now have ended. */
  readonly #unflushed = new Set<Peer>();

  constructor(host: UploadHost, dice: Dice) {
    this.#host = host;
    this.#choker = new Choker(dice);
  }

  get unchoked(): number {
    return this.#unchoked;
  }

  interestChanged(peer: Peer, now: number): void {
    if (!this.#host.uploads) return;
    // Who lost interest for a moment keeps its slot until somebody else needs it: unchoking again takes a round trip.
    if (!peer.interested || peer.unchoked || peer.uploadOnly) return;
    if (this.#unchoked >= this.#slots()) this.#makeRoom();
    if (this.#unchoked < this.#slots()) this.#unchoke(peer, now);
  }

  /** Every ten seconds: who is served next. */
  round(now: number): void {
    if (now - this.#roundAt < CHOKE_INTERVAL || !this.#host.uploads) return;
    this.#roundAt = now;
    const peers = [...this.#host.peers.values()].filter((peer) => peer.ready);
    const turn = TURN_PIECES * (this.#host.metainfo?.pieceLength ?? BLOCK);
    const chosen = this.#choker.round(peers, { seeding: this.#host.seeding, slots: this.#host.uploadSlots, turn }, now);
    for (const peer of peers) {
      if (!chosen.has(peer.number)) {
        if (peer.interested || chosen.size >= this.#slots()) this.#choke(peer);
        if (peer.interested && !peer.uploadOnly) this.#host.grant(peer);
      } else if (!peer.unchoked) {
        this.#unchoke(peer, now);
      }
      peer.flush();
    }
  }

  removePeer(peer: Peer): void {
    if (peer.unchoked) this.#unchoked--;
    peer.unchoked = false;
    this.#voidRequests(peer, false);
  }

  request(peer: Peer, piece: number, begin: number, length: number, now: number): void {
    const { metainfo, have, limits } = this.#host;
    const allowed = peer.unchoked || peer.granted.has(piece);
    const exists = metainfo !== undefined && have.has(piece) && isInside(metainfo, piece, begin, length);
    if (!allowed || !exists || peer.asked.size >= limits.uploadQueue) {
      if (peer.fast) peer.wire.reject(piece, begin, length);
      this.#bound(peer);
      return;
    }
    peer.asked.push(piece, begin, length);
    // Served when the read that brought it is parsed, unless that read brought more than may wait.
    if (peer.asked.size >= limits.uploadQueue) this.serve(peer, now);
  }

  cancel(peer: Peer, piece: number, begin: number): void {
    const at = peer.asked.find(piece, begin);
    if (at < 0) return;
    const length = peer.asked.note(at);
    peer.asked.delete(at);
    if (peer.fast) peer.wire.reject(piece, begin, length);
  }

  /** Sends what the peer asked for, up to the mark. */
  serve(peer: Peer, now: number): void {
    while (this.#mayServe(peer)) {
      if (!this.#open(now)) {
        this.#wait(peer, now);
        return;
      }
      this.#serveOne(peer);
    }
    this.#bound(peer);
  }

  /** The peer took what waited for it. */
  drained(peer: Peer, now: number): void {
    if (peer.pausedForOutput) {
      peer.pausedForOutput = false;
      if (!peer.pausedForRate) peer.wire.resume();
    }
    this.serve(peer, now);
  }

  /** Time has passed: serves those that wait for the rate limit, one block each in turn. */
  resume(now: number): void {
    while (this.#waiting.length > 0 && this.#open(now)) {
      const round = this.#waiting;
      this.#waiting = [];
      for (const [i, peer] of round.entries()) {
        if (!this.#open(now)) {
          this.#waiting = [...round.slice(i), ...this.#waiting];
          break;
        }
        if (this.#mayServe(peer)) this.#serveOne(peer);
        if (this.#mayServe(peer)) this.#waiting.push(peer);
        else peer.waitsForRate = false;
        this.#unflushed.add(peer);
      }
    }
    this.#flush();
    if (this.#waiting.length > 0) this.#wakeWhenOpen(now);
  }

  #mayServe(peer: Peer): boolean {
    if (peer.gone || peer.asked.size === 0 || !this.#host.uploads) return false;
    return peer.wire.pending + peer.reading < this.#mark(peer);
  }

  #serveOne(peer: Peer): void {
    const { store, metainfo } = this.#host;
    const at = peer.asked.first();
    const piece = peer.asked.piece(at);
    const begin = peer.asked.part(at);
    const length = peer.asked.note(at);
    peer.asked.delete(at);
    if (store === undefined || metainfo === undefined) return;
    for (const throttle of this.#host.uploadThrottles) throttle.take(length);
    let bytes: Uint8Array | Promise<Uint8Array>;
    try {
      const there = Math.min(length, metainfo.pieceSize(piece) - begin);
      bytes = store.read(piece, begin, there);
      if (there < length) bytes = Promise.resolve(bytes).then((read) => padded(read, length));
    } catch (error) {
      this.#host.storeFailed(error, this.#host.now);
      return;
    }
    if (bytes instanceof Uint8Array) this.#send(peer, piece, begin, bytes);
    else this.#sendLater(peer, piece, begin, length, bytes);
  }

  #sendLater(peer: Peer, piece: number, begin: number, length: number, read: Promise<Uint8Array>): void {
    const epoch = peer.askedEpoch;
    peer.reading += length;
    read.then(
      (bytes) => {
        peer.reading -= length;
        if (peer.gone || peer.askedEpoch !== epoch) {
          this.wastedBytes += length;
          if (!peer.gone && peer.fast) peer.wire.reject(piece, begin, length);
        } else {
          this.#send(peer, piece, begin, bytes);
        }
        this.#flushSoon(peer);
      },
      (error: unknown) => {
        peer.reading -= length;
        if (!peer.gone) this.#host.storeFailed(error, this.#host.now);
      },
    );
  }

  #send(peer: Peer, piece: number, begin: number, bytes: Uint8Array): void {
    peer.wire.piece(piece, begin, bytes);
    peer.upload.add(bytes.length);
    peer.sentSinceUnchoke += bytes.length;
  }

  /** Reads that end together are written together: the flush comes behind the ends that are queued already. */
  #flushSoon(peer: Peer): void {
    const first = this.#unflushed.size === 0;
    this.#unflushed.add(peer);
    if (first) void Promise.resolve().then(() => this.#serveUnflushed());
  }

  #serveUnflushed(): void {
    const { now } = this.#host;
    for (const peer of this.#unflushed) if (!peer.gone) this.serve(peer, now);
    this.#flush();
  }

  #flush(): void {
    for (const peer of this.#unflushed) if (!peer.gone) peer.flush();
    this.#unflushed.clear();
  }

  #open(now: number): boolean {
    for (const throttle of this.#host.uploadThrottles) if (!throttle.open(now)) return false;
    return true;
  }

  #wait(peer: Peer, now: number): void {
    if (!peer.waitsForRate) {
      peer.waitsForRate = true;
      this.#waiting.push(peer);
    }
    this.#wakeWhenOpen(now);
  }

  #wakeWhenOpen(now: number): void {
    this.#host.wakeAt(Math.max(...this.#host.uploadThrottles.map((throttle) => throttle.opensAt(now))));
  }

  /** Who does not take the answers is not heard any more until it does. */
  #bound(peer: Peer): void {
    if (peer.pausedForOutput || peer.wire.pending < this.#host.limits.outputMost) return;
    peer.pausedForOutput = true;
    peer.wire.pause();
    peer.wire.flush();
  }

  #makeRoom(): void {
    for (const peer of this.#host.peers.values()) {
      if (!peer.unchoked || peer.interested) continue;
      this.#choke(peer);
      peer.flush();
      return;
    }
  }

  /**
   * Bytes that may wait for the peer: a fraction of a second of what it takes. What is said later, such as which pieces
   * came, has to wait behind them.
   */
  #mark(peer: Peer): number {
    const { uploadWatermark } = this.#host.limits;
    return Math.min(uploadWatermark, Math.max(LEAST_MARK, (peer.upRate * MARK_TIME) / 1000));
  }

  #slots(): number {
    const { uploadSlots } = this.#host;
    return uploadSlots === 'adaptive' ? LEAST_SLOTS : Math.max(1, uploadSlots);
  }

  #unchoke(peer: Peer, now: number): void {
    peer.unchoked = true;
    peer.unchokedAt = now;
    peer.sentSinceUnchoke = 0;
    this.#unchoked++;
    // Before it may ask, it hears what for.
    this.#host.suggester?.suggest(peer, this.#unchoked);
    peer.wire.unchoke();
    if (this.#unchoked === 2) this.#suggestToFirst(peer);
  }

  /** The first to be unchoked was alone until now, and had no need of hints. */
  #suggestToFirst(second: Peer): void {
    for (const peer of this.#host.peers.values()) {
      if (!peer.unchoked || peer === second) continue;
      this.#host.suggester?.suggest(peer, this.#unchoked);
      this.#unflushed.add(peer);
    }
    this.#flush();
  }

  #choke(peer: Peer): void {
    if (!peer.unchoked) return;
    peer.unchoked = false;
    this.#unchoked--;
    peer.wire.choke();
    this.#voidRequests(peer, peer.fast);
  }

  #voidRequests(peer: Peer, reject: boolean): void {
    peer.askedEpoch++;
    peer.asked.drain((piece, begin, length) => {
      if (reject) peer.wire.reject(piece, begin, length);
    });
  }
}

/**
 * Whether a block lies in a piece. libtorrent asks for a whole block at the end of each file of a v2 torrent, as if the
 * file were padded: that is let through.
 */
function isInside(
  { version, pieceLength, pieceSize }: Metainfo,
  piece: number,
  begin: number,
  length: number,
): boolean {
  const size = pieceSize(piece);
  return begin < size && begin + length <= (version === 'v2' ? pieceLength : size);
}

function padded(bytes: Uint8Array, length: number): Uint8Array {
  const block = new Uint8Array(length);
  block.set(bytes);
  return block;
}
