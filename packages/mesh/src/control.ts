/**
 * Control messages: what members tell each other inside a WireGuard session. The plane frames them (type and length,
 * see plane.ts); here stand the bodies. Integers are big endian. Every message fits one datagram and is idempotent.
 *
 *   1 ping        txid(4) flags(1) ledger(8) presence(8)
 *                 flags: 1 the sender keeps this link as one of its homes, 2 the sender sends its data this way,
 *                 4 the sender hears others' news from elsewhere sooner: do not push them, 8 the sender opens
 *                 AES-256-GCM faster than ChaCha20-Poly1305
 *   2 pong        txid(4) flags(1) ledger(8) presence(8) length(1) observed endpoint(6 or 18, or 0)
 *   3 presence    repeated: id(8) seq(6) age in s(2) length(2) record
 *   4 digest      set(1) then repeated: digits(1) prefix(ceil(digits/2), a spare digit is 0) fingerprint(8)
 *   5 have        set(1) digits(1) prefix(…) then repeated: key(8 or 16) version(6)
 *   6 want        set(1) then repeated: key(8 or 16)
 *   7 statements  repeated: length(2) statement
 *   8 punch       step(1: 0 ask, 1 answer) txid(4) rtt in ms(2) then repeated: length(1) endpoint(6 or 18)
 *   9 link        step(1: 0 ask, 1 grant); a grant goes on: epoch(6) signature(64)
 *  10 dial        member to dial(8) length(1) endpoint(6 or 18) forwards left(1)
 *  11 refused     reason(1: 0 expired, 1 used up, 2 revoked): to the holder of an invite that is no longer open
 *
 * `ledger` and `presence` are the fingerprints of the sender's sets (trie.ts): whoever sees another one than its own
 * starts to reconcile. Keys of set 0 (ledger) are the first 16 bytes of a statement's hash, of set 1 (presence) NodeIds.
 */
import { endpointBytes, endpointFrom, fromHex, nodeIdFrom, toHex } from '@kith/core';
import type { Endpoint, NodeId } from '@kith/core';
import { PLANE_LIMITS } from './plane.ts';
import { attemptDecode, Reader, Writer } from './wire.ts';
import type { Fingerprint } from './trie.ts';

export const LEDGER_SET = 0;
export const PRESENCE_SET = 1;
export type SetId = typeof LEDGER_SET | typeof PRESENCE_SET;

/** Bytes of a key in each set. */
export const KEY_BYTES: Readonly<Record<SetId, number>> = { [LEDGER_SET]: 16, [PRESENCE_SET]: 8 };

export const FLAG_KEEP = 1;
export const FLAG_CURRENT = 2;
export const FLAG_LAZY = 4;
export const FLAG_AES = 8;

/** Most candidates in a punch message: probing stays polite. */
export const MAX_CANDIDATES = 16;

export interface PresenceItem {
  readonly id: NodeId;
  readonly seq: number;
  /** Seconds since the record left its origin, as far as the forwarder knows. */
  readonly age: number;
  readonly record: Uint8Array;
}

export interface DigestItem {
  readonly prefix: string;
  readonly fingerprint: Fingerprint;
}

export type Control =
  | {
      readonly kind: 'ping';
      readonly txid: number;
      readonly flags: number;
      readonly ledger: Fingerprint;
      readonly presence: Fingerprint;
    }
  | {
      readonly kind: 'pong';
      readonly txid: number;
      readonly flags: number;
      readonly ledger: Fingerprint;
      readonly presence: Fingerprint;
      /** Where the ping came from, null if it came over a relay. */
      readonly observed: Endpoint | null;
    }
  | { readonly kind: 'presence'; readonly items: readonly PresenceItem[] }
  | { readonly kind: 'digest'; readonly set: SetId; readonly items: readonly DigestItem[] }
  | {
      readonly kind: 'have';
      readonly set: SetId;
      readonly prefix: string;
      readonly items: readonly (readonly [string, number])[];
    }
  | { readonly kind: 'want'; readonly set: SetId; readonly keys: readonly string[] }
  | { readonly kind: 'statements'; readonly statements: readonly Uint8Array[] }
  | {
      readonly kind: 'punch';
      readonly step: 'ask' | 'answer';
      readonly txid: number;
      readonly rtt: number;
      readonly candidates: readonly Endpoint[];
    }
  | { readonly kind: 'link-ask' }
  | { readonly kind: 'link-grant'; readonly epoch: number; readonly signature: Uint8Array }
  | { readonly kind: 'dial'; readonly member: NodeId; readonly endpoint: Endpoint; readonly forwards: number }
  | { readonly kind: 'refused'; readonly reason: Refusal };

