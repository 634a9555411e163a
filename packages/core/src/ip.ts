/**
 * Addresses, prefixes and endpoints. Inside kith all three are text in one canonical form (RFC 5952 for IPv6), so that
 * equality is `===` and they serve as map keys; bytes appear at the borders only.
 */
import { KithError } from './errors.ts';

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** `10.0.0.1` or `2001:db8::1`: lower case, shortest form, no zone. */
export type Address = Branded<'Address'>;
/** `10.0.0.0/24`: host bits are zero. */
export type Prefix = Branded<'Prefix'>;
/** `203.0.113.7:6550` or `[2001:db8::1]:6550`; port 1..65535. */
export type Endpoint = Branded<'Endpoint'>;

function invalid(what: string, text: string, why: string): KithError {
  return new KithError('ADDRESS_INVALID', `${JSON.stringify(text)} is not ${what}: ${why}`);
}

function ipv4Bytes(text: string): Uint8Array | null {
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  const out = new Uint8Array(4);
  for (const [i, part] of parts.entries()) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return null;
    out[i] = Number(part);
  }
  return out;
}

function ipv6Bytes(text: string): Uint8Array | null {
  if (text.length > 45) return null;
  let source = text;
  const lastColon = source.lastIndexOf(':');
  if (source.includes('.')) {
    const v4 = lastColon < 0 ? null : ipv4Bytes(source.slice(lastColon + 1));
    if (v4 === null) return null;
    const group = (at: number) => ((((v4[at] as number) << 8) | (v4[at + 1] as number)) >>> 0).toString(16);
    source = `${source.slice(0, lastColon + 1)}${group(0)}:${group(2)}`;
  }
  const halves = source.split('::');
  if (halves.length > 2) return null;
  const groups = (half: string) => (half === '' ? [] : half.split(':'));
  const head = groups(halves[0] as string);
  const tail = halves.length === 2 ? groups(halves[1] as string) : [];
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const all = [...head, ...Array.from({ length: missing }, () => '0'), ...tail];
  const out = new Uint8Array(16);
  for (const [i, group] of all.entries()) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return null;
    const value = Number.parseInt(group, 16);
    out[2 * i] = value >> 8;
    out[2 * i + 1] = value & 0xff;
  }
  return out;
}

/** Canonical text of 4 or 16 bytes. */
export function addressFrom(bytes: Uint8Array): Address {
  if (bytes.length === 4) return bytes.join('.') as Address;
  if (bytes.length !== 16) throw new RangeError(`an address has 4 or 16 bytes, not ${bytes.length}`);
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] as number) << 8) | (bytes[2 * i + 1] as number));
  let bestStart = -1;
  let bestLength = 1; // RFC 5952 section 4.2.2: a single zero group is not shortened
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length++;
    if (length > bestLength) [bestStart, bestLength] = [start, length];
  }
  const hex = groups.map((g) => g.toString(16));
  if (bestStart < 0) return hex.join(':') as Address;
  return `${hex.slice(0, bestStart).join(':')}::${hex.slice(bestStart + bestLength).join(':')}` as Address;
}

export function parseAddress(text: string): Address {
  const bytes = ipv4Bytes(text) ?? ipv6Bytes(text);
  if (bytes === null) throw invalid('an IP address', text, 'write it like 10.0.0.1 or 2001:db8::1');
  return addressFrom(bytes);
}

/** The 4 or 16 bytes of an address. */
export function addressBytes(address: Address): Uint8Array {
  const bytes = address.includes(':') ? ipv6Bytes(address) : ipv4Bytes(address);
  if (bytes === null) throw invalid('an IP address', address, 'it did not come through parseAddress');
  return bytes;
}

export function isIPv4(address: Address): boolean {
  return !address.includes(':');
}

/** Clears the bits after `length`, in place. */
function maskHost(bytes: Uint8Array, length: number): void {
  for (let i = 0; i < bytes.length; i++) {
    const keep = Math.min(8, Math.max(0, length - 8 * i));
    bytes[i] = (bytes[i] as number) & (0xff << (8 - keep));
  }
}

/** The prefix of `length` bits that holds `address`. */
export function prefixOf(address: Address, length: number): Prefix {
  const bytes = addressBytes(address);
  if (!Number.isInteger(length) || length < 0 || length > bytes.length * 8) {
    throw invalid('a prefix', `${address}/${length}`, `the length must be 0..${bytes.length * 8}`);
  }
  maskHost(bytes, length);
  return `${addressFrom(bytes)}/${length}` as Prefix;
}

