/**
 * DHCP over IPv4, RFC 2131 and RFC 2132, as far as a client needs it.
 *
 *       0  op (1 asks, 2 answers), 1 hardware type 1, 2 length 6, 3 hops
 *       4  transaction id (4), 8 seconds (2), 10 flags: 0x8000 asks for answers to everybody (2)
 *      12  ciaddr (4), 16 yiaddr (4), 20 siaddr (4), 24 giaddr (4)
 *      28  chaddr (16), 44 sname (64), 108 file (128)
 *     236  cookie 63 82 53 63
 *     240  options: code, length, value; 0 pads, 255 ends
 */
import { type Address, addressBytes, addressFrom } from '@kith/core';
import { macBytes } from './frame.ts';

export const SERVER_PORT = 67;
export const CLIENT_PORT = 68;

const OPTIONS = 240;
const COOKIE = [0x63, 0x82, 0x53, 0x63] as const;
const BROADCAST = 0x8000;
/** A message that asks is at least this long, for servers that come from BOOTP. */
const LEAST = 300;
/** No server has a reason to name more of a kind. */
const MOST_ADDRESSES = 8;

const TYPES = { discover: 1, offer: 2, request: 3, ack: 5, nak: 6, release: 7 } as const;

/** What the client wants to be told: mask, routers, resolvers, domain, MTU, time servers, and how long. */
const WANTED = [1, 3, 6, 15, 26, 42, 51] as const;

export interface DhcpQuestion {
  readonly type: 'discover' | 'request' | 'release';
  /** 32 bits. */
  readonly transaction: number;
  readonly mac: string;
  /** The address that is asked for, or given back; null in `discover`. */
  readonly address: Address | null;
  readonly server: Address | null;
}

export interface DhcpAnswer {
  readonly type: 'offer' | 'ack' | 'nak';
  readonly transaction: number;
  readonly address: Address;
  readonly server: Address;
  readonly netmask: Address | null;
  readonly routers: readonly Address[];
  readonly dns: readonly Address[];
  readonly ntp: readonly Address[];
  readonly mtu: number | null;
  readonly domain: string | null;
  readonly time: number | null;
}

/** What a client says. */
export function dhcpQuestion(question: DhcpQuestion): Uint8Array {
  const { type, transaction, mac, address, server } = question;
  const releases = type === 'release';
  const options = [53, 1, TYPES[type]];
  if (address !== null && !releases) options.push(50, 4, ...addressBytes(address));
  if (server !== null) options.push(54, 4, ...addressBytes(server));
  if (!releases) options.push(55, WANTED.length, ...WANTED);
  const out = new Uint8Array(Math.max(LEAST, OPTIONS + options.length + 1));
  const view = new DataView(out.buffer);
  out.set([1, 1, 6, 0], 0);
  view.setUint32(4, transaction);
  view.setUint16(10, releases ? 0 : BROADCAST);
  if (address !== null && releases) out.set(addressBytes(address), 12);
  out.set(macBytes(mac), 28);
  out.set(COOKIE, 236);
  out.set([...options, 255], OPTIONS);
  return out;
}

/** Null for what is no answer of a server to a client with Ethernet, whoever it is for. */
export function parseDhcpAnswer(bytes: Uint8Array): DhcpAnswer | null {
  if (bytes.length < OPTIONS || bytes[0] !== 2 || COOKIE.some((byte, i) => bytes[236 + i] !== byte)) return null;
  const options = optionsOf(bytes.subarray(OPTIONS));
  const kind = options?.get(53);
  const server = addressesIn(options?.get(54))[0];
  if (options === null || server === undefined || kind?.length !== 1) return null;
  const type = (['offer', 'ack', 'nak'] as const).find((name) => TYPES[name] === kind[0]);
  if (type === undefined) return null;
  return {
    type,
    transaction: new DataView(bytes.buffer, bytes.byteOffset).getUint32(4),
    address: addressFrom(bytes.subarray(16, 20)),
    server,
    netmask: addressesIn(options.get(1))[0] ?? null,
    routers: addressesIn(options.get(3)),
    dns: addressesIn(options.get(6)),
    ntp: addressesIn(options.get(42)),
    mtu: numberIn(options.get(26), 2),
    domain: textIn(options.get(15)),
    time: numberIn(options.get(51), 4),
  };
}

/** Null where one of them reaches beyond the end. An option that stands twice continues: RFC 3396. */
function optionsOf(bytes: Uint8Array): Map<number, Uint8Array> | null {
  const out = new Map<number, Uint8Array>();
  for (let at = 0; at < bytes.length;) {
    const code = bytes[at++] as number;
    if (code === 255) return out;
    if (code === 0) continue;
    const length = bytes[at++];
    if (length === undefined || at + length > bytes.length) return null;
    out.set(code, Uint8Array.from([...(out.get(code) ?? []), ...bytes.subarray(at, at + length)]));
    at += length;
  }
  return out;
}

function addressesIn(bytes: Uint8Array | undefined): Address[] {
  if (bytes === undefined || bytes.length % 4 !== 0) return [];
  const count = Math.min(MOST_ADDRESSES, bytes.length / 4);
  return Array.from({ length: count }, (_, i) => addressFrom(bytes.subarray(4 * i, 4 * i + 4)));
}

function numberIn(bytes: Uint8Array | undefined, length: 2 | 4): number | null {
  if (bytes?.length !== length) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  return length === 2 ? view.getUint16(0) : view.getUint32(0);
}

/** Without what a terminal could take for anything but text. */
function textIn(bytes: Uint8Array | undefined): string | null {
  if (bytes === undefined) return null;
  return String.fromCharCode(...bytes).replace(/[^\x21-\x7e]/g, '');
}