/** Why an invite is not honoured. */
export type Refusal = 'expired' | 'used' | 'revoked';
const REFUSALS: readonly Refusal[] = ['expired', 'used', 'revoked'];

/** Numbers on the wire, one per kind of message. */
const TYPE = {
  ping: 1,
  pong: 2,
  presence: 3,
  digest: 4,
  have: 5,
  want: 6,
  statements: 7,
  punch: 8,
  link: 9,
  dial: 10,
  refused: 11,
} as const;

export interface EncodedControl {
  readonly type: number;
  readonly body: Uint8Array;
}

export function encodeControl(message: Control): EncodedControl {
  const w = new Writer();
  switch (message.kind) {
    case 'ping':
      w.u32(message.txid).u8(message.flags).bytes(fromHex(message.ledger)).bytes(fromHex(message.presence));
      return { type: TYPE.ping, body: w.done() };
    case 'pong':
      w.u32(message.txid).u8(message.flags).bytes(fromHex(message.ledger)).bytes(fromHex(message.presence));
      if (message.observed === null) w.u8(0);
      else writeEndpoint(w, message.observed);
      return { type: TYPE.pong, body: w.done() };
    case 'presence':
      for (const item of message.items) {
        w.bytes(fromHex(item.id))
          .u48(item.seq)
          .u16(Math.min(item.age, 0xffff))
          .u16(item.record.length)
          .bytes(item.record);
      }
      return { type: TYPE.presence, body: w.done() };
    case 'digest':
      w.u8(message.set);
      for (const item of message.items) {
        writePrefix(w, item.prefix);
        w.bytes(fromHex(item.fingerprint));
      }
      return { type: TYPE.digest, body: w.done() };
    case 'have':
      w.u8(message.set);
      writePrefix(w, message.prefix);
      for (const [key, version] of message.items) w.bytes(fromHex(key)).u48(version);
      return { type: TYPE.have, body: w.done() };
    case 'want':
      w.u8(message.set);
      for (const key of message.keys) w.bytes(fromHex(key));
      return { type: TYPE.want, body: w.done() };
    case 'statements':
      for (const statement of message.statements) w.u16(statement.length).bytes(statement);
      return { type: TYPE.statements, body: w.done() };
    case 'punch':
      w.u8(message.step === 'ask' ? 0 : 1)
        .u32(message.txid)
        .u16(Math.min(Math.round(message.rtt), 0xffff));
      for (const endpoint of message.candidates.slice(0, MAX_CANDIDATES)) writeEndpoint(w, endpoint);
      return { type: TYPE.punch, body: w.done() };
    case 'link-ask':
      return { type: TYPE.link, body: w.u8(0).done() };
    case 'link-grant':
      return { type: TYPE.link, body: w.u8(1).u48(message.epoch).bytes(message.signature).done() };
    case 'dial':
      w.bytes(fromHex(message.member));
      writeEndpoint(w, message.endpoint);
      return { type: TYPE.dial, body: w.u8(message.forwards).done() };
    case 'refused':
      return { type: TYPE.refused, body: w.u8(REFUSALS.indexOf(message.reason)).done() };
  }
}

/** @param payload type(1) and body, as the plane hands it up. Null for anything that is not exactly well-formed. */
export function decodeControl(payload: Uint8Array): Control | null {
  if (payload.length < 1 || payload.length > PLANE_LIMITS.controlBody + 1) return null;
  return attemptDecode(() => {
    const r = new Reader(payload);
    return decodeBody(r.u8(), r);
  });
}

