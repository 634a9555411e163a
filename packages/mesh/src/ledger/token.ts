/**
 * Invite tokens: what a person hands to the owner of a new node. Text: `kith:` and base64url of
 *   version(1) length(2, big endian, of all bytes) content checksum(4)
 * The checksum is the first 4 bytes of SHA-256 over "kith token v1\0" and everything before it. This frame stays as it
 * is in later versions, so that a cut, a mistyped and a newer token can be told apart. Content of version 1 is
 * deterministic CBOR of { net: network id(32), name: network name, seed(32), exp: ms or null, host: name or null,
 * a4: address(4) or null, via: [[node id(8), tunnel key(32), [endpoint(6 or 18)…]]…] }.
 */
import {
  addressBytes,
  addressFrom,
  concat,
  decodeCbor,
  encodeCbor,
  endpointBytes,
  endpointFrom,
  equalBytes,
  fromBase64Url,
  fromHex,
  keyBytes,
  KithError,
  networkIdFrom,
  nodeIdFrom,
  parseLabel,
  readUint16BE,
  SecretKey,
  toBase64Url,
  tunnelKeyFrom,
  utf8,
} from '@kith/core';
import type { Address, Cbor, Crypto, Endpoint, Label, NetworkId, NodeId, TunnelKey } from '@kith/core';
import { inviteIssuer } from './build.ts';
import { integer, isMap, octets, TIME_LIMIT } from './body-codec.ts';
import type { Roster } from './roster.ts';

const SCHEME = 'kith:';
const VERSION = 1;
const HEADER = 3;
const CHECKSUM = 4;
const DOMAIN = utf8('kith token v1\0');

export const TOKEN_LIMITS: { readonly bytes: number; readonly bootstrap: number; readonly endpoints: number } = {
  /** Bytes of a token before base64url: it still fits a QR code. */
  bytes: 2048,
  bootstrap: 16,
  /** Per bootstrap member. */
  endpoints: 8,
};

/** A member to go to with the invite. */
export interface BootstrapMember {
  readonly id: NodeId;
  readonly tunnelKey: TunnelKey;
  readonly endpoints: readonly Endpoint[];
}

export interface InviteToken {
  readonly network: NetworkId;
  /** For the person who reads it; the ledger has the last word. */
  readonly networkName: Label;
  /** The bearer's secret: signs the join, and the temporary tunnel key follows from it. */
  readonly seed: SecretKey;
  /** Wall-clock ms since 1970 or null; the ledger has the last word. */
  readonly expires: number | null;
  /** Name and address that the invite fixes. */
  readonly name: Label | null;
  readonly address: Address | null;
  readonly bootstrap: readonly BootstrapMember[];
}

/** @throws RangeError if the token is over one of {@link TOKEN_LIMITS} */
export function encodeInvite(crypto: Crypto, token: InviteToken): string {
  const { bootstrap } = token;
  const many = bootstrap.length > TOKEN_LIMITS.bootstrap;
  if (many || bootstrap.some(({ endpoints }) => endpoints.length > TOKEN_LIMITS.endpoints)) {
    throw new RangeError('a token names too many members or endpoints');
  }
  const content = encodeCbor({
    net: fromHex(token.network),
    name: token.networkName,
    seed: token.seed.reveal(),
    exp: token.expires,
    host: token.name,
    a4: token.address === null ? null : addressBytes(token.address),
    via: bootstrap.map(({ id, tunnelKey, endpoints }) => [
      fromHex(id),
      keyBytes(tunnelKey),
      endpoints.map(endpointBytes),
    ]),
  });
  const length = HEADER + content.length + CHECKSUM;
  if (length > TOKEN_LIMITS.bytes) throw new RangeError(`a token of ${length} bytes is over ${TOKEN_LIMITS.bytes}`);
  const head = concat(Uint8Array.of(VERSION, length >> 8, length & 0xff), content);
  return SCHEME + toBase64Url(concat(head, checksum(crypto, head)));
}

/**
 * White space around and inside is ignored: mail programs break long lines.
 * @throws KithError INVITE_MALFORMED, INVITE_TRUNCATED or INVITE_VERSION; never with a part of the secret in it
 */
