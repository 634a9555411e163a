/**
 * One connection to a peer: bytes of a {@link Duplex} to the calls of a {@link WireHandler}, and calls back to bytes.
 *
 * Nothing leaves before `flush`, or the end of a read (`WireHandler.settled` comes just before), so that what belongs
 * together is one write. Nobody here looks at a clock: the owner closes what stays silent (`established`, `lastHeard`).
 */
import type { Duplex, DuplexHandler, PeerAddress } from './duplex.ts';
import { WireError } from './error.ts';
import type { ExtensionMessage } from './extension.ts';
import { Extensions } from './extensions.ts';
import { encodeHandshake, type Handshake } from './handshake.ts';
import type { HashRange, WireHandler } from './handler.ts';
import { WIRE_LIMITS, type WireLimits } from './limits.ts';
import * as id from './messages.ts';
import type { Encryption } from './mse.ts';
import { Opening } from './opening.ts';
import { Outbox } from './outbox.ts';
import { MessageParser } from './parser.ts';
import type { Rc4 } from './rc4.ts';

export interface WireOptions {
  /** Nothing is encrypted, and nothing encrypted understood, without it. */
  readonly encryption?: Encryption;
  readonly limits?: Partial<WireLimits>;
}

export interface DialedOptions extends WireOptions {
  /** What this side says of itself, and the torrent it wants. */
  readonly handshake: Handshake;
  /** The other info-hash of a hybrid torrent: the peer may answer with it (BEP 52). */
  readonly otherInfoHash?: Uint8Array;
}

/** Who an accepted connection is for. */
export interface WireLookup {
  /**
   * The info-hash whose `torrentKey` is `key`: by that an encrypted connection names its torrent. Undefined ends the
   * connection, and is the answer to whom the torrent is not for as well: who is told that it is known has learnt something.
   */
  findTorrent(key: Uint8Array, remote: PeerAddress): Uint8Array | undefined;
  /** The peer has said which torrent it wants; undefined ends the connection. Its handler hears the handshake next. */
  attach(wire: PeerWire, handshake: Handshake, now: number): Attachment | undefined;
  /** The connection ended before a handler was attached. */
  closed(wire: PeerWire, reason: string, now: number): void;
}

export interface Attachment {
  readonly handler: WireHandler;
  /** The answer. */
  readonly handshake: Handshake;
}

export class PeerWire implements DuplexHandler {
  readonly #duplex: Duplex;
  readonly #limits: WireLimits;
  readonly #extensions: Extensions;
  readonly #outbox: Outbox;
  readonly #lookup: WireLookup | undefined;
  readonly #expected: readonly Uint8Array[];
  readonly #mayRetryPlain: boolean;
  #handler: WireHandler | undefined;
  #opening: Opening | undefined;
  #parser: MessageParser | undefined;
  #encrypt: Rc4 | undefined;
  #decrypt: Rc4 | undefined;
  /** Bytes that are still to be decrypted: Infinity, or those of MSE's initial payload. */
  #encrypted = 0;
  #encryptedFromStart = false;
  #closing: string | undefined;
  #ended = false;
  #lastHeard: number | undefined;
  #received = 0;
  #sent = 0;
  #sentPayload = 0;

  /** Speaks first: its handshake is on the way when this returns. */
  static dialed(duplex: Duplex, handler: WireHandler, options: DialedOptions): PeerWire {
    const { handshake, otherInfoHash } = options;
    const expected = otherInfoHash === undefined ? [handshake.infoHash] : [handshake.infoHash, otherInfoHash];
    const wire = new PeerWire(duplex, handler, undefined, Opening.dialed(handshake, options.encryption), {
      ...options,
      expected,
    });
    wire.#sendOpening();
    return wire;
  }

  /** Listens first: `lookup` is asked once it is known what the peer wants. */
  static accepted(duplex: Duplex, lookup: WireLookup, options: WireOptions = {}): PeerWire {
    const opening = Opening.accepted(options.encryption, (key) => lookup.findTorrent(key, duplex.remote));
    return new PeerWire(duplex, undefined, lookup, opening, { ...options, expected: [] });
  }

  private constructor(
    duplex: Duplex,
    handler: WireHandler | undefined,
    lookup: WireLookup | undefined,
    opening: Opening,
    options: WireOptions & { readonly expected: readonly Uint8Array[] },
  ) {
    this.#duplex = duplex;
    this.#handler = handler;
    this.#lookup = lookup;
    this.#opening = opening;
    this.#expected = options.expected;
    this.#mayRetryPlain = lookup === undefined && options.encryption?.policy === 'preferred';
    this.#limits = { ...WIRE_LIMITS, ...options.limits };
    this.#extensions = new Extensions(this.#limits);
    this.#outbox = new Outbox(duplex);
    duplex.start(this);
  }

