/**
 * Bytes of a connection → messages, after the handshake. Parses in place where a message is whole in one read, copies a
 * block's payload straight to where its handler wants it, and collects other messages that reads have cut in a buffer
 * that grows with what came.
 */
import { readUint16BE, readUint32BE } from '@kith/core';
import { type Copy, portableCopy } from './copy.ts';
import { WireError } from './error.ts';
import type { Extensions } from './extensions.ts';
import type { WireHandler } from './handler.ts';
import type { WireLimits } from './limits.ts';
import * as id from './messages.ts';

/** Capacity of the buffer for cut messages that a connection keeps (bytes): all but the rare large ones fit. */
const SMALL = 64;

export class MessageParser {
  /** Bytes of blocks so far. */
  payload = 0;
  readonly #handler: WireHandler;
  readonly #extensions: Extensions;
  readonly #limits: WireLimits;
  readonly #copy: Copy;
  /** No message is longer, whatever it is. */
  readonly #longest: number;
  #stopped = false;

  #piece = 0;
  #begin = 0;
  #blockLength = 0;
  #target: Uint8Array | undefined;
  /** Bytes that are still to come of the block, or of an unknown message that is passed over. */
  #left = 0;
  #passingOver = false;

  #held: Uint8Array | undefined;
  #heldLength = 0;
  /** Bytes of the cut message after which more is known of it: its length, its id, its end. */
  #want = 4;

