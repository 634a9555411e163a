/**
 * The extension protocol of one connection (BEP 10). The payload of message 20 begins with an id: 0 is the extension
 * handshake, all others are what the *receiver* named in its own one.
 *
 *   handshake     { m: { name: id, … }, metadata_size, p, reqq, upload_only, v, yourip, ipv4, ipv6 }     BEP 10, 9, 21
 *   ut_metadata   { msg_type: 0 request | 1 data | 2 reject, piece, total_size }, data follows the dictionary    BEP 9
 *   ut_pex        see pex.ts                                                                                    BEP 11
 *   lt_donthave   piece(4)                                                                                      BEP 54
 */
import { concat, readUint32BE, utf8, writeUint32BE } from '@kith/core';
import { BencodedDict, decode, decodePrefix, encode, type Bencoded, type BencodeLimits } from '../bencode.ts';
import { decodeUtf8 } from '../utf8.ts';
import { WireError } from './error.ts';
import type { ExtensionMessage } from './extension.ts';
import type { WireLimits } from './limits.ts';
import { decodePex, encodePex } from './pex.ts';

/** By which ids this side wants to be spoken to. */
const OURS = { ut_metadata: 1, ut_pex: 2, lt_donthave: 3 } as const;

type Name = keyof typeof OURS;
type Of<Kind extends ExtensionMessage['kind']> = Extract<ExtensionMessage, { kind: Kind }>;

/** Dictionaries of messages are flat; a limit on their values bounds what 64 KiB can make a decoder build. */
const BENCODE: BencodeLimits = { depth: 8, values: 2048 };

/** Bytes of a client's name that are kept. */
const CLIENT_MOST = 64;
/** Bytes of one piece of metadata (BEP 9). */
const METADATA_PIECE = 16_384;

const REQUEST = 0;
const DATA = 1;
const REJECT = 2;

export class Extensions {
  readonly #limits: WireLimits;
  /** The ids by which the peer wants to be spoken to; 0 where it does not speak an extension. */
  readonly #theirs: Record<Name, number> = { ut_metadata: 0, ut_pex: 0, lt_donthave: 0 };

  constructor(limits: WireLimits) {
    this.#limits = limits;
  }