  get remote(): PeerAddress {
    return this.#duplex.remote;
  }

  get kind(): Duplex['kind'] {
    return this.#duplex.kind;
  }

  /** True where the peer opened the connection. */
  get incoming(): boolean {
    return this.#duplex.incoming;
  }

  /** True once the peer's handshake was read: messages may be sent. */
  get established(): boolean {
    return this.#parser !== undefined;
  }

  /** True if everything is encrypted both ways (RC4), and not the beginning only. */
  get encrypted(): boolean {
    return this.#encrypt !== undefined;
  }

  /**
   * Of a closed wire: true if it was dialed with `preferred` and came to its end before encryption was agreed on. The
   * peer may be one that knows none: dial it again with `off`.
   */
  get retryPlain(): boolean {
    return this.#closing !== undefined && this.#mayRetryPlain && !this.#encryptedFromStart;
  }

  /** When the last bytes came, keep-alives among them. */
  get lastHeard(): number | undefined {
    return this.#lastHeard;
  }

  /** Bytes that wait here and in the connection. */
  get pending(): number {
    return this.#outbox.waiting + this.#duplex.pending;
  }

  /** Bytes of blocks received so far, those of unfinished ones as well. */
  get downloadedPayload(): number {
    return this.#parser?.payload ?? 0;
  }

  /** All other bytes received. */
  get downloadedProtocol(): number {
    return this.#received - this.downloadedPayload;
  }

  get uploadedPayload(): number {
    return this.#sentPayload;
  }

  get uploadedProtocol(): number {
    return this.#sent + this.#outbox.waiting - this.#sentPayload;
  }

  choke(): void {
    this.#bare(id.CHOKE);
  }

  unchoke(): void {
    this.#bare(id.UNCHOKE);
  }

  interested(): void {
    this.#bare(id.INTERESTED);
  }

  notInterested(): void {
    this.#bare(id.NOT_INTERESTED);
  }

  haveAll(): void {
    this.#bare(id.HAVE_ALL);
  }

  haveNone(): void {
    this.#bare(id.HAVE_NONE);
  }

  have(piece: number): void {
    this.#pieceNumber(id.HAVE, piece);
  }

  suggest(piece: number): void {
    this.#pieceNumber(id.SUGGEST, piece);
  }

  allowedFast(piece: number): void {
    this.#pieceNumber(id.ALLOWED_FAST, piece);
  }

  /** Copies the bits. */
  bitfield(bits: Uint8Array): void {
    this.#withBody(id.BITFIELD, bits);
  }

  request(piece: number, begin: number, length: number): void {
    this.#blockRange(id.REQUEST, piece, begin, length);
  }

  cancel(piece: number, begin: number, length: number): void {
    this.#blockRange(id.CANCEL, piece, begin, length);
  }

  reject(piece: number, begin: number, length: number): void {
    this.#blockRange(id.REJECT, piece, begin, length);
  }

  /** Copies the bytes. */
  piece(piece: number, begin: number, bytes: Uint8Array): void {
    const outbox = this.#outbox;
    outbox.together(id.PIECE_HEAD + bytes.length);
    const at = outbox.reserve(id.PIECE_HEAD);
    id.writePieceHead(outbox.arena, at, piece, begin, bytes.length);
    outbox.copy(bytes);
    this.#sentPayload += bytes.length;
  }