export function decodeInvite(crypto: Crypto, text: string): InviteToken {
  const most = SCHEME.length + Math.ceil((TOKEN_LIMITS.bytes * 4) / 3);
  if (text.length > 4 * most) throw malformed(`it has ${text.length} characters, more than any invite`);
  const compact = text.replace(/\s+/g, '');
  if (!compact.toLowerCase().startsWith(SCHEME)) {
    const cut = compact === '' || SCHEME.startsWith(compact.toLowerCase());
    throw cut ? truncated('it ends before its content') : malformed(`it does not start with "${SCHEME}"`);
  }
  const body = compact.slice(SCHEME.length);
  const strange = /[^A-Za-z0-9_-]/.exec(body);
  if (strange !== null) throw malformed(`it has a ${JSON.stringify(strange[0])} after ${strange.index} characters`);
  if (body.length < 4) throw truncated('it ends before its content');
  const header = fromBase64Url(body.slice(0, 4));
  const length = readUint16BE(header, 1);
  const wanted = Math.ceil((length * 4) / 3);
  if (length <= HEADER + CHECKSUM || length > TOKEN_LIMITS.bytes) throw malformed('its first characters are mistyped');
  if (body.length < wanted)
    throw truncated(`${wanted - body.length} of its ${wanted} characters are missing at the end`);
  if (body.length > wanted) throw malformed(`it has ${body.length - wanted} characters too many`);
  const bytes = decodeText(body);
  const end = length - CHECKSUM;
  if (!equalBytes(bytes.subarray(end), checksum(crypto, bytes.subarray(0, end)))) {
    throw malformed('its checksum does not fit, a character is mistyped');
  }
  if (bytes[0] !== VERSION) {
    throw new KithError('INVITE_VERSION', `the invite is of version ${bytes[0]}, this kith reads version ${VERSION}`);
  }
  try {
    return readContent(decodeCbor(bytes.subarray(HEADER, end), TOKEN_LIMITS.bytes));
  } catch (cause) {
    throw malformed('its content is not what an invite holds', cause);
  }
}

/** Why a token cannot be used now, or null if it can. @param wallMs wall-clock ms since 1970 */
export function checkInvite(crypto: Crypto, roster: Roster, token: InviteToken, wallMs: number): KithError | null {
  if (token.network !== roster.network) {
    return new KithError(
      'INVITE_WRONG_NETWORK',
      `the invite is for ${token.networkName} (${token.network.slice(0, 8)}…), this is ${roster.name} (${roster.network.slice(0, 8)}…)`,
    );
  }
  const invite = roster.invites.get(inviteIssuer(crypto, token.seed).key);
  if (invite === undefined) {
    return new KithError('INVITE_UNKNOWN', `${roster.name} does not know this invite, or not yet: ask who made it`);
  }
  if (invite.revoked) return new KithError('INVITE_REVOKED', `the invite to ${roster.name} was revoked`);
  if (invite.left === 0) {
    const times = invite.uses === 1 ? 'once' : `${invite.uses} times`;
    return new KithError('INVITE_USED', `the invite to ${roster.name} can be redeemed ${times}, and was`);
  }
  if (invite.expires !== null && wallMs > invite.expires) {
    const hours = Math.ceil((wallMs - invite.expires) / 3_600_000);
    return new KithError('INVITE_EXPIRED', `the invite to ${roster.name} expired within the last ${hours} h`);
  }
  return null;
}

function checksum(crypto: Crypto, bytes: Uint8Array): Uint8Array {
  return crypto.sha256(concat(DOMAIN, bytes)).subarray(0, CHECKSUM);
}

function decodeText(body: string): Uint8Array {
  try {
    return fromBase64Url(body);
  } catch {
    throw malformed('its last character is mistyped');
  }
}

function readContent(value: Cbor): InviteToken {
  if (!isMap(value) || Object.keys(value).length !== 7) throw new RangeError('not seven fields');
  const { net, name, seed, exp, host, a4, via } = value;
  if (typeof name !== 'string' || (host !== null && typeof host !== 'string'))
    throw new RangeError('a name is no text');
  if (!isList(via) || via.length > TOKEN_LIMITS.bootstrap) throw new RangeError('no list of members');
  return {
    network: networkIdFrom(octets(net, 32)),
    networkName: parseLabel(name, 'network name'),
    seed: new SecretKey(octets(seed, 32)),
    expires: exp === null ? null : integer(exp, 0, TIME_LIMIT),
    name: host === null ? null : parseLabel(host, 'member name'),
    address: a4 === null ? null : addressFrom(octets(a4, 4)),
    bootstrap: via.map(readMember),
  };
}

function readMember(value: Cbor): BootstrapMember {
  if (!isList(value) || value.length !== 3) throw new RangeError('no member');
  const [id, tunnelKey, endpoints] = value;
  if (!isList(endpoints) || endpoints.length > TOKEN_LIMITS.endpoints) throw new RangeError('no list of endpoints');
  return {
    id: nodeIdFrom(octets(id, 8)),
    tunnelKey: tunnelKeyFrom(octets(tunnelKey, 32)),
    endpoints: endpoints.map((endpoint) => endpointFrom(endpoint instanceof Uint8Array ? endpoint : new Uint8Array(0))),
  };
}

function isList(value: Cbor | undefined): value is readonly Cbor[] {
  return Array.isArray(value);
}

function malformed(why: string, cause?: unknown): KithError {
  return new KithError('INVITE_MALFORMED', `this is no whole invite: ${why}`, { cause });
}

function truncated(why: string): KithError {
  return new KithError('INVITE_TRUNCATED', `the invite is cut off: ${why}`);
}