  constructor(handler: WireHandler, extensions: Extensions, limits: WireLimits, copy: Copy = portableCopy) {
    this.#copy = copy;
    this.#handler = handler;
    this.#extensions = extensions;
    this.#limits = limits;
    this.#longest = Math.max(
      1 + 8 + limits.block,
      1 + limits.bitfield,
      1 + limits.extension,
      1 + id.HASH_RANGE_LENGTH + 32 * limits.hashes,
    );
  }

  /** Nothing more is said, not even what came in the same read. */
  stop(): void {
    this.#stopped = true;
    this.#target = undefined;
    this.#held = undefined;
  }

  /** The rest of the block that arrives goes nowhere: its memory is needed for something else. */
  skipBlock(): void {
    this.#target = undefined;
  }

  /** @throws WireError, and what the handler throws */
  parse(bytes: Uint8Array, from: number, now: number): void {
    let at = from;
    const end = bytes.length;
    while (at < end && !this.#stopped) {
      if (this.#left > 0) at = this.#takePayload(bytes, at, now);
      else if (this.#heldLength > 0) at = this.#collect(bytes, at, now);
      else at = this.#parseInPlace(bytes, at, now);
    }
  }

  #parseInPlace(bytes: Uint8Array, at: number, now: number): number {
    const available = bytes.length - at;
    if (available < id.HEAD) return this.#collect(bytes, at, now);
    const length = readUint32BE(bytes, at);
    if (length === 0) return at + 4;
    const type = bytes[at + 4] as number;
    const need = this.#needed(type, length);
    if (available < need) return this.#collect(bytes, at, now);
    this.#dispatch(type, length, bytes, at + id.HEAD, now);
    return at + need;
  }

  #collect(bytes: Uint8Array, from: number, now: number): number {
    const at = this.#hold(bytes, from);
    const held = this.#held;
    if (held === undefined || this.#heldLength < this.#want) return at;
    const length = readUint32BE(held, 0);
    if (this.#want === 4) {
      if (length === 0) this.#heldLength = 0;
      else if (length > this.#longest) throw tooLong(length);
      else this.#want = id.HEAD;
      return at;
    }
    const type = held[4] as number;
    if (this.#want === id.HEAD) {
      this.#want = this.#needed(type, length);
      if (this.#want > id.HEAD) return at;
    }
    this.#heldLength = 0;
    this.#want = 4;
    if (held.length > SMALL) this.#held = undefined;
    this.#dispatch(type, length, held, id.HEAD, now);
    return at;
  }

  #hold(bytes: Uint8Array, at: number): number {
    const end = Math.min(bytes.length, at + this.#want - this.#heldLength);
    const length = this.#heldLength + end - at;
    let held = (this.#held ??= new Uint8Array(SMALL));
    if (length > held.length) {
      const larger = new Uint8Array(Math.min(this.#want, Math.max(length, 2 * held.length)));
      larger.set(held.subarray(0, this.#heldLength));
      this.#held = held = larger;
    }
    held.set(bytes.subarray(at, end), this.#heldLength);
    this.#heldLength = length;
    return end;
  }

  #takePayload(bytes: Uint8Array, at: number, now: number): number {
    const count = Math.min(this.#left, bytes.length - at);
    const target = this.#target;
    if (target !== undefined) this.#copy(target, this.#blockLength - this.#left, bytes, at, at + count);
    this.#left -= count;
    if (!this.#passingOver) {
      this.payload += count;
      if (this.#left === 0) {
        this.#target = undefined;
        this.#handler.block(this.#piece, this.#begin, this.#blockLength, now);
      }
    }
    return at + count;
  }

  /** Bytes of a message that have to be there to act on it: all of it, but for blocks and unknown messages. */
  #needed(type: number, length: number): number {
    if (length > this.#longest) throw tooLong(length);
    const fields = length - 1;
    switch (type) {
      case id.CHOKE:
      case id.UNCHOKE:
      case id.INTERESTED:
      case id.NOT_INTERESTED:
      case id.HAVE_ALL:
      case id.HAVE_NONE:
        return exactly(type, fields, 0);
      case id.HAVE:
      case id.SUGGEST:
      case id.ALLOWED_FAST:
        return exactly(type, fields, 4);
      case id.REQUEST:
      case id.CANCEL:
      case id.REJECT:
        return exactly(type, fields, 12);
      case id.PIECE:
        within(type, fields, 8 + 1, 8 + this.#limits.block);
        return id.PIECE_HEAD;
      case id.PORT:
        return exactly(type, fields, 2);
      case id.BITFIELD:
        return within(type, fields, 0, this.#limits.bitfield);
      case id.EXTENDED:
        return within(type, fields, 1, this.#limits.extension);
      case id.HASH_REQUEST:
      case id.HASH_REJECT:
        return exactly(type, fields, id.HASH_RANGE_LENGTH);
      case id.HASHES:
        if (fields % 32 !== id.HASH_RANGE_LENGTH % 32) throw wrongLength(type, fields);
        return within(type, fields, id.HASH_RANGE_LENGTH, id.HASH_RANGE_LENGTH + 32 * this.#limits.hashes);
      default:
        // Of an extension that was never agreed on: harmless, as long as it is not stored.
        return id.HEAD;
    }
  }

  #dispatch(type: number, length: number, bytes: Uint8Array, at: number, now: number): void {
    const handler = this.#handler;
    switch (type) {
      case id.CHOKE:
        return handler.choke(now);
      case id.UNCHOKE:
        return handler.unchoke(now);
      case id.INTERESTED:
        return handler.interested(now);
      case id.NOT_INTERESTED:
        return handler.notInterested(now);
      case id.HAVE:
        return handler.have(readUint32BE(bytes, at), now);
      case id.BITFIELD:
        return handler.bitfield(bytes.subarray(at, at + length - 1), now);
      case id.REQUEST: {
        const asked = readUint32BE(bytes, at + 8);
        if (asked === 0 || asked > this.#limits.request) throw new WireError(`a request of ${asked} bytes`);
        return handler.request(readUint32BE(bytes, at), readUint32BE(bytes, at + 4), asked, now);
      }
      case id.PIECE:
        return this.#beginBlock(readUint32BE(bytes, at), readUint32BE(bytes, at + 4), length - 9, now);
      case id.CANCEL:
        return handler.cancel(readUint32BE(bytes, at), readUint32BE(bytes, at + 4), readUint32BE(bytes, at + 8), now);
      case id.PORT:
        return handler.port(readUint16BE(bytes, at), now);
      case id.SUGGEST:
        return handler.suggest(readUint32BE(bytes, at), now);
      case id.HAVE_ALL:
        return handler.haveAll(now);
      case id.HAVE_NONE:
        return handler.haveNone(now);
      case id.REJECT:
        return handler.reject(readUint32BE(bytes, at), readUint32BE(bytes, at + 4), readUint32BE(bytes, at + 8), now);
      case id.ALLOWED_FAST:
        return handler.allowedFast(readUint32BE(bytes, at), now);
      case id.EXTENDED: {
        const message = this.#extensions.decode(bytes[at] as number, bytes.subarray(at + 1, at + length - 1));
        if (message !== undefined) handler.extension(message, now);
        return;
      }
      case id.HASH_REQUEST:
        return handler.hashRequest(id.readHashRange(bytes, at), now);
      case id.HASHES: {
        const hashes = bytes.subarray(at + id.HASH_RANGE_LENGTH, at + length - 1);
        return handler.hashes(id.readHashRange(bytes, at), hashes, now);
      }
      case id.HASH_REJECT:
        return handler.hashReject(id.readHashRange(bytes, at), now);
      default:
        this.#passingOver = true;
        this.#left = length - 1;
    }
  }

  #beginBlock(piece: number, begin: number, length: number, now: number): void {
    const target = this.#handler.blockStart(piece, begin, length, now);
    if (target !== undefined && target.length !== length) {
      throw new RangeError(`a block of ${length} bytes was given a place of ${target.length}`);
    }
    this.#piece = piece;
    this.#begin = begin;
    this.#blockLength = length;
    this.#target = target;
    this.#passingOver = false;
    this.#left = length;
  }
}

function exactly(type: number, fields: number, length: number): number {
  if (fields !== length) throw wrongLength(type, fields);
  return id.HEAD + fields;
}

function within(type: number, fields: number, least: number, most: number): number {
  if (fields < least || fields > most) throw wrongLength(type, fields);
  return id.HEAD + fields;
}

function wrongLength(type: number, fields: number): WireError {
  return new WireError(`message ${type} with ${fields} bytes`);
}

function tooLong(length: number): WireError {
  return new WireError(`a message of ${length} bytes`);
}
