import type { Metainfo } from '../metainfo/metainfo.ts';
import { pieceCheck } from '../storage/piece-check.ts';
import { BLOCK } from '../hashes.ts';
import type { CommitResult, PieceStore } from '../storage/piece-store.ts';
import type { Bits } from './bits.ts';
import type { Dice } from './dice.ts';
import type { HashFetch } from './hash-fetch.ts';
import { Padding } from './padding.ts';
import type { Partial, PeerNumber } from './partial.ts';
import type { Peer } from './peer.ts';
import { PiecePicker } from './piece-picker.ts';
import { Requester } from './requester.ts';
import { SmartBan } from './smart-ban.ts';

/** What the download half tells its torrent. */
export interface DownloadHost {
  /** The time of the last call from outside: results of the store come without one. */
  readonly now: number;
  /** Connected peers by number, in order of connection. */
  readonly peers: ReadonlyMap<PeerNumber, Peer>;
  pieceVerified(piece: number, now: number): void;
  pieceFailed(piece: number, now: number): void;
  /** The peer sent what was wrong; it may be gone already. */
  convicted(peer: PeerNumber, now: number): void;
  storeFailed(error: unknown, now: number): void;
  /** Tells the peer of the pieces that came lately. */
  tellHaves(peer: Peer): void;
}

export interface DownloadParts {
  readonly torrent: Metainfo;
  readonly store: PieceStore;
  readonly have: Bits;
  readonly hashFetch: HashFetch;
  readonly dice: Dice;
}

/** Times in a row that a peer may let its requests time out. */
const MOST_SNUBS = 3;

/** The half of a torrent that gets pieces. It exists while something is wanted and may flow. */
export class Download {
  readonly picker: PiecePicker;
  readonly requester: Requester;
  /** Bytes that failed their hash. */
  corruptBytes = 0;
  readonly #parts: DownloadParts;
  readonly #host: DownloadHost;
  readonly #smartBan = new SmartBan();
  readonly #committing = new Map<number, Partial>();
  #stopped = false;

  constructor(parts: DownloadParts, host: DownloadHost) {
    this.#parts = parts;
    this.#host = host;
    this.picker = new PiecePicker(parts.have, parts.dice, parts.torrent.pieceLength);
    this.requester = new Requester(
      this.picker,
      new Padding(parts.torrent),
      parts.store,
      (number) => host.peers.get(number),
      (partial) => this.#commit(partial),
    );
    if (parts.torrent.version === 'v2') {
      for (const piece of parts.hashFetch.unknownPieces()) this.picker.setHashKnown(piece, false);
    }
    parts.store.onRoom = () => this.#onRoom();
  }

  /** The peer said which pieces it has. */
  addPeer(peer: Peer): void {
    if (peer.countedAsSeed) this.picker.addSeed();
    else this.picker.addPeer(peer.pieces);
    this.recount(peer);
  }

  removePeer(peer: Peer): void {
    this.requester.release(peer, false);
    if (peer.countedAsSeed) this.picker.removeSeed();
    else this.picker.removePeer(peer.pieces);
  }

  peerGot(peer: Peer, piece: number): void {
    this.picker.addPeerPiece(piece);
    peer.idleVersion = -1;
    if (!this.picker.isWanted(piece)) return;
    peer.interestingPieces++;
    this.updateInterest(peer);
  }

  /** Called while the piece is still among those of the peer. */
  peerLost(peer: Peer, piece: number): void {
    this.#host.tellHaves(peer);
    if (peer.countedAsSeed) {
      // From now on it is counted piece by piece.
      this.picker.removeSeed();
      this.picker.addPeer(peer.pieces);
      peer.countedAsSeed = false;
      peer.interestingPieces = this.picker.countWanted(peer.pieces);
    }
    this.picker.removePeerPiece(piece);
    peer.pieces.delete(piece);
    if (!this.picker.isWanted(piece)) return;
    peer.interestingPieces--;
    this.updateInterest(peer);
  }

  /** Counts anew what the peer has of use: after it said what it has, and after priorities changed. */
  recount(peer: Peer): void {
    // What came before is counted off before it is counted anew.
    this.#host.tellHaves(peer);
    peer.interestingPieces = peer.countedAsSeed ? 0 : this.picker.countWanted(peer.pieces);
    peer.idleVersion = -1;
    this.updateInterest(peer);
  }

  /** A piece came: what a peer that has it is good for has become less. */
  pieceDone(peer: Peer, piece: number): void {
    if (!peer.countedAsSeed && peer.pieces.has(piece)) peer.interestingPieces--;
  }

  updateInterest(peer: Peer): void {
    const wanting = peer.countedAsSeed ? this.picker.wanted > 0 : peer.interestingPieces > 0;
    if (wanting === peer.wanting) return;
    peer.wanting = wanting;
    if (wanting) peer.wire.interested();
    else peer.wire.notInterested();
  }

  choked(peer: Peer, now: number): void {
    // Without the fast extension a choke voids all requests; with it each is rejected or answered (BEP 6).
    if (!peer.fast) this.requester.release(peer, false);
    this.fill(peer, now);
  }

