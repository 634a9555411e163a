/**
 * Presence: what a member says of itself, signed, sequenced and short-lived.
 *
 * Record: signature(64) then deterministic CBOR of a map with these keys:
 *   id bytes(8), seq int, ttl int (s), ep [[kind, bytes(6|18)]…], nat text, pub bool (proved reachable unasked),
 *   rel bool (forwards for others), ex bool (lets members out of the network now),
 *   ln [[id bytes(8), rtt ms int, loss per mille int, epoch int, grant bytes(64)]…],
 *   ver text, off bool (said goodbye), dn [[id bytes(8), seq int]…] (members whose link with this one went silent, with
 *   the sequence of their last record: see PresenceBook.isDown), loc [] or [latitude + 90, longitude + 180] in
 *   ten-thousandths of a degree (11 m)
 * The signature is the node key's over "kith presence v1\0", the network id (32) and the CBOR.
 *
 * A link counts only with both ends' word: the publisher's in this record, the other's in the grant, its signature over
 * "kith link v1\0", network id, publisher id(8), grantor id(8), epoch(6). The epoch is the grantor's own sequence number
 * when it granted, so a grant ages by its maker's clock and nobody's clocks have to agree.
 */
import {
  concat,
  decodeCbor,
  encodeCbor,
  endpointBytes,
  endpointFrom,
  fromHex,
  keyBytes,
  nodeIdFrom,
  utf8,
} from '@kith/core';
import type { Cbor, Crypto, Endpoint, NetworkId, NodeId, NodeKey, SecretKey } from '@kith/core';
import type { Location, NatClass } from './api.ts';
import { Writer } from './wire.ts';

export type EndpointKind = 'local' | 'reflexive' | 'static';

export interface PresenceEndpoint {
  readonly kind: EndpointKind;
  readonly endpoint: Endpoint;
}

export interface PresenceLink {
  readonly to: NodeId;
  readonly rtt: number;
  /** Per mille. */
  readonly loss: number;
  readonly epoch: number;
  readonly grant: Uint8Array;
}

/** A member whose link with the publisher went silent after its record `seq`. */
export interface PresenceDown {
  readonly id: NodeId;
  readonly seq: number;
}

export interface Presence {
  readonly id: NodeId;
  readonly seq: number;
  /** Seconds after which the record no longer says that the member is there. */
  readonly ttl: number;
  readonly endpoints: readonly PresenceEndpoint[];
  readonly nat: NatClass;
  readonly reachable: boolean;
  readonly relay: boolean;
  /** Lets members out of the network now. */
  readonly exit: boolean;
  readonly links: readonly PresenceLink[];
  readonly version: string;
  readonly goodbye: boolean;
  readonly down: readonly PresenceDown[];
  readonly location: Location | null;
}

export const PRESENCE_LIMITS: {
  readonly record: number;
  readonly endpoints: number;
  readonly links: number;
  readonly down: number;
  readonly ttl: number;
} = {
  /** Bytes of a record with its signature: it fits a control message of its own. */
  record: 1100,
  endpoints: 8,
  links: 4,
  down: 12,
  /** Longest life in seconds. */
  ttl: 3600,
};

/** A grant is honoured while its maker's sequence has moved on by less than this: a day of its clock in ms. */
export const GRANT_LIFE: number = 24 * 3600 * 1000;

const PRESENCE_DOMAIN = utf8('kith presence v1\0');
const LINK_DOMAIN = utf8('kith link v1\0');
const KINDS: readonly EndpointKind[] = ['local', 'reflexive', 'static'];
/** Steps of a place per degree. */
const DEGREE = 10_000;
const NATS: readonly NatClass[] = ['public', 'none', 'easy', 'symmetric', 'unknown'];

export function signPresence(crypto: Crypto, network: NetworkId, seed: SecretKey, presence: Presence): Uint8Array {
  const body = encodeCbor({
    id: fromHex(presence.id),
    seq: presence.seq,
    ttl: presence.ttl,
    ep: presence.endpoints.map(({ kind, endpoint }) => [KINDS.indexOf(kind), endpointBytes(endpoint)]),
    nat: NATS.indexOf(presence.nat),
    pub: presence.reachable,
    rel: presence.relay,
    ex: presence.exit,
    ln: presence.links.map((link) => [fromHex(link.to), link.rtt, link.loss, link.epoch, link.grant]),
    ver: presence.version,
    off: presence.goodbye,
    dn: presence.down.map(({ id, seq }) => [fromHex(id), seq]),
    loc: locationCounts(presence.location),
  });
  const signature = crypto.ed25519Sign(seed.reveal(), concat(PRESENCE_DOMAIN, fromHex(network), body));
  return concat(signature, body);
}

/** The record's content if its form is right; the signature is checked by {@link verifyPresence}. */
export function decodePresence(record: Uint8Array): Presence | null {
  if (record.length < 65 || record.length > PRESENCE_LIMITS.record) return null;
  try {
    const value = decodeCbor(record.subarray(64), PRESENCE_LIMITS.record);
    return isMap(value) ? readPresence(value) : null;
  } catch {
    return null;
  }
}

