/**
 * A statement: one signed, numbered sentence of an issuer. Wire layout, at most 1,100 bytes:
 *   signature(64), Ed25519 by the issuer over "kith statement v1\0" and the rest
 *   deterministic CBOR of { at, by, n, net, body, prev }; a founding statement has no `net`
 * at: wall-clock ms of the issuer. by: its key (32). n, prev: number and hash (32, or null for n of 0) in its own chain.
 * The hash of a statement is SHA-256 over what is signed. The signature is not part of it: a second signature for the
 * same content is no second statement.
 */
import { concat, decodeCbor, encodeCbor, fromHex, keyBytes, networkIdFrom, toHex, utf8 } from '@kith/core';
import type { Cbor, Crypto, NetworkId, NodeKey, SecretKey } from '@kith/core';
import type { Body, JoinBody } from './body.ts';
import {
  chainNumber,
  decodeBody,
  encodeBody,
  encodeJoinFields,
  integer,
  invalid,
  isMap,
  nodeKey,
  octets,
  TIME_LIMIT,
} from './body-codec.ts';

/** Most bytes of a statement: one fits a control message, which fits a datagram. */
export const STATEMENT_LIMIT = 1100;

const SIGNATURE = 64;
const STATEMENT_DOMAIN = utf8('kith statement v1\0');
const JOIN_DOMAIN = utf8('kith join v1\0');

export interface Statement {
  /** SHA-256 of the signed part, 64 hexadecimal digits. */
  readonly hash: string;
  readonly bytes: Uint8Array;
  /** Null for a founding statement: its hash is the network. */
  readonly net: NetworkId | null;
  readonly by: NodeKey;
  readonly n: number;
  /** Hash of the issuer's statement before, null for `n` of 0. */
  readonly prev: string | null;
  /** Wall-clock ms since 1970, as the issuer says. */
  readonly at: number;
  readonly body: Body;
}

/** Whoever signs: a node, or the bearer of an invite. */
export interface Issuer {
  readonly seed: SecretKey;
  readonly key: NodeKey;
}

export interface Envelope {
  readonly net: NetworkId | null;
  readonly n: number;
  readonly prev: Uint8Array | null;
  readonly at: number;
}

/** Signed bytes. @throws KithError STATEMENT_INVALID if they would be refused: a limit is exceeded or a field is off */
export function signStatement(crypto: Crypto, issuer: Issuer, envelope: Envelope, body: Body): Uint8Array {
  const { net, n, prev, at } = envelope;
  const common = { by: keyBytes(issuer.key), n, prev, at, body: encodeBody(body) };
  const content = encodeCbor(net === null ? common : { ...common, net: fromHex(net) });
  const bytes = concat(crypto.ed25519Sign(issuer.seed.reveal(), concat(STATEMENT_DOMAIN, content)), content);
  decodeStatement(crypto, bytes);
  return bytes;
}

/**
 * Form only; the signatures are checked by {@link verifyStatement}.
 * @throws KithError STATEMENT_INVALID, CBOR_INVALID, KEY_INVALID, NAME_INVALID or ADDRESS_INVALID
 */
export function decodeStatement(crypto: Crypto, bytes: Uint8Array): Statement {
  if (bytes.length <= SIGNATURE) throw invalid(`${bytes.length} bytes are too few`);
  if (bytes.length > STATEMENT_LIMIT) throw invalid(`${bytes.length} bytes are over the limit of ${STATEMENT_LIMIT}`);
  const own = Uint8Array.from(bytes);
  const map = decodeCbor(own.subarray(SIGNATURE), STATEMENT_LIMIT);
  if (!isMap(map)) throw invalid('it is no map');
  const body = decodeBody(map['body']);
  const by = nodeKey(map['by']);
  const n = chainNumber(map['n']);
  const at = integer(map['at'], 0, TIME_LIMIT);
  const prev = map['prev'] === null ? null : toHex(octets(map['prev'], 32));
  if (Object.keys(map).length !== (body.kind === 'found' ? 5 : 6)) throw invalid('it has missing or foreign fields');
  const net = body.kind === 'found' ? null : networkIdFrom(octets(map['net'], 32));
  if ((n === 0) !== (prev === null)) throw invalid('the first of a chain, and only that, has nothing before it');
  checkPlace(by, n, body);
  const hash = statementHash(crypto, own);
  return { hash, bytes: own, net, by, n, prev, at, body };
}

/** The hash of what may be a statement, without looking into it: 64 hexadecimal digits. */
export function statementHash(crypto: Crypto, bytes: Uint8Array): string {
  return toHex(crypto.sha256(concat(STATEMENT_DOMAIN, bytes.subarray(SIGNATURE))));
}

/** True if the issuer signed it and, for a join, the joining node did too. Costs one or two verifications. */
export function verifyStatement(crypto: Crypto, statement: Statement): boolean {
  const { bytes, by, body } = statement;
  const message = concat(STATEMENT_DOMAIN, bytes.subarray(SIGNATURE));
  if (!crypto.ed25519Verify(keyBytes(by), message, bytes.subarray(0, SIGNATURE))) return false;
  if (body.kind !== 'join' || statement.net === null) return true;
  const proved = joinMessage(statement.net, by, statement.at, body);
  return crypto.ed25519Verify(keyBytes(body.nodeKey), proved, body.proof);
}

/** What the joining node signs: "kith join v1\0" and CBOR of { at, by, net, node, tk, name, a4 }. */
export function joinMessage(
  net: NetworkId,
  by: NodeKey,
  at: number,
  join: Omit<JoinBody, 'kind' | 'proof'>,
): Uint8Array {
  const content: Cbor = { at, by: keyBytes(by), net: fromHex(net), ...encodeJoinFields(join) };
  return concat(JOIN_DOMAIN, encodeCbor(content));
}

function checkPlace(by: NodeKey, n: number, body: Body): void {
  if ((body.kind === 'found' || body.kind === 'join') && n !== 0) {
    throw invalid(`a statement of kind ${body.kind} is the first of its issuer`);
  }
  if ((body.kind === 'revoke-node' || body.kind === 'withdraw') && body.nodeKey === by && body.head !== null) {
    throw invalid('who leaves is its own head');
  }
}