function decodeBody(type: number, r: Reader): Control | null {
  switch (type) {
    case TYPE.ping: {
      const message = {
        kind: 'ping',
        txid: r.u32(),
        flags: r.u8(),
        ledger: readFingerprint(r),
        presence: readFingerprint(r),
      } as const;
      return r.left === 0 ? message : null;
    }
    case TYPE.pong: {
      const head = { txid: r.u32(), flags: r.u8(), ledger: readFingerprint(r), presence: readFingerprint(r) };
      const length = r.u8();
      const observed = length === 0 ? null : endpointFrom(r.bytes(length));
      return r.left === 0 ? { kind: 'pong', ...head, observed } : null;
    }
    case TYPE.presence: {
      const items: PresenceItem[] = [];
      while (r.left > 0) {
        const head = { id: nodeIdFrom(r.bytes(8)), seq: r.u48(), age: r.u16() };
        items.push({ ...head, record: r.bytes(r.u16()) });
      }
      return { kind: 'presence', items };
    }
    case TYPE.digest: {
      const set = readSet(r);
      const items: DigestItem[] = [];
      while (r.left > 0) items.push({ prefix: readPrefix(r, set), fingerprint: readFingerprint(r) });
      return { kind: 'digest', set, items };
    }
    case TYPE.have: {
      const set = readSet(r);
      const prefix = readPrefix(r, set);
      const items: [string, number][] = [];
      while (r.left > 0) items.push([toHex(r.bytes(KEY_BYTES[set])), r.u48()]);
      return { kind: 'have', set, prefix, items };
    }
    case TYPE.want: {
      const set = readSet(r);
      const keys: string[] = [];
      while (r.left > 0) keys.push(toHex(r.bytes(KEY_BYTES[set])));
      return { kind: 'want', set, keys };
    }
    case TYPE.statements: {
      const statements: Uint8Array[] = [];
      while (r.left > 0) statements.push(r.bytes(r.u16()));
      return { kind: 'statements', statements };
    }
    case TYPE.punch: {
      const step = r.u8();
      const head = { txid: r.u32(), rtt: r.u16() };
      const candidates: Endpoint[] = [];
      while (r.left > 0) candidates.push(endpointFrom(r.bytes(r.u8())));
      if (step > 1 || candidates.length > MAX_CANDIDATES) return null;
      return { kind: 'punch', step: step === 0 ? 'ask' : 'answer', ...head, candidates };
    }
    case TYPE.link: {
      const step = r.u8();
      if (step === 0) return r.left === 0 ? { kind: 'link-ask' } : null;
      if (step !== 1 || r.left !== 70) return null;
      return { kind: 'link-grant', epoch: r.u48(), signature: Uint8Array.from(r.bytes(64)) };
    }
    case TYPE.dial: {
      const member = nodeIdFrom(r.bytes(8));
      const endpoint = endpointFrom(r.bytes(r.u8()));
      const forwards = r.u8();
      return r.left === 0 ? { kind: 'dial', member, endpoint, forwards } : null;
    }
    case TYPE.refused: {
      const reason = REFUSALS[r.u8()];
      return reason !== undefined && r.left === 0 ? { kind: 'refused', reason } : null;
    }
    default:
      return null;
  }
}

function writeEndpoint(w: Writer, endpoint: Endpoint): void {
  const bytes = endpointBytes(endpoint);
  w.u8(bytes.length).bytes(bytes);
}

function writePrefix(w: Writer, prefix: string): void {
  w.u8(prefix.length).bytes(fromHex(prefix.length % 2 === 0 ? prefix : `${prefix}0`));
}

function readPrefix(r: Reader, set: SetId): string {
  const digits = r.u8();
  if (digits > KEY_BYTES[set] * 2) throw new RangeError('prefix longer than a key');
  const text = toHex(r.bytes(Math.ceil(digits / 2)));
  if (digits % 2 === 1 && !text.endsWith('0')) throw new RangeError('spare digit is set');
  return text.slice(0, digits);
}

function readSet(r: Reader): SetId {
  const set = r.u8();
  if (set !== LEDGER_SET && set !== PRESENCE_SET) throw new RangeError('no such set');
  return set;
}

function readFingerprint(r: Reader): Fingerprint {
  return toHex(r.bytes(8));
}