  port(port: number): void {
    const at = this.#outbox.reserve(id.HEAD + 2);
    id.writePort(this.#outbox.arena, at, port);
  }

  /** False, and nothing is sent, where the peer has not said (yet) that it speaks the extension. */
  extension(message: ExtensionMessage): boolean {
    const body = this.#extensions.encode(message);
    if (body !== undefined) this.#withBody(id.EXTENDED, body);
    return body !== undefined;
  }

  hashRequest(range: HashRange): void {
    this.#hashRange(id.HASH_REQUEST, range, 0);
  }

  /** Copies the hashes. */
  hashes(range: HashRange, hashes: Uint8Array): void {
    this.#hashRange(id.HASHES, range, hashes.length);
    this.#outbox.copy(hashes);
  }

  hashReject(range: HashRange): void {
    this.#hashRange(id.HASH_REJECT, range, 0);
  }

  keepAlive(): void {
    const at = this.#outbox.reserve(4);
    this.#outbox.arena.fill(0, at, at + 4);
  }

  /** Sends what was said. Within a call of the handler it need not be called: the end of the read does it. */
  flush(): void {
    if (this.#opening !== undefined || this.#closing !== undefined) return;
    this.#sent += this.#outbox.waiting;
    this.#outbox.flush(this.#encrypt);
  }

  /**
   * The memory that `WireHandler.blockStart` gave is needed for something else: the rest of the block that arrives goes
   * nowhere. The handler hears of its end all the same.
   */
  skipBlock(): void {
    this.#parser?.skipBlock();
  }

  /** Stops reading until `resume`: what was read already is still parsed. */
  pause(): void {
    this.#duplex.pause();
  }

  resume(): void {
    this.#duplex.resume();
  }

  /** Ends the connection; what was said and not flushed is lost. The handler hears `closed` with this reason later. */
  close(reason: string): void {
    if (this.#closing !== undefined) return;
    this.#closing = reason;
    this.#parser?.stop();
    this.#duplex.close(reason);
  }

  /** @internal Called by the duplex, as the next two. */
  data(bytes: Uint8Array, now: number): void {
    if (this.#closing !== undefined) return;
    this.#lastHeard = now;
    this.#received += bytes.length;
    try {
      const at = this.#opening === undefined ? 0 : this.#open(this.#opening, bytes, now);
      const parser = this.#parser;
      if (parser === undefined) return;
      if (this.#encrypted > 0) this.#decryptInPlace(bytes, at);
      if (at < bytes.length) parser.parse(bytes, at, now);
      if (this.#closing === undefined) this.#handler?.settled(now);
      this.flush();
    } catch (error) {
      this.close(error instanceof Error ? error.message : String(error));
    }
  }

  drain(now: number): void {
    if (this.#closing !== undefined) return;
    this.#outbox.taken();
    this.#handler?.drain(now);
  }

  closed(reason: string, now: number): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#closing ??= reason;
    this.#parser?.stop();
    if (this.#handler !== undefined) this.#handler.closed(this.#closing, now);
    else this.#lookup?.closed(this, this.#closing, now);
  }

  #open(opening: Opening, bytes: Uint8Array, now: number): number {
    const at = opening.push(bytes, 0);
    this.#sendOpening();
    if (opening.ciphers !== undefined) this.#encryptedFromStart = true;
    const { handshake } = opening;
    if (handshake === undefined) return at;
    this.#decrypt = opening.ciphers?.decrypt;
    this.#encrypt = opening.ciphers?.encrypt;
    this.#encrypted = opening.encryptedBytes;
    this.#opening = undefined;
    const handler = this.#handler ?? this.#attach(handshake, now);
    if (handler === undefined) throw new WireError('an unknown torrent');
    if (this.#closing !== undefined) return at;
    if (this.#lookup === undefined && !this.#expected.some((hash) => same(hash, handshake.infoHash))) {
      throw new WireError('the peer answers for another torrent');
    }
    this.#parser = new MessageParser(handler, this.#extensions, this.#limits, this.#duplex.copy);
    handler.handshake(handshake, now);
    return at;
  }

  #attach(handshake: Handshake, now: number): WireHandler | undefined {
    const attachment = this.#lookup?.attach(this, handshake, now);
    if (attachment === undefined) return undefined;
    this.#handler = attachment.handler;
    this.#outbox.copy(encodeHandshake(attachment.handshake));
    return attachment.handler;
  }

  #sendOpening(): void {
    const chunks = this.#opening?.takeOutput() ?? [];
    if (chunks.length === 0) return;
    for (const chunk of chunks) this.#sent += chunk.length;
    this.#duplex.write(chunks);
  }

  #decryptInPlace(bytes: Uint8Array, at: number): void {
    const end = Math.min(bytes.length, at + this.#encrypted);
    this.#decrypt?.apply(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end));
    this.#encrypted -= end - at;
  }

  #bare(type: id.BareId): void {
    const at = this.#outbox.reserve(id.HEAD);
    id.writeHead(this.#outbox.arena, at, type, 0);
  }

  #pieceNumber(type: id.PieceId, piece: number): void {
    const at = this.#outbox.reserve(id.HEAD + 4);
    id.writePieceNumber(this.#outbox.arena, at, type, piece);
  }

  #blockRange(type: id.BlockId, piece: number, begin: number, length: number): void {
    const at = this.#outbox.reserve(id.HEAD + 12);
    id.writeBlockRange(this.#outbox.arena, at, type, piece, begin, length);
  }

  #withBody(type: number, body: Uint8Array): void {
    const at = this.#outbox.reserve(id.HEAD);
    id.writeHead(this.#outbox.arena, at, type, body.length);
    if (body.length > 0) this.#outbox.copy(body);
  }

  #hashRange(type: id.HashId, range: HashRange, hashes: number): void {
    const at = this.#outbox.reserve(id.HEAD + id.HASH_RANGE_LENGTH);
    id.writeHashRange(this.#outbox.arena, at, type, range, hashes);
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