  unchoked(peer: Peer, now: number): void {
    this.fill(peer, now);
  }

  fill(peer: Peer, now: number): void {
    if (!this.#stopped && !peer.gone && peer.wanting) this.requester.fill(peer, now);
  }

  rejected(peer: Peer, piece: number, begin: number): void {
    this.requester.rejected(peer, piece, begin);
    if (peer.choking) peer.allowedFast.delete(piece);
  }

  blockStart(peer: Peer, piece: number, begin: number, length: number): Uint8Array | undefined {
    peer.scratch ??= new Uint8Array(BLOCK);
    return this.requester.arriving(peer, piece, begin, length, peer.scratch);
  }

  block(peer: Peer, piece: number, begin: number, length: number, now: number): void {
    const scratch = peer.scratch as Uint8Array;
    if (!this.requester.arrived(peer, piece, begin, length, scratch, now)) peer.wastedBytes += length;
  }

  /** Once in a while. False where the peer never delivers and is to be dropped. */
  checkTimeout(peer: Peer, now: number): boolean {
    peer.pipeline.adapt(now);
    if (!peer.pipeline.timedOut(now)) return true;
    peer.pipeline.snub();
    if (peer.pipeline.snubs >= MOST_SNUBS) return false;
    this.requester.release(peer, true);
    this.fill(peer, now);
    return true;
  }

  setPriorities(priorities: Uint8Array, now: number): void {
    for (let piece = 0; piece < priorities.length; piece++) {
      this.picker.setPriority(piece, priorities[piece] as number);
      if (priorities[piece] === 0) this.requester.abandon(piece);
    }
    for (const peer of this.#host.peers.values()) {
      if (!peer.ready) continue;
      this.recount(peer);
      this.fill(peer, now);
      peer.flush();
    }
  }

  hashesKnown(pieces: readonly number[]): void {
    for (const piece of pieces) this.picker.setHashKnown(piece, true);
  }

  /** The piece should be here by then: whoever can is asked for it now. */
  deadline(piece: number, at: number, now: number): void {
    if (this.#parts.have.has(piece)) return;
    if (this.picker.priority(piece) === 0) return;
    this.requester.hurry(piece, at, this.#host.peers.values(), now);
    for (const peer of this.#host.peers.values()) {
      if (!peer.pieces.has(piece)) continue;
      this.fill(peer, now);
      peer.flush();
    }
  }

  /** Looks after deadlines; called often while there are some. */
  hurry(now: number): void {
    let fastest = 0;
    const able: Peer[] = [];
    for (const peer of this.#host.peers.values()) {
      fastest = Math.max(fastest, peer.downRate);
      if (!peer.choking) able.push(peer);
    }
    this.requester.fastest = fastest;
    able.sort((a, b) => b.downRate - a.downRate);
    this.requester.hurryLate(able, now);
    for (const peer of able) peer.flush();
  }

  /** Gives everything in flight back to the store. Pieces that are being checked end on their own. */
  stop(): void {
    this.#stopped = true;
    this.#parts.store.onRoom = undefined;
    this.requester.abandonAll();
  }

  #commit(partial: Partial): void {
    const { torrent, store, hashFetch } = this.#parts;
    const { piece, buffer } = partial;
    const check = pieceCheck(torrent, piece, hashFetch.layers);
    if (buffer === undefined || check === undefined) throw new Error(`piece ${piece} was begun without its hash`);
    partial.buffer = undefined;
    this.#committing.set(piece, partial);
    store.commit(buffer, check, this.#smartBan.suspects(piece)).then(
      (result) => this.#judged(partial, result),
      (error: unknown) => {
        this.#committing.delete(piece);
        this.picker.giveUp(piece);
        if (!this.#stopped) this.#host.storeFailed(error, this.#host.now);
      },
    );
  }

  #judged(partial: Partial, result: CommitResult): void {
    const { piece, size } = partial;
    const { now } = this.#host;
    this.#committing.delete(piece);
    if (result.ok) {
      this.picker.finish(piece);
      this.requester.deadlines.delete(piece);
      this.requester.trust(piece);
      for (const peer of this.#smartBan.passed(piece, result.blocks)) this.#host.convicted(peer, now);
      this.requester.recycle(partial);
      this.#host.pieceVerified(piece, now);
      return;
    }
    this.corruptBytes += size;
    this.picker.giveUp(piece);
    const sole = this.#smartBan.failed(piece, result.blocks, partial.peer.subarray(0, partial.blocks));
    if (sole === 0) this.requester.suspect(piece);
    this.requester.recycle(partial);
    this.#host.pieceFailed(piece, now);
    if (sole !== 0) this.#host.convicted(sole, now);
    this.#fillAll(now);
  }

  #onRoom(): void {
    if (!this.requester.storeFull) return;
    this.requester.storeFull = false;
    this.#fillAll(this.#host.now);
  }

  #fillAll(now: number): void {
    if (this.#stopped) return;
    for (const peer of this.#host.peers.values()) {
      if (!peer.ready || peer.choking || peer.gone) continue;
      this.fill(peer, now);
      peer.flush();
    }
  }
}
