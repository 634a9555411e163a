/**
 * The beginning of a connection, up to the peer's BitTorrent handshake: encrypted or not, dialed or accepted. It takes
 * bytes and says what to send; what it knows at the end stands in its fields.
 */
import { WireError } from './error.ts';
import { Gather } from './gather.ts';
import { decodeHandshake, encodeHandshake, HANDSHAKE_LENGTH, PROTOCOL, type Handshake } from './handshake.ts';
import { MseInitiator } from './mse-initiator.ts';
import { MseResponder } from './mse-responder.ts';
import type { Ciphers, Encryption, MseSide } from './mse.ts';

export class Opening {
  /** The peer's, once it is whole. */
  handshake: Handshake | undefined;
  /** Set where the connection is encrypted, or was at its beginning. */
  ciphers: Ciphers | undefined;
  readonly #encryption: Encryption | undefined;
  readonly #findTorrent: ((key: Uint8Array) => Uint8Array | undefined) | undefined;
  readonly #gather: Gather = new Gather(HANDSHAKE_LENGTH);
  #mse: MseSide | undefined;
  #output: Uint8Array[] = [];
  /** Bytes that are still encrypted. */
  #encrypted = 0;
  /** An accepted connection begins with one of two protocols. */
  #undecided: boolean;

  /** A connection to a peer of the torrent that `ours` names. */
  static dialed(ours: Handshake, encryption: Encryption | undefined): Opening {
    const opening = new Opening(encryption, undefined);
    const bytes = encodeHandshake(ours);
    const encrypts = encryption?.policy === 'required' || encryption?.policy === 'preferred';
    if (encrypts) opening.#mse = new MseInitiator(encryption, ours.infoHash, bytes);
    else opening.#output.push(bytes);
    return opening;
  }

  /** A connection that somebody opened; `findTorrent` gives the info-hash whose `torrentKey` it is called with. */
  static accepted(
    encryption: Encryption | undefined,
    findTorrent: (key: Uint8Array) => Uint8Array | undefined,
  ): Opening {
    return new Opening(encryption, findTorrent);
  }

  private constructor(
    encryption: Encryption | undefined,
    findTorrent: ((key: Uint8Array) => Uint8Array | undefined) | undefined,
  ) {
    this.#encryption = encryption;
    this.#findTorrent = findTorrent;
    this.#undecided = findTorrent !== undefined;
  }

  /** Bytes of the incoming stream, counted from the handshake's end, that have to be decrypted. */
  get encryptedBytes(): number {
    return this.#encrypted;
  }

  takeOutput(): readonly Uint8Array[] {
    const output = this.#mse === undefined ? this.#output : this.#mse.takeOutput();
    this.#output = [];
    return output;
  }

  /**
   * Returns the place behind what it took: the end of `bytes`, or of the handshake. Decrypts in place.
   * @throws WireError
   */
  push(bytes: Uint8Array, from: number): number {
    let at = from;
    if (this.#undecided) at = this.#decide(bytes, at);
    if (this.#mse !== undefined && this.ciphers === undefined) {
      at = this.#mse.push(bytes, at);
      const { ciphers } = this.#mse;
      if (ciphers === undefined) return at;
      this.ciphers = ciphers;
      this.#encrypted = ciphers.encryptedBytes;
    }
    if (this.#undecided) return at;
    const end = this.#gather.fill(bytes, at);
    this.#decrypt(end - at);
    if (this.#gather.whole) this.handshake = decodeHandshake(this.#gather.bytes);
    return end;
  }

  /** Decrypts the last `count` bytes that were gathered. */
  #decrypt(count: number): void {
    const encrypted = Math.min(count, this.#encrypted);
    if (encrypted === 0) return;
    const start = this.#gather.length - count;
    this.ciphers?.decrypt.apply(this.#gather.bytes.subarray(start, start + encrypted));
    this.#encrypted -= encrypted;
  }

  /** Plain as long as it reads like the protocol's name; the first other byte makes it a public key. */
  #decide(bytes: Uint8Array, from: number): number {
    const seen = this.#gather.length;
    const end = Math.min(bytes.length, from + PROTOCOL.length - seen);
    for (let at = from; at < end; at++) {
      if (bytes[at] !== PROTOCOL[seen + at - from]) return this.#respond(from);
    }
    const at = this.#gather.fill(bytes.subarray(0, end), from);
    if (this.#gather.length < PROTOCOL.length) return at;
    if (this.#encryption?.policy === 'required') throw new WireError('not encrypted');
    this.#undecided = false;
    return at;
  }

  #respond(at: number): number {
    if (this.#encryption === undefined || this.#encryption.policy === 'off' || this.#findTorrent === undefined) {
      throw new WireError('another protocol, or an encrypted connection');
    }
    this.#mse = new MseResponder(this.#encryption, this.#findTorrent);
    this.#mse.push(this.#gather.bytes, 0);
    this.#gather.next(HANDSHAKE_LENGTH);
    this.#undecided = false;
    return at;
  }
}
