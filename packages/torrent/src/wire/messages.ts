/**
 * Messages between peers: length(4) id(1) fields, integers big endian; a length of 0 is a keep-alive.
 *
 *    0 choke   1 unchoke   2 interested   3 not interested       BEP 3
 *    4 have            piece(4)
 *    5 bitfield        bits, the first piece is the highest bit
 *    6 request         piece(4) begin(4) length(4)
 *    7 piece           piece(4) begin(4) block
 *    8 cancel          as request
 *    9 port            port(2)                                   BEP 5
 *   13 suggest piece   piece(4)                                  BEP 6
 *   14 have all   15 have none
 *   16 reject request  as request
 *   17 allowed fast    piece(4)
 *   20 extended        extended id(1) payload                    BEP 10
 *   21 hash request    root(32) base layer(4) index(4) length(4) proof layers(4)      BEP 52
 *   22 hashes          as hash request, then 32 bytes for each hash
 *   23 hash reject     as hash request
 */
import { readUint32BE, writeUint16BE, writeUint32BE } from '@kith/core';
import type { HashRange } from './handler.ts';

export const CHOKE = 0;
export const UNCHOKE = 1;
export const INTERESTED = 2;
export const NOT_INTERESTED = 3;
export const HAVE = 4;
export const BITFIELD = 5;
export const REQUEST = 6;
export const PIECE = 7;
export const CANCEL = 8;
export const PORT = 9;
export const SUGGEST = 13;
export const HAVE_ALL = 14;
export const HAVE_NONE = 15;
export const REJECT = 16;
export const ALLOWED_FAST = 17;
export const EXTENDED = 20;
export const HASH_REQUEST = 21;
export const HASHES = 22;
export const HASH_REJECT = 23;

/** Bytes before the fields: length and id. */
export const HEAD = 5;
/** Bytes before the block of a piece message. */
export const PIECE_HEAD = 13;
/** Fields of the messages that carry a {@link HashRange}. */
export const HASH_RANGE_LENGTH = 48;

/** Messages without fields. */
export type BareId =
  typeof CHOKE | typeof UNCHOKE | typeof INTERESTED | typeof NOT_INTERESTED | typeof HAVE_ALL | typeof HAVE_NONE;
/** Messages that name a piece. */
export type PieceId = typeof HAVE | typeof SUGGEST | typeof ALLOWED_FAST;
/** Messages that name a block. */
export type BlockId = typeof REQUEST | typeof CANCEL | typeof REJECT;
export type HashId = typeof HASH_REQUEST | typeof HASHES | typeof HASH_REJECT;

/** Length and id of a message with `fields` bytes behind them. */
export function writeHead(out: Uint8Array, at: number, id: number, fields: number): void {
  writeUint32BE(out, at, fields + 1);
  out[at + 4] = id;
}

/** 9 bytes. */
export function writePieceNumber(out: Uint8Array, at: number, id: PieceId, piece: number): void {
  writeHead(out, at, id, 4);
  writeUint32BE(out, at + HEAD, piece);
}

/** 17 bytes. */
export function writeBlockRange(
  out: Uint8Array,
  at: number,
  id: BlockId,
  piece: number,
  begin: number,
  length: number,
): void {
  writeHead(out, at, id, 12);
  writeUint32BE(out, at + HEAD, piece);
  writeUint32BE(out, at + HEAD + 4, begin);
  writeUint32BE(out, at + HEAD + 8, length);
}

/** 13 bytes, which the block follows. */
export function writePieceHead(out: Uint8Array, at: number, piece: number, begin: number, length: number): void {
  writeHead(out, at, PIECE, 8 + length);
  writeUint32BE(out, at + HEAD, piece);
  writeUint32BE(out, at + HEAD + 4, begin);
}

/** 7 bytes. */
export function writePort(out: Uint8Array, at: number, port: number): void {
  writeHead(out, at, PORT, 2);
  writeUint16BE(out, at + HEAD, port);
}

/** 53 bytes, which the hashes follow. */
export function writeHashRange(out: Uint8Array, at: number, id: HashId, range: HashRange, hashes: number): void {
  if (range.piecesRoot.length !== 32) throw new RangeError(`a root has 32 bytes, not ${range.piecesRoot.length}`);
  writeHead(out, at, id, HASH_RANGE_LENGTH + hashes);
  out.set(range.piecesRoot, at + HEAD);
  writeUint32BE(out, at + HEAD + 32, range.baseLayer);
  writeUint32BE(out, at + HEAD + 36, range.index);
  writeUint32BE(out, at + HEAD + 40, range.length);
  writeUint32BE(out, at + HEAD + 44, range.proofLayers);
}

/** Copies the root: a range is kept until it is answered. */
export function readHashRange(bytes: Uint8Array, at: number): HashRange {
  return {
    piecesRoot: bytes.slice(at, at + 32),
    baseLayer: readUint32BE(bytes, at + 32),
    index: readUint32BE(bytes, at + 36),
    length: readUint32BE(bytes, at + 40),
    proofLayers: readUint32BE(bytes, at + 44),
  };
}