export function verifyPresence(crypto: Crypto, network: NetworkId, key: NodeKey, record: Uint8Array): boolean {
  const message = concat(PRESENCE_DOMAIN, fromHex(network), record.subarray(64));
  return crypto.ed25519Verify(keyBytes(key), message, record.subarray(0, 64));
}

function linkMessage(network: NetworkId, publisher: NodeId, grantor: NodeId, epoch: number): Uint8Array {
  return new Writer()
    .bytes(LINK_DOMAIN)
    .bytes(fromHex(network))
    .bytes(fromHex(publisher))
    .bytes(fromHex(grantor))
    .u48(epoch)
    .done();
}

/** The grantor's word that it has a link with `publisher`. */
export function grantLink(
  crypto: Crypto,
  network: NetworkId,
  seed: SecretKey,
  link: { publisher: NodeId; grantor: NodeId; epoch: number },
): Uint8Array {
  return crypto.ed25519Sign(seed.reveal(), linkMessage(network, link.publisher, link.grantor, link.epoch));
}

export function verifyGrant(
  crypto: Crypto,
  network: NetworkId,
  grantorKey: NodeKey,
  link: { publisher: NodeId; grantor: NodeId; epoch: number; grant: Uint8Array },
): boolean {
  return crypto.ed25519Verify(
    keyBytes(grantorKey),
    linkMessage(network, link.publisher, link.grantor, link.epoch),
    link.grant,
  );
}

function locationCounts(location: Location | null): number[] {
  if (location === null) return [];
  return [Math.round((location.latitude + 90) * DEGREE), Math.round((location.longitude + 180) * DEGREE)];
}

/** Undefined for what is none. */
function readLocation(value: Cbor | undefined): Location | null | undefined {
  if (!isList(value)) return undefined;
  if (value.length === 0) return null;
  const [north, east] = value;
  if (value.length !== 2 || !isCount(north, 180 * DEGREE + 1) || !isCount(east, 360 * DEGREE + 1)) return undefined;
  return { latitude: (north - 90 * DEGREE) / DEGREE, longitude: (east - 180 * DEGREE) / DEGREE };
}

function readPresence(map: { readonly [key: string]: Cbor }): Presence | null {
  const { id, seq, ttl, ep, nat, pub, rel, ex, ln, ver, off, dn, loc } = map;
  if (Object.keys(map).length !== 13) return null;
  const location = readLocation(loc);
  if (location === undefined) return null;
  if (!isBytes(id, 8) || !isCount(seq, 2 ** 48) || !isCount(ttl, PRESENCE_LIMITS.ttl + 1)) return null;
  if (!isCount(nat, NATS.length) || typeof pub !== 'boolean' || typeof rel !== 'boolean' || typeof off !== 'boolean')
    return null;
  if (typeof ex !== 'boolean') return null;
  if (typeof ver !== 'string' || ver.length > 32) return null;
  if (!isList(ep) || ep.length > PRESENCE_LIMITS.endpoints || !isList(ln) || ln.length > PRESENCE_LIMITS.links)
    return null;
  if (!isList(dn) || dn.length > PRESENCE_LIMITS.down) return null;
  const down: PresenceDown[] = [];
  for (const entry of dn) {
    if (!isList(entry) || entry.length !== 2) return null;
    const [who, last] = entry;
    if (!isBytes(who, 8) || !isCount(last, 2 ** 48)) return null;
    down.push({ id: nodeIdFrom(who), seq: last });
  }
  const endpoints: PresenceEndpoint[] = [];
  for (const entry of ep) {
    if (!isList(entry) || entry.length !== 2) return null;
    const [kind, bytes] = entry;
    if (!isCount(kind, KINDS.length) || !(bytes instanceof Uint8Array)) return null;
    endpoints.push({ kind: KINDS[kind] as EndpointKind, endpoint: endpointFrom(bytes) });
  }
  const links: PresenceLink[] = [];
  for (const entry of ln) {
    if (!isList(entry) || entry.length !== 5) return null;
    const [to, rtt, loss, epoch, grant] = entry;
    if (
      !isBytes(to, 8) ||
      !isCount(rtt, 65536) ||
      !isCount(loss, 1001) ||
      !isCount(epoch, 2 ** 48) ||
      !isBytes(grant, 64)
    )
      return null;
    links.push({ to: nodeIdFrom(to), rtt, loss, epoch, grant });
  }
  return {
    id: nodeIdFrom(id),
    seq,
    ttl,
    endpoints,
    nat: NATS[nat] as NatClass,
    reachable: pub,
    relay: rel,
    exit: ex,
    links,
    version: ver,
    goodbye: off,
    down,
    location,
  };
}

function isMap(value: Cbor): value is { readonly [key: string]: Cbor } {
  return typeof value === 'object' && value !== null && !(value instanceof Uint8Array) && !isList(value);
}

function isList(value: Cbor | undefined): value is readonly Cbor[] {
  return Array.isArray(value);
}

function isBytes(value: Cbor | undefined, length: number): value is Uint8Array {
  return value instanceof Uint8Array && value.length === length;
}

function isCount(value: Cbor | undefined, below: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < below;
}