/** Refuses host bits: `10.0.0.1/24` is an error that names the right prefix. */
export function parsePrefix(text: string): Prefix {
  const slash = text.lastIndexOf('/');
  if (slash < 0) throw invalid('a prefix', text, 'the length is missing, write it like 10.0.0.0/24');
  const address = parseAddress(text.slice(0, slash));
  const digits = text.slice(slash + 1);
  const most = isIPv4(address) ? 32 : 128;
  if (!/^(0|[1-9]\d{0,2})$/.test(digits) || Number(digits) > most) {
    throw invalid('a prefix', text, `the length must be 0..${most}`);
  }
  const prefix = prefixOf(address, Number(digits));
  if (prefix !== `${address}/${digits}`) throw invalid('a prefix', text, `host bits are set, did you mean ${prefix}?`);
  return prefix;
}

export function prefixParts(prefix: Prefix): { address: Address; length: number } {
  const slash = prefix.lastIndexOf('/');
  return { address: prefix.slice(0, slash) as Address, length: Number(prefix.slice(slash + 1)) };
}

/** The prefixes that hold every address of a family. */
export const DEFAULT_ROUTES: readonly Prefix[] = ['0.0.0.0/0' as Prefix, '::/0' as Prefix];

export function isDefaultRoute(prefix: Prefix): boolean {
  return DEFAULT_ROUTES.includes(prefix);
}

export function prefixContains(prefix: Prefix, address: Address): boolean {
  const parts = prefixParts(prefix);
  return isIPv4(parts.address) === isIPv4(address) && prefixOf(address, parts.length) === prefix;
}

export function prefixesOverlap(a: Prefix, b: Prefix): boolean {
  const [pa, pb] = [prefixParts(a), prefixParts(b)];
  return pa.length <= pb.length ? prefixContains(a, pb.address) : prefixContains(b, pa.address);
}

export function endpointOf(address: Address, port: number): Endpoint {
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    throw invalid('an endpoint', `${address}:${port}`, 'the port must be 1..65535');
  }
  return (isIPv4(address) ? `${address}:${port}` : `[${address}]:${port}`) as Endpoint;
}

export function parseEndpoint(text: string): Endpoint {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text);
  if (match === null) throw invalid('an endpoint', text, 'write it like 203.0.113.7:6550 or [2001:db8::1]:6550');
  const address = parseAddress(match[1] ?? (match[2] as string));
  if (isIPv4(address) !== (match[1] === undefined)) {
    throw invalid('an endpoint', text, 'brackets belong around IPv6 addresses, and only there');
  }
  return endpointOf(address, Number(match[3]));
}

export function endpointParts(endpoint: Endpoint): { address: Address; port: number } {
  const colon = endpoint.lastIndexOf(':');
  const host = endpoint.slice(0, colon);
  return {
    address: (host.startsWith('[') ? host.slice(1, -1) : host) as Address,
    port: Number(endpoint.slice(colon + 1)),
  };
}

/** Wire form: 4 or 16 bytes of address, then the port in 2 bytes, big endian. */
export function endpointBytes(endpoint: Endpoint): Uint8Array {
  const { address, port } = endpointParts(endpoint);
  const bytes = addressBytes(address);
  const out = new Uint8Array(bytes.length + 2);
  out.set(bytes);
  out[bytes.length] = port >> 8;
  out[bytes.length + 1] = port & 0xff;
  return out;
}

/** Inverse of {@link endpointBytes}: throws `KithError` unless there are 6 or 18 bytes with a port that is not 0. */
export function endpointFrom(bytes: Uint8Array): Endpoint {
  const n = bytes.length - 2;
  if (n !== 4 && n !== 16) throw invalid('an endpoint', `${bytes.length} bytes`, 'it has 6 or 18 bytes');
  return endpointOf(addressFrom(bytes.subarray(0, n)), ((bytes[n] as number) << 8) | (bytes[n + 1] as number));
}

/** What a remote party can do with an address. Ranges: RFC 1918, 6598, 3927, 4193, 4291, 5771. */
export type AddressScope = 'loopback' | 'link-local' | 'private' | 'global' | 'unusable';

const SCOPES: readonly (readonly [Prefix, AddressScope])[] = (
  [
    ['0.0.0.0/8', 'unusable'],
    ['127.0.0.0/8', 'loopback'],
    ['169.254.0.0/16', 'link-local'],
    ['10.0.0.0/8', 'private'],
    ['172.16.0.0/12', 'private'],
    ['192.168.0.0/16', 'private'],
    ['100.64.0.0/10', 'private'],
    ['224.0.0.0/4', 'unusable'],
    ['240.0.0.0/4', 'unusable'],
    ['::/128', 'unusable'],
    ['::1/128', 'loopback'],
    ['::ffff:0:0/96', 'unusable'],
    ['fe80::/10', 'link-local'],
    ['fc00::/7', 'private'],
    ['ff00::/8', 'unusable'],
  ] as const
).map(([prefix, scope]) => [parsePrefix(prefix), scope] as const);

export function scopeOf(address: Address): AddressScope {
  for (const [prefix, scope] of SCOPES) if (prefixContains(prefix, address)) return scope;
  return 'global';
}
