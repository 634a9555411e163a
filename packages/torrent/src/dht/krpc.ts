/**
 * KRPC (BEP 5): one bencoded dictionary in one UDP datagram.
 *
 *     t   transaction: bytes that the answer repeats
 *     y   q, r or e
 *     q   method;  a  its arguments (id: 20 bytes)        queries
 *     r   results (id: 20 bytes)                          answers
 *     e   [code, text]                                    refusals
 *     ro  1 where the sender answers no queries (BEP 43)
 *     ip  how the receiver is seen: compact peer (BEP 42)
 *     v   program and version
 *
 * What comes out of `parseMessage` is checked: ids and targets have 20 bytes, lists have bounds.
 */
import type { Address } from '@kith/core';
import {
  bytes,
  BencodedDict,
  BencodeError,
  decode,
  dict,
  encode,
  type Encodable,
  int,
  isList,
  list,
  text,
} from '../bencode.ts';
import { type Contact, type Family, ID_LENGTH, type NodeAddress, unpackNodes, unpackPeer } from './contact.ts';
import { DhtError, ERROR_CODE } from './error.ts';
import type { DhtItem } from './item.ts';

interface Asked {
  readonly kind: 'query';
  readonly transaction: Uint8Array;
  readonly id: Uint8Array;
  readonly readOnly: boolean;
}

interface Targeted {
  readonly target: Uint8Array;
  /** Families whose nodes are asked for; undefined for the one over which it came (BEP 32). */
  readonly want: readonly Family[] | undefined;
}

export type Query = Asked &
  (
    | { readonly method: 'ping' }
    | ({ readonly method: 'find_node' | 'get_peers' | 'sample_infohashes' } & Targeted)
    | ({ readonly method: 'get'; readonly sequence: number | undefined } & Targeted)
    | {
        readonly method: 'announce_peer';
        readonly target: Uint8Array;
        readonly token: Uint8Array;
        /** Undefined where the port of the datagram is meant (`implied_port`). */
        readonly port: number | undefined;
      }
    | {
        readonly method: 'put';
        readonly item: DhtItem;
        readonly token: Uint8Array;
        readonly cas: number | undefined;
      }
  );

export interface Answer {
  readonly kind: 'answer';
  readonly transaction: Uint8Array;
  readonly id: Uint8Array;
  /** How this node is seen, for votes. */
  readonly externalIp: Address | undefined;
  readonly token: Uint8Array | undefined;
  readonly nodes: readonly Contact[];
  readonly nodes6: readonly Contact[];
  readonly peers: readonly NodeAddress[];
  /** A value of BEP 44, unverified; its salt is empty, because answers do not carry it. */
  readonly item: DhtItem | undefined;
  readonly samples: readonly Uint8Array[];
  /** Seconds until other samples may be asked for. */
  readonly interval: number | undefined;
}

export interface Refusal {
  readonly kind: 'refusal';
  readonly transaction: Uint8Array;
  readonly code: number;
  readonly reason: string;
}

export type Message = Query | Answer | Refusal;

export interface KrpcLimits {
  readonly nodes: number;
  readonly peers: number;
}

const MOST_TRANSACTION = 32;
const MOST_TOKEN = 128;
const MOST_REASON = 200;
const MOST_SAMPLES = 64;
const LIMITS = { bytes: 4096, depth: 16, values: 1024 };
/** Name and version that nodes tell each other. */
const VERSION = Uint8Array.of(0x4b, 0x49, 0, 1);

/** @throws DhtError and nothing else; it carries the transaction where the sender of a query can be told */
export function parseMessage(datagram: Uint8Array, limits: KrpcLimits): Message {
  let transaction: Uint8Array | undefined;
  try {
    // A copy in plain bytes: `slice` of a platform's own buffers is a view, and what is kept must not hold a datagram.
    const message = decode(new Uint8Array(datagram), LIMITS);
    if (!(message instanceof BencodedDict)) throw malformed('a message is a dictionary');
    const tag = need(bytes(message, 't'), 't');
    if (tag.length > MOST_TRANSACTION) throw malformed('the transaction is too long');
    const copied = tag.slice();
    const kind = text(message, 'y');
    if (kind === 'q') {
      transaction = copied;
      return parseQuery(message, copied);
    }
    if (kind === 'r') return parseAnswer(message, copied, limits);
    if (kind === 'e') return parseRefusal(message, copied);
    throw malformed('y is q, r or e');
  } catch (error) {
    if (error instanceof DhtError) throw new DhtError(error.code, error.message, transaction);
    if (error instanceof BencodeError) throw new DhtError(ERROR_CODE.protocol, error.message, transaction);
    throw error;
  }
}

export function encodeQuery(
  transaction: Uint8Array,
  method: Query['method'],
  args: { readonly [name: string]: Encodable | undefined },
  readOnly: boolean,
): Uint8Array {
  return encode({ t: transaction, y: 'q', q: method, a: args, ro: readOnly ? 1 : undefined, v: VERSION });
}

/** @param seenAs the receiver's endpoint, compact */
export function encodeAnswer(
  transaction: Uint8Array,
  results: { readonly [name: string]: Encodable | undefined },
  seenAs: Uint8Array,
): Uint8Array {
  return encode({ t: transaction, y: 'r', r: results, ip: seenAs, v: VERSION });
}

export function encodeRefusal(transaction: Uint8Array, code: number, reason: string): Uint8Array {
  return encode({ t: transaction, y: 'e', e: [code, reason], v: VERSION });
}

/** A value as it is sent: without encoding it again. @throws DhtError where it is no bencoding */
export function embedded(value: Uint8Array): Encodable {
  try {
    return decode(value, LIMITS);
  } catch {
    throw new DhtError(ERROR_CODE.generic, 'the value is no bencoding');
  }
}

