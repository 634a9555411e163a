/**
 * Bencoding (BEP 3), strict:
 *
 *     integer     i <digits> e            no leading zeros, no -0, at most 2^53 - 1 either way unless asked for more
 *     string      <length> : <bytes>      length without leading zeros
 *     list        l <value>* e
 *     dictionary  d (<string> <value>)* e every key once
 *
 * Keys out of order are accepted: old programs made such torrents, and since a dictionary keeps the bytes it came in,
 * its hash is still the one that everybody else computes. What is encoded here is always in order.
 *
 * Strings are views into the input and dictionaries remember their place in it: who keeps a part for long and wants the
 * whole to be freed copies it.
 */
import { utf8 } from '@kith/core';
import { decodeUtf8 } from './utf8.ts';

/** A `bigint` only comes where {@link BencodeLimits.bigints} asked for it, and only for what no `number` holds exactly. */
export type Bencoded = number | bigint | Uint8Array | readonly Bencoded[] | BencodedDict;

/**
 * What can be encoded. Strings are written as UTF-8. Keys of a `Map` are binary strings, one byte for each character;
 * keys of an object are text, and its undefined members are left out. A {@link BencodedDict} is written as it came.
 */
export type Encodable =
  | number
  | bigint
  | string
  | Uint8Array
  | readonly Encodable[]
  | BencodedDict
  | ReadonlyMap<string, Encodable>
  | { readonly [key: string]: Encodable | undefined };

export interface BencodeLimits {
  /** Most bytes of input that are looked at. Default 64 MiB. */
  readonly bytes?: number;
  /** Lists and dictionaries inside each other. Default 64. */
  readonly depth?: number;
  /** Values in all, keys not counted: what the memory of a result depends on. Default 1,000,000. */
  readonly values?: number;
  /** Integers of up to 20 digits that a `number` can't hold come as `bigint` instead of being refused. */
  readonly bigints?: boolean;
}

/** Bytes are no bencoding, or hold something else than their reader expects. */
export class BencodeError extends Error {
  /** Where in the input, in bytes. */
  readonly offset: number;
  readonly expected: string;

  constructor(offset: number, expected: string, found: string) {
    super(`byte ${offset}: expected ${expected}, found ${found}`);
    this.name = 'BencodeError';
    this.offset = offset;
    this.expected = expected;
  }
}

/** A decoded dictionary. Keys are binary strings: each character is one byte. */
export class BencodedDict {
  /** Where it begins in the input, in bytes. */
  readonly offset: number;
  readonly #source: Uint8Array;
  readonly #end: number;
  readonly #entries: ReadonlyMap<string, Bencoded>;

  constructor(source: Uint8Array, offset: number, end: number, entries: ReadonlyMap<string, Bencoded>) {
    this.#source = source;
    this.offset = offset;
    this.#end = end;
    this.#entries = entries;
  }

  /** The bytes as they came, from `d` to `e`: a view. */
  get raw(): Uint8Array {
    return this.#source.subarray(this.offset, this.#end);
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): Bencoded | undefined {
    return this.#entries.get(key);
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  keys(): IterableIterator<string> {
    return this.#entries.keys();
  }

  /** In the order in which they came. */
  entries(): IterableIterator<[string, Bencoded]> {
    return this.#entries.entries();
  }
}

/** @throws BencodeError, also when something follows the value */
export function decode(bytes: Uint8Array, limits: BencodeLimits = {}): Bencoded {
  const { value, end } = decodePrefix(bytes, limits);
  if (end !== bytes.length) {
    throw new BencodeError(end, 'the end of the input', `${bytes.length - end} more bytes`);
  }
  return value;
}

/**
 * Decodes the value at the start of `bytes` and says where it ends: messages of BEP 9 carry their payload behind it.
 * @throws BencodeError
 */
export function decodePrefix(bytes: Uint8Array, limits: BencodeLimits = {}): { value: Bencoded; end: number } {
  const most = limits.bytes ?? 64 << 20;
  if (bytes.length > most) throw new BencodeError(most, `at most ${most} bytes`, `${bytes.length} bytes`);
  const decoder = new Decoder(bytes, limits);
  return { value: decoder.value(limits.depth ?? 64), end: decoder.at };
}

/** @throws RangeError for a number that is no safe integer and for a key of a Map that is no binary string */
export function encode(value: Encodable): Uint8Array {
  const writer = new Writer();
  writer.value(value);
  return writer.finish();
}

/** Undefined where the key is missing. @throws BencodeError where the value is something else, as the others below */
export function int(from: BencodedDict, key: string): number | undefined {
  const value = from.get(key);
  if (value === undefined || typeof value === 'number') return value;
  throw mismatch(from, key, 'an integer', value);
}

export function bytes(from: BencodedDict, key: string): Uint8Array | undefined {
  const value = from.get(key);
  if (value === undefined || value instanceof Uint8Array) return value;
  throw mismatch(from, key, 'a string', value);
}

/** UTF-8; what is malformed in it becomes U+FFFD. */
export function text(from: BencodedDict, key: string): string | undefined {
  const value = bytes(from, key);
  return value === undefined ? undefined : decodeUtf8(value);
}

export function dict(from: BencodedDict, key: string): BencodedDict | undefined {
  const value = from.get(key);
  if (value === undefined || value instanceof BencodedDict) return value;
  throw mismatch(from, key, 'a dictionary', value);
}

export function list(from: BencodedDict, key: string): readonly Bencoded[] | undefined {
  const value = from.get(key);
  if (value === undefined || isList(value)) return value;
  throw mismatch(from, key, 'a list', value);
}

export function isList(value: Bencoded): value is readonly Bencoded[] {
  return Array.isArray(value);
}

/** Text of any byte string in which each character is one byte: the form of keys. */
export function binaryString(from: Uint8Array): string {
  let out = '';
  for (let at = 0; at < from.length; at += CHUNK) out += String.fromCharCode(...from.subarray(at, at + CHUNK));
  return out;
}

/** Inverse of {@link binaryString}. @throws RangeError for a character that is no byte */
export function fromBinaryString(from: string): Uint8Array {
  const out = new Uint8Array(from.length);
  for (let i = 0; i < from.length; i++) {
    const byte = from.charCodeAt(i);
    if (byte > 0xff) throw new RangeError(`character ${i} of a binary string is no byte`);
    out[i] = byte;
  }
  return out;
}

/** Arguments of one call: more overflow the stack of some engines. */
const CHUNK = 4096;

const CODE = { zero: 0x30, nine: 0x39, minus: 0x2d, colon: 0x3a, d: 0x64, e: 0x65, i: 0x69, l: 0x6c } as const;

/** Digits of 2^64 - 1. */
const MOST_DIGITS = 20;

class Decoder {
  at = 0;
  readonly #bytes: Uint8Array;
  readonly #bigints: boolean;
  #valuesLeft: number;
  readonly #mostValues: number;

