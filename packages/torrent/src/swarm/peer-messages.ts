import { equalBytes } from '@kith/core';
import { WireError } from '../wire/error.ts';
import type { ExtensionMessage } from '../wire/extension.ts';
import type { HashRange, WireHandler } from '../wire/handler.ts';
import type { Handshake } from '../wire/handshake.ts';
import { Bits } from './bits.ts';
import type { Peer } from './peer.ts';
import { SUGGESTION_TIME } from './spared-seeds.ts';

/** Pieces that a peer may name before the metadata is known. */
const EARLY_MOST = 100_000;
/** Pieces that a peer may suggest, or allow fast, at a time (BEP 6). */
const FAST_MOST = 1024;

/** What a peer says, checked against its torrent and taken to who decides on it. */
export class PeerMessages implements WireHandler {
  readonly #peer: Peer;

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  handshake(handshake: Handshake, now: number): void {
    this.#peer.ready = true;
    this.#peer.identity.id = handshake.peerId;
    this.#peer.fast = handshake.fast;
    const v2 = this.#peer.torrent.infoHashV2;
    this.#peer.v2 = v2 !== undefined && (this.#peer.upgraded || equalBytes(v2.subarray(0, 20), handshake.infoHash));
    this.#peer.torrent.admission.ready(this.#peer, handshake, now);
  }

