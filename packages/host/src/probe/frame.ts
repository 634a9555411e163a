/**
 * Frames that a machine sends before it has an address, and what answers them. Numbers are big endian.
 *
 *     Ethernet   0 destination (6), 6 source (6), 12 type (2)
 *     ARP        0 hardware 1, 2 protocol 0x0800, 4 lengths 6 and 4, 6 operation (1 asks, 2 answers),
 *                8 sender's hardware (6) and address (4), 18 target's hardware (6) and address (4)      RFC 826
 *     IPv4       0 version and length, 2 total length, 6 fragment, 8 TTL, 9 protocol, 10 checksum, 12 source,
 *                16 destination                                                                          RFC 791
 *     UDP        0 source port, 2 destination port, 4 length, 6 checksum                                 RFC 768
 *     IPv6       0 version, 4 payload length, 6 next header, 7 hop limit, 8 source, 24 destination       RFC 8200
 *     ICMPv6     0 type, 1 code, 2 checksum                                                              RFC 4443
 */
import { type Address, addressBytes, addressFrom } from '@kith/core';

const ETHERNET = 14;
const IPV4 = 20;
const IPV6 = 40;
const UDP = 8;
const ARP = 28;

const TYPE_IPV4 = 0x0800;
const TYPE_ARP = 0x0806;
const TYPE_IPV6 = 0x86dd;
const PROTOCOL_UDP = 17;
const PROTOCOL_ICMPV6 = 58;

const EVERYBODY = 'ff:ff:ff:ff:ff:ff';
const NOBODY = '0.0.0.0' as Address;

