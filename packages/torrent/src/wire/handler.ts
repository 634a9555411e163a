import type { ExtensionMessage } from './extension.ts';
import type { Handshake } from './handshake.ts';

/** Which hashes of a v2 tree: BEP 52, "hash request". `baseLayer` 0 is the leaves. */
export interface HashRange {
  readonly piecesRoot: Uint8Array;
  readonly baseLayer: number;
  readonly index: number;
  readonly length: number;
  readonly proofLayers: number;
}

/**
 * What a peer says, called while its bytes are parsed, in the order in which it said it. Lengths and formats are checked
 * before; whether a piece exists or a request was wanted is the handler's to judge. What a handler throws ends the
 * connection with that error as reason.
 */
export interface WireHandler {
  handshake(handshake: Handshake, now: number): void;
  choke(now: number): void;
  unchoke(now: number): void;
  interested(now: number): void;
  notInterested(now: number): void;
  have(piece: number, now: number): void;
  /** Valid during the call only. Its length is not yet checked against the torrent: metadata may be missing. */
  bitfield(bits: Uint8Array, now: number): void;
  haveAll(now: number): void;
  haveNone(now: number): void;
  request(piece: number, begin: number, length: number, now: number): void;
  cancel(piece: number, begin: number, length: number, now: number): void;
  reject(piece: number, begin: number, length: number, now: number): void;
  suggest(piece: number, now: number): void;
  allowedFast(piece: number, now: number): void;
  /** Port of the peer's DHT node (BEP 5). */
  port(port: number, now: number): void;
  /**
   * A block begins: where its payload goes (exactly `length` bytes, written as they come), or undefined to drop it.
   * `length` is 1..16384.
   */
  blockStart(piece: number, begin: number, length: number, now: number): Uint8Array | undefined;
  /** The block that began last is whole. Called for dropped ones as well. */
  block(piece: number, begin: number, length: number, now: number): void;
  extension(message: ExtensionMessage, now: number): void;
  hashRequest(range: HashRange, now: number): void;
  hashes(range: HashRange, hashes: Uint8Array, now: number): void;
  hashReject(range: HashRange, now: number): void;
  /** All bytes of one read are parsed: the moment to answer them with one write. */
  settled(now: number): void;
  /**
   * All that was flushed is taken by the system: who stopped because `PeerWire.pending` was high goes on, and flushes.
   * Follows every flush that sent something.
   */
  drain(now: number): void;
  closed(reason: string, now: number): void;
}