export function wantOf(families: readonly Family[]): Encodable {
  return families.map((family) => `n${family}`);
}

function parseQuery(message: BencodedDict, transaction: Uint8Array): Query {
  const method = need(text(message, 'q'), 'q');
  const args = need(dict(message, 'a'), 'a');
  const asked = { kind: 'query', transaction, id: idOf(args, 'id'), readOnly: int(message, 'ro') === 1 } as const;
  switch (method) {
    case 'ping':
      return { ...asked, method };
    case 'get_peers':
      return { ...asked, method, target: idOf(args, 'info_hash'), want: parseWant(args) };
    case 'find_node':
    case 'sample_infohashes':
      return { ...asked, method, target: idOf(args, 'target'), want: parseWant(args) };
    case 'get':
      return { ...asked, method, target: idOf(args, 'target'), want: parseWant(args), sequence: int(args, 'seq') };
    case 'announce_peer':
      return { ...asked, method, target: idOf(args, 'info_hash'), token: tokenOf(args), port: parsePort(args) };
    case 'put': {
      const item = need(parseItem(args), 'v');
      return { ...asked, method, item, token: tokenOf(args), cas: int(args, 'cas') };
    }
    default:
      throw new DhtError(ERROR_CODE.unknownMethod, 'Method Unknown');
  }
}

function parseAnswer(message: BencodedDict, transaction: Uint8Array, limits: KrpcLimits): Answer {
  const results = need(dict(message, 'r'), 'r');
  return {
    kind: 'answer',
    transaction,
    id: idOf(results, 'id'),
    externalIp: parseSeenAs(message),
    token: bytes(results, 'token')?.slice(0, MOST_TOKEN),
    nodes: unpackNodes(bytes(results, 'nodes') ?? NOTHING, 4, limits.nodes),
    nodes6: unpackNodes(bytes(results, 'nodes6') ?? NOTHING, 6, limits.nodes),
    peers: parsePeers(results, limits.peers),
    item: parseItem(results),
    samples: parseSamples(results),
    interval: int(results, 'interval'),
  };
}

function parseRefusal(message: BencodedDict, transaction: Uint8Array): Refusal {
  const [code, reason] = list(message, 'e') ?? [];
  return {
    kind: 'refusal',
    transaction,
    code: typeof code === 'number' ? code : ERROR_CODE.generic,
    reason: reason instanceof Uint8Array ? printable(reason) : '',
  };
}

function parseWant(args: BencodedDict): Family[] | undefined {
  const wanted = args.get('want');
  if (wanted === undefined || !isList(wanted)) return undefined;
  const names = wanted.slice(0, 8).map((name) => (name instanceof Uint8Array ? printable(name) : ''));
  return ([4, 6] as const).filter((family) => names.includes(`n${family}`));
}

function parsePort(args: BencodedDict): number | undefined {
  const implied = int(args, 'implied_port');
  if (implied !== undefined && implied !== 0) return undefined;
  const port = need(int(args, 'port'), 'port');
  if (port < 1 || port > 65_535) throw malformed('the port is none');
  return port;
}

function parsePeers(results: BencodedDict, most: number): NodeAddress[] {
  const peers: NodeAddress[] = [];
  const values = results.get('values');
  for (const value of values !== undefined && isList(values) ? values : []) {
    if (peers.length >= most) break;
    if (!(value instanceof Uint8Array)) continue;
    const peer = unpackPeer(value, value.length === 18 ? 6 : 4);
    if (peer !== undefined) peers.push(peer);
  }
  return peers;
}

function parseItem(from: BencodedDict): DhtItem | undefined {
  const value = from.get('v');
  if (value === undefined) return undefined;
  // What was decoded strictly encodes to the same bytes.
  const encoded = encode(value);
  const key = bytes(from, 'k');
  if (key === undefined) return { value: encoded };
  const signature = bytes(from, 'sig');
  const sequence = int(from, 'seq');
  if (key.length !== 32 || signature?.length !== 64 || sequence === undefined || sequence < 0) {
    throw malformed('a mutable value has a key, a signature and a sequence number');
  }
  const salt = bytes(from, 'salt')?.slice() ?? NOTHING;
  return { value: encoded, key: key.slice(), signature: signature.slice(), sequence, salt };
}

function parseSamples(results: BencodedDict): Uint8Array[] {
  const packed = bytes(results, 'samples') ?? NOTHING;
  const count = Math.min(MOST_SAMPLES, Math.floor(packed.length / ID_LENGTH));
  return Array.from({ length: count }, (_, i) => packed.slice(i * ID_LENGTH, (i + 1) * ID_LENGTH));
}

function parseSeenAs(message: BencodedDict): Address | undefined {
  const seen = message.get('ip');
  if (!(seen instanceof Uint8Array)) return undefined;
  return unpackPeer(seen, seen.length === 18 ? 6 : 4)?.ip;
}

const NOTHING = new Uint8Array(0);

function idOf(from: BencodedDict, key: string): Uint8Array {
  const id = bytes(from, key);
  if (id?.length !== ID_LENGTH) throw malformed(`${key} has ${ID_LENGTH} bytes`);
  return id.slice();
}

function tokenOf(args: BencodedDict): Uint8Array {
  const token = need(bytes(args, 'token'), 'token');
  if (token.length > MOST_TOKEN) throw malformed('the token is too long');
  return token.slice();
}

function need<T>(value: T | undefined, key: string): T {
  if (value === undefined) throw malformed(`${key} is missing`);
  return value;
}

function printable(from: Uint8Array): string {
  let out = '';
  for (const byte of from.subarray(0, MOST_REASON))
    out += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '?';
  return out;
}

function malformed(why: string): DhtError {
  return new DhtError(ERROR_CODE.protocol, why);
}