  choke(now: number): void {
    if (this.#peer.choking) return;
    this.#peer.choking = true;
    this.#peer.torrent.download?.choked(this.#peer, now);
  }

  unchoke(now: number): void {
    if (!this.#peer.choking) return;
    this.#peer.choking = false;
    this.#peer.torrent.download?.unchoked(this.#peer, now);
  }

  interested(now: number): void {
    this.#interest(true, now);
  }

  notInterested(now: number): void {
    this.#interest(false, now);
  }

  have(piece: number, now: number): void {
    if (!this.#peer.torrent.knowsPieces) {
      const early = (this.#peer.early ??= { have: [] });
      if (early.have.push(piece) > EARLY_MOST) this.#violate('more pieces announced than a torrent has');
      return;
    }
    this.#check(piece);
    this.#peer.torrent.tellHaves(this.#peer);
    if (this.#peer.countedAsSeed || !this.#peer.pieces.add(piece)) return;
    this.#peer.torrent.peerGot(this.#peer, piece, now);
  }

  bitfield(bits: Uint8Array, now: number): void {
    if (this.#peer.torrent.knowsPieces) this.#setPieces(bits, false, now);
    else this.#peer.early = { bits: bits.slice(), have: [] };
  }

  haveAll(now: number): void {
    if (this.#peer.torrent.knowsPieces) this.#setPieces(undefined, true, now);
    else this.#peer.early = { all: true, have: [] };
  }

  haveNone(): void {}

  /** The metadata came: what was said before gets its meaning. */
  learnPieces(now: number): void {
    const early = this.#peer.early;
    this.#peer.early = undefined;
    this.#peer.pieces = new Bits(this.#peer.torrent.pieceCount);
    if (early === undefined) return;
    this.#setPieces(early.bits, early.all === true, now);
    for (const piece of early.have) this.have(piece, now);
  }

  request(piece: number, begin: number, length: number, now: number): void {
    if (!this.#peer.torrent.knowsPieces) return;
    this.#check(piece);
    this.#peer.torrent.upload.request(this.#peer, piece, begin, length, now);
  }

  cancel(piece: number, begin: number): void {
    this.#peer.torrent.upload.cancel(this.#peer, piece, begin);
  }

  reject(piece: number, begin: number): void {
    this.#peer.torrent.download?.rejected(this.#peer, piece, begin);
  }

  suggest(piece: number, now: number): void {
    if (!this.#peer.torrent.knowsPieces) return;
    this.#check(piece);
    if (this.#peer.suggested.length < FAST_MOST) this.#peer.suggested.push(piece);
    if (this.#peer.seed && this.#peer.torrent.hasPartners(this.#peer)) this.#peer.suggestsUntil = now + SUGGESTION_TIME;
  }

  allowedFast(piece: number): void {
    if (!this.#peer.torrent.knowsPieces) return;
    this.#check(piece);
    if (this.#peer.allowedFast.size < FAST_MOST) this.#peer.allowedFast.add(piece);
  }

  port(port: number): void {
    if (port > 0)
      this.#peer.torrent.emit({
        kind: 'dht-node',
        torrent: this.#peer.torrent,
        address: { ip: this.#peer.remote.ip, port },
      });
  }

  blockStart(piece: number, begin: number, length: number): Uint8Array | undefined {
    return this.#peer.torrent.download?.blockStart(this.#peer, piece, begin, length);
  }

  block(piece: number, begin: number, length: number, now: number): void {
    if (this.#peer.torrent.download === undefined) this.#peer.wastedBytes += length;
    else this.#peer.torrent.download.block(this.#peer, piece, begin, length, now);
    if (this.#peer.wastedBytes > this.#peer.pipeline.rate.total + this.#peer.torrent.limits.unaskedMost) {
      this.#violate('blocks that nobody asked for');
    }
  }

  extension(message: ExtensionMessage, now: number): void {
    if (message.kind === 'dont-have') {
      if (!this.#peer.torrent.knowsPieces) return;
      this.#check(message.piece);
      this.#peer.torrent.peerLost(this.#peer, message.piece);
      return;
    }
    if (message.kind === 'handshake') {
      this.#peer.said = message;
      if (message.requestQueue !== undefined) this.#peer.pipeline.peerLimit = Math.max(1, message.requestQueue);
    }
    this.#peer.torrent.exchange.hear(this.#peer, message, now);
  }

  hashRequest(range: HashRange): void {
    // An answer is three hundred times the request: not for those that do not take it.
    const takes = this.#peer.wire.pending < this.#peer.torrent.limits.uploadWatermark;
    const hashes = takes ? this.#peer.torrent.hashFetch?.serve(range) : undefined;
    if (hashes === undefined) this.#peer.wire.hashReject(range);
    else this.#peer.wire.hashes(range, hashes);
  }

  hashes(range: HashRange, hashes: Uint8Array, now: number): void {
    if (!this.#peer.torrent.hashesCame(this.#peer, range, hashes, now)) this.#violate('hashes that prove nothing');
  }

  hashReject(range: HashRange): void {
    this.#peer.torrent.hashFetch?.rejected(this.#peer.number, range);
  }

  settled(now: number): void {
    if (!this.#peer.gone) this.#peer.torrent.settled(this.#peer, now);
  }

  drain(now: number): void {
    if (this.#peer.gone) return;
    this.#peer.torrent.upload.drained(this.#peer, now);
    this.#peer.wire.flush();
  }

  closed(reason: string, now: number): void {
    this.#peer.torrent.peerClosed(this.#peer, reason, now);
  }

  #interest(interested: boolean, now: number): void {
    if (this.#peer.interested === interested) return;
    this.#peer.interested = interested;
    this.#peer.torrent.upload.interestChanged(this.#peer, now);
    this.#peer.torrent.checkUse(this.#peer, now);
  }

  #setPieces(bits: Uint8Array | undefined, all: boolean, now: number): void {
    const count = this.#peer.torrent.pieceCount;
    const pieces = bits === undefined ? undefined : Bits.fromWire(bits, count);
    if (bits !== undefined && pieces === undefined)
      this.#violate(`a bitfield of ${bits.length} bytes for ${count} pieces`);
    // aria2 says many new pieces with another bitfield. What it leaves out stays: so nobody has a piece counted twice.
    if (this.#peer.pieces.count > 0) {
      const more = pieces ?? Bits.full(count);
      more.subtract(this.#peer.pieces);
      for (let piece = more.next(0); piece >= 0; piece = more.next(piece + 1)) this.have(piece, now);
      return;
    }
    this.#peer.torrent.forgetPieces(this.#peer);
    this.#peer.countedAsSeed = all || pieces?.complete === true;
    this.#peer.pieces = this.#peer.countedAsSeed ? Bits.full(count) : (pieces ?? this.#peer.pieces);
    this.#peer.torrent.peerPieces(this.#peer, now);
  }

  #check(piece: number): void {
    if (piece >= this.#peer.torrent.pieceCount) this.#violate(`piece ${piece} of ${this.#peer.torrent.pieceCount}`);
  }

  #violate(what: string): never {
    this.#peer.violated = true;
    throw new WireError(what);
  }
}