  constructor(input: Uint8Array, limits: BencodeLimits) {
    this.#bytes = input;
    this.#bigints = limits.bigints ?? false;
    this.#mostValues = limits.values ?? 1_000_000;
    this.#valuesLeft = this.#mostValues;
  }

  value(depthLeft: number): Bencoded {
    if (this.#valuesLeft-- <= 0) throw this.#error(`at most ${this.#mostValues} values`, 'more');
    const code = this.#bytes[this.at];
    if (code === undefined) throw this.#error('a value');
    if (code >= CODE.zero && code <= CODE.nine) return this.#string();
    if (code === CODE.i) return this.#integer();
    if (code !== CODE.l && code !== CODE.d) throw this.#error('a value (i, l, d or the length of a string)');
    if (depthLeft <= 0) throw this.#error('less depth of lists and dictionaries', 'one more');
    return code === CODE.l ? this.#list(depthLeft - 1) : this.#dict(depthLeft - 1);
  }

  #list(depthLeft: number): Bencoded[] {
    this.at++;
    const values: Bencoded[] = [];
    while (this.#bytes[this.at] !== CODE.e) {
      if (this.at >= this.#bytes.length) throw this.#error('a value or the end of a list');
      values.push(this.value(depthLeft));
    }
    this.at++;
    return values;
  }

  #dict(depthLeft: number): BencodedDict {
    const start = this.at++;
    const entries = new Map<string, Bencoded>();
    while (this.#bytes[this.at] !== CODE.e) {
      const keyAt = this.at;
      const code = this.#bytes[keyAt] ?? 0;
      if (code < CODE.zero || code > CODE.nine) throw this.#error('a key or the end of a dictionary');
      const key = this.#key();
      if (entries.has(key)) throw new BencodeError(keyAt, 'every key once', `${quote(key)} again`);
      entries.set(key, this.value(depthLeft));
    }
    this.at++;
    return new BencodedDict(this.#bytes, start, this.at, entries);
  }

  #string(): Uint8Array {
    const length = this.#length();
    const start = this.at;
    this.at += length;
    return this.#bytes.subarray(start, this.at);
  }