  /**
   * Undefined for messages that nobody here asked for.
   * @throws WireError
   */
  decode(id: number, payload: Uint8Array): ExtensionMessage | undefined {
    try {
      switch (id) {
        case 0:
          return this.#handshake(dictOf(decode(payload, BENCODE)));
        case OURS.ut_metadata:
          return this.#metadata(payload);
        case OURS.ut_pex:
          return { kind: 'pex', ...decodePex(dictOf(decode(payload, BENCODE)), this.#limits.pexPeers) };
        case OURS.lt_donthave:
          if (payload.length !== 4) throw new WireError(`lt_donthave with ${payload.length} bytes`);
          return { kind: 'dont-have', piece: readUint32BE(payload, 0) };
        default:
          return undefined;
      }
    } catch (error) {
      if (error instanceof WireError) throw error;
      throw new WireError(`extension message ${id}: ${error instanceof Error ? error.message : 'malformed'}`);
    }
  }

  /** Id and payload of message 20; undefined where the peer does not speak it. */
  encode(message: ExtensionMessage): Uint8Array | undefined {
    switch (message.kind) {
      case 'handshake':
        return withId(0, encodeHandshake(message));
      case 'metadata-request':
        return this.#to('ut_metadata', () => encode({ msg_type: REQUEST, piece: message.piece }));
      case 'metadata-data':
        return this.#to('ut_metadata', () =>
          concat(encode({ msg_type: DATA, piece: message.piece, total_size: message.size }), message.bytes),
        );
      case 'metadata-reject':
        return this.#to('ut_metadata', () => encode({ msg_type: REJECT, piece: message.piece }));
      case 'pex':
        return this.#to('ut_pex', () => encodePex(message.added, message.dropped));
      case 'dont-have':
        return this.#to('lt_donthave', () => {
          const piece = new Uint8Array(4);
          writeUint32BE(piece, 0, message.piece);
          return piece;
        });
    }
  }

  #to(name: Name, body: () => Uint8Array): Uint8Array | undefined {
    const id = this.#theirs[name];
    return id === 0 ? undefined : withId(id, body());
  }

  /** A peer may say it again to change something: what it does not mention stays (BEP 10). */
  #handshake(message: BencodedDict): Of<'handshake'> {
    const names = message.get('m');
    if (names instanceof BencodedDict) {
      for (const name of ['ut_metadata', 'ut_pex', 'lt_donthave'] as const) {
        this.#theirs[name] = within(names.get(name), 0, 255) ?? this.#theirs[name];
      }
    }
    const metadataSize = within(message.get('metadata_size'), 1, this.#limits.metadata);
    const port = within(message.get('p'), 1, 65_535);
    const requestQueue = within(message.get('reqq'), 1, 0xffff_ffff);
    const name = message.get('v');
    const yourIp = address(message.get('yourip'), 4, 16);
    const ipv4 = address(message.get('ipv4'), 4);
    const ipv6 = address(message.get('ipv6'), 16);
    return {
      kind: 'handshake',
      ...(metadataSize === undefined ? {} : { metadataSize }),
      ...(name instanceof Uint8Array ? { client: decodeUtf8(name.subarray(0, CLIENT_MOST)) } : {}),
      ...(port === undefined ? {} : { port }),
      ...(requestQueue === undefined ? {} : { requestQueue }),
      uploadOnly: message.get('upload_only') === 1,
      ...(yourIp === undefined ? {} : { yourIp }),
      ...(ipv4 === undefined ? {} : { ipv4 }),
      ...(ipv6 === undefined ? {} : { ipv6 }),
      speaks: {
        metadata: this.#theirs.ut_metadata !== 0,
        pex: this.#theirs.ut_pex !== 0,
        dontHave: this.#theirs.lt_donthave !== 0,
      },
    };
  }

  #metadata(payload: Uint8Array): ExtensionMessage | undefined {
    const { value, end } = decodePrefix(payload, BENCODE);
    const message = dictOf(value);
    const piece = within(message.get('piece'), 0, Math.ceil(this.#limits.metadata / METADATA_PIECE) - 1);
    if (piece === undefined) throw new WireError('ut_metadata without a piece');
    switch (message.get('msg_type')) {
      case REQUEST:
        return { kind: 'metadata-request', piece };
      case DATA: {
        const size = within(message.get('total_size'), 1, this.#limits.metadata);
        const bytes = payload.subarray(end);
        if (size === undefined) throw new WireError('ut_metadata without a size, or with one above the limit');
        if (bytes.length !== Math.min(METADATA_PIECE, size - piece * METADATA_PIECE)) {
          throw new WireError(`${bytes.length} bytes of metadata as piece ${piece} of ${size} bytes`);
        }
        return { kind: 'metadata-data', piece, size, bytes };
      }
      case REJECT:
        return { kind: 'metadata-reject', piece };
      default:
        // BEP 9: types to come have to be passed over.
        return undefined;
    }
  }
}

function encodeHandshake(message: Of<'handshake'>): Uint8Array {
  const { speaks } = message;
  return encode({
    m: {
      ...(speaks.metadata ? { ut_metadata: OURS.ut_metadata } : {}),
      ...(speaks.pex ? { ut_pex: OURS.ut_pex } : {}),
      ...(speaks.dontHave ? { lt_donthave: OURS.lt_donthave } : {}),
    },
    metadata_size: message.metadataSize,
    p: message.port,
    reqq: message.requestQueue,
    upload_only: message.uploadOnly ? 1 : undefined,
    v: message.client === undefined ? undefined : utf8(message.client).subarray(0, CLIENT_MOST),
    yourip: message.yourIp,
    ipv4: message.ipv4,
    ipv6: message.ipv6,
  });
}

function withId(id: number, body: Uint8Array): Uint8Array {
  const out = new Uint8Array(1 + body.length);
  out[0] = id;
  out.set(body, 1);
  return out;
}

function dictOf(value: Bencoded): BencodedDict {
  if (!(value instanceof BencodedDict)) throw new WireError('an extension message that is no dictionary');
  return value;
}

/** Fields that are optional are passed over where they make no sense: other programs extend them. */
function within(value: Bencoded | undefined, least: number, most: number): number | undefined {
  return typeof value === 'number' && value >= least && value <= most ? value : undefined;
}

function address(value: Bencoded | undefined, ...lengths: readonly number[]): Uint8Array | undefined {
  return value instanceof Uint8Array && lengths.includes(value.length) ? value.slice() : undefined;
}