export interface UdpEnds {
  readonly sourceMac: string;
  readonly destinationMac: string;
  readonly source: Address;
  readonly destination: Address;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/** What is of interest to a client without an address; everything else is none of its business. */
export type Frame =
  | { readonly type: 'arp-answer'; readonly mac: string; readonly address: Address }
  | ({ readonly type: 'udp4'; readonly payload: Uint8Array } & UdpEnds)
  | {
      readonly type: 'icmp6';
      readonly mac: string;
      readonly source: Address;
      readonly hopLimit: number;
      readonly payload: Uint8Array;
    };

/** A datagram over IPv4 in one frame. */
export function udp4Frame(ends: UdpEnds, payload: Uint8Array): Uint8Array {
  const out = framed(ends.destinationMac, ends.sourceMac, TYPE_IPV4, IPV4 + UDP + payload.length);
  const view = new DataView(out.buffer);
  const udp = ETHERNET + IPV4;
  out[ETHERNET] = 0x45;
  view.setUint16(ETHERNET + 2, IPV4 + UDP + payload.length);
  out.set([64, PROTOCOL_UDP], ETHERNET + 8);
  out.set(addressBytes(ends.source), ETHERNET + 12);
  out.set(addressBytes(ends.destination), ETHERNET + 16);
  view.setUint16(ETHERNET + 10, checksum(out.subarray(ETHERNET, udp)));
  view.setUint16(udp, ends.sourcePort);
  view.setUint16(udp + 2, ends.destinationPort);
  view.setUint16(udp + 4, UDP + payload.length);
  out.set(payload, udp + UDP);
  const sum = checksum(
    pseudoHeader(ends.source, ends.destination, PROTOCOL_UDP, UDP + payload.length),
    out.subarray(udp),
  );
  // A sum of zero means "none" on the wire.
  view.setUint16(udp + 6, sum === 0 ? 0xffff : sum);
  return out;
}

/** Asks who has an address without having one: RFC 5227, section 2.1.1. */
export function arpProbe(mac: string, target: Address): Uint8Array {
  const out = framed(EVERYBODY, mac, TYPE_ARP, ARP);
  out.set([0, 1, 8, 0, 6, 4, 0, 1], ETHERNET);
  out.set(macBytes(mac), ETHERNET + 8);
  out.set(addressBytes(NOBODY), ETHERNET + 14);
  out.set(addressBytes(target), ETHERNET + 24);
  return out;
}

/**
 * Asks all routers of the link to advertise themselves: RFC 4861, section 4.1. From nobody in particular, so that they
 * answer everybody: the kernel hears it too.
 */
export function routerSolicitation(mac: string): Uint8Array {
  const length = 8;
  const [source, destination] = ['::' as Address, 'ff02::2' as Address];
  const out = framed('33:33:00:00:00:02', mac, TYPE_IPV6, IPV6 + length);
  const view = new DataView(out.buffer);
  const icmp = ETHERNET + IPV6;
  out[ETHERNET] = 0x60;
  view.setUint16(ETHERNET + 4, length);
  out.set([PROTOCOL_ICMPV6, 255], ETHERNET + 6);
  out.set(addressBytes(source), ETHERNET + 8);
  out.set(addressBytes(destination), ETHERNET + 24);
  out[icmp] = 133;
  view.setUint16(icmp + 2, checksum(pseudoHeader(source, destination, PROTOCOL_ICMPV6, length), out.subarray(icmp)));
  return out;
}

/** Null for what is not looked at, or cut short, or in fragments. */
export function parseFrame(bytes: Uint8Array): Frame | null {
  if (bytes.length < ETHERNET) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const body = bytes.subarray(ETHERNET);
  const mac = macText(bytes.subarray(6, 12));
  switch (view.getUint16(12)) {
    case TYPE_ARP:
      return parseArp(body);
    case TYPE_IPV4:
      return parseUdp4(body, mac, macText(bytes.subarray(0, 6)));
    case TYPE_IPV6:
      return parseIcmp6(body, mac);
    default:
      return null;
  }
}

function parseArp(bytes: Uint8Array): Frame | null {
  if (bytes.length < ARP) return null;
  const [, , , , , , high, low] = bytes;
  if (high !== 0 || low !== 2) return null;
  return { type: 'arp-answer', mac: macText(bytes.subarray(8, 14)), address: addressFrom(bytes.subarray(14, 18)) };
}

function parseUdp4(bytes: Uint8Array, sourceMac: string, destinationMac: string): Frame | null {
  if (bytes.length < IPV4) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const first = view.getUint8(0);
  const header = (first & 0xf) * 4;
  const total = view.getUint16(2);
  const isFragment = (view.getUint16(6) & 0x3fff) !== 0;
  if (first >> 4 !== 4 || header < IPV4 || isFragment || view.getUint8(9) !== PROTOCOL_UDP) return null;
  if (total > bytes.length || total < header + UDP) return null;
  const length = view.getUint16(header + 4);
  if (length < UDP || header + length > total) return null;
  return {
    type: 'udp4',
    sourceMac,
    destinationMac,
    source: addressFrom(bytes.subarray(12, 16)),
    destination: addressFrom(bytes.subarray(16, 20)),
    sourcePort: view.getUint16(header),
    destinationPort: view.getUint16(header + 2),
    payload: bytes.subarray(header + UDP, header + length),
  };
}

function parseIcmp6(bytes: Uint8Array, mac: string): Frame | null {
  if (bytes.length < IPV6) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const length = view.getUint16(4);
  if (view.getUint8(0) >> 4 !== 6 || view.getUint8(6) !== PROTOCOL_ICMPV6 || IPV6 + length > bytes.length) return null;
  return {
    type: 'icmp6',
    mac,
    source: addressFrom(bytes.subarray(8, 24)),
    hopLimit: view.getUint8(7),
    payload: bytes.subarray(IPV6, IPV6 + length),
  };
}

export function macBytes(mac: string): Uint8Array {
  return Uint8Array.from(mac.split(':'), (part) => Number.parseInt(part, 16));
}

function macText(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}

function framed(destination: string, source: string, type: number, length: number): Uint8Array {
  // Ethernet knows no frames below 60 bytes.
  const out = new Uint8Array(Math.max(60, ETHERNET + length));
  out.set(macBytes(destination), 0);
  out.set(macBytes(source), 6);
  new DataView(out.buffer).setUint16(12, type);
  return out;
}

/** RFC 768 and RFC 8200, section 8.1. */
function pseudoHeader(source: Address, destination: Address, protocol: number, length: number): Uint8Array {
  const ends = [...addressBytes(source), ...addressBytes(destination)];
  const isIPv6 = ends.length === 32;
  const high = isIPv6
    ? [0, 0, length >> 8, length & 0xff, 0, 0, 0, protocol]
    : [0, protocol, length >> 8, length & 0xff];
  return Uint8Array.from([...ends, ...high]);
}

/** Sum of 16-bit words in ones' complement, RFC 1071; every part but the last has an even length. */
function checksum(...parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let i = 0; i < part.length; i += 2) sum += ((part[i] as number) << 8) | (part[i + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