  /** Without a view for short keys, which most are. */
  #key(): string {
    const length = this.#length();
    const start = this.at;
    this.at += length;
    if (length > 32) return binaryString(this.#bytes.subarray(start, this.at));
    let key = '';
    for (let i = start; i < this.at; i++) key += String.fromCharCode(this.#bytes[i] as number);
    return key;
  }

  /** Reads a length and its colon; afterwards that many bytes are there. */
  #length(): number {
    const start = this.at;
    const limit = this.#bytes.length;
    let length = 0;
    let code = this.#bytes[this.at];
    while (code !== undefined && code >= CODE.zero && code <= CODE.nine) {
      length = length * 10 + (code - CODE.zero);
      if (length > limit) throw new BencodeError(start, 'a string that fits into the input', 'a longer one');
      code = this.#bytes[++this.at];
    }
    if (code !== CODE.colon) throw this.#error('":" after the length of a string');
    if (this.#bytes[start] === CODE.zero && this.at - start > 1) {
      throw new BencodeError(start, 'a length without leading zeros', quote(this.#excerpt(start, this.at)));
    }
    this.at++;
    if (length > limit - this.at) {
      throw new BencodeError(start, `a string of ${length} bytes`, `the end after ${limit - this.at}`);
    }
    return length;
  }

  #integer(): number | bigint {
    const start = ++this.at;
    const negative = this.#bytes[start] === CODE.minus;
    if (negative) this.at++;
    const first = this.at;
    let magnitude = 0;
    let code = this.#bytes[this.at];
    while (code !== undefined && code >= CODE.zero && code <= CODE.nine) {
      if (this.at - first >= MOST_DIGITS) {
        throw new BencodeError(start, `an integer of at most ${MOST_DIGITS} digits`, 'a longer one');
      }
      magnitude = magnitude * 10 + (code - CODE.zero);
      code = this.#bytes[++this.at];
    }
    if (code !== CODE.e || this.at === first) throw this.#error(this.at === first ? 'a digit' : 'a digit or "e"');
    if (this.#bytes[first] === CODE.zero && (negative || this.at - first > 1)) {
      throw new BencodeError(start, 'an integer in its shortest form', quote(this.#excerpt(start, this.at)));
    }
    const end = this.at++;
    if (magnitude <= Number.MAX_SAFE_INTEGER) return negative ? -magnitude : magnitude;
    const digits = this.#excerpt(start, end);
    if (this.#bigints) return BigInt(digits);
    throw new BencodeError(start, 'an integer below 2^53', digits);
  }

  #excerpt(from: number, to: number): string {
    return binaryString(this.#bytes.subarray(from, Math.min(to, from + 24)));
  }

  #error(expected: string, found?: string): BencodeError {
    const here = this.#bytes[this.at];
    return new BencodeError(
      this.at,
      expected,
      found ?? (here === undefined ? 'the end of the input' : quote(String.fromCharCode(here))),
    );
  }
}

class Writer {
  #bytes = new Uint8Array(256);
  #at = 0;

  value(value: Encodable): void {
    if (typeof value === 'number') {
      if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is no safe integer`);
      this.#ascii(`i${value === 0 ? 0 : value}e`);
    } else if (typeof value === 'bigint') this.#ascii(`i${value}e`);
    else if (typeof value === 'string') this.#string(utf8(value));
    else if (value instanceof Uint8Array) this.#string(value);
    else if (value instanceof BencodedDict) this.#append(value.raw);
    else if (isArray(value)) {
      this.#ascii('l');
      for (const item of value) this.value(item);
      this.#ascii('e');
    } else this.#dict(value instanceof Map ? value : textKeys(value));
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }

  #dict(entries: ReadonlyMap<string, Encodable>): void {
    this.#ascii('d');
    // Code units of a binary string are its bytes: the default order is the one of BEP 3.
    for (const key of [...entries.keys()].toSorted()) {
      this.#string(fromBinaryString(key));
      this.value(entries.get(key) as Encodable);
    }
    this.#ascii('e');
  }

  #string(content: Uint8Array): void {
    this.#ascii(`${content.length}:`);
    this.#append(content);
  }

  #ascii(content: string): void {
    this.#reserve(content.length);
    for (let i = 0; i < content.length; i++) this.#bytes[this.#at++] = content.charCodeAt(i);
  }

  #append(content: Uint8Array): void {
    this.#reserve(content.length);
    this.#bytes.set(content, this.#at);
    this.#at += content.length;
  }

  #reserve(length: number): void {
    if (this.#at + length <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.#at + length));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
  }
}

function isArray(value: object): value is readonly Encodable[] {
  return Array.isArray(value);
}

function textKeys(from: object): Map<string, Encodable> {
  const entries = new Map<string, Encodable>();
  for (const [key, value] of Object.entries(from)) {
    if (value !== undefined) entries.set(binaryString(utf8(key)), value);
  }
  return entries;
}

function mismatch(from: BencodedDict, key: string, expected: string, value: Bencoded): BencodeError {
  return new BencodeError(from.offset, `${expected} as ${quote(key)} of the dictionary here`, kindOf(value));
}

function kindOf(value: Bencoded): string {
  if (typeof value === 'number' || typeof value === 'bigint') return 'an integer';
  if (value instanceof Uint8Array) return 'a string';
  return value instanceof BencodedDict ? 'a dictionary' : 'a list';
}

/** Printable and short: it came from a stranger. */
function quote(binary: string): string {
  const shown = binary.length > 32 ? `${binary.slice(0, 32)}…` : binary;
  return `"${shown.replace(/[^\x20-\x7e…]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)}"`;
}
