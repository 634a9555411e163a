/**
 * What the kernel does with super-packets, the plain way: checksums word by word (RFC 1071), segments one after another
 * (virtio 1.2, 5.1.6.2). The native code is held against it.
 */
import { addressBytes, parseAddress, readUint16BE, writeUint16BE } from '@kith/core';

export const VNET = 10;
export const NEEDS_CHECKSUM = 1;
export const GSO = { none: 0, tcp4: 1, tcp6: 4, udp: 5 } as const;
export const FLAGS = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ece: 64, cwr: 128 } as const;

function readUint32BE(bytes: Uint8Array, at: number): number {
  return readUint16BE(bytes, at) * 0x10000 + readUint16BE(bytes, at + 2);
}

function writeUint32BE(bytes: Uint8Array, at: number, value: number): void {
  writeUint16BE(bytes, at, value >>> 16);
  writeUint16BE(bytes, at + 2, value & 0xffff);
}

export interface Vnet {
  readonly flags: number;
  readonly type: number;
  readonly headers: number;
  readonly segment: number;
  readonly start: number;
  readonly offset: number;
}

/** In the machine's byte order, which is little endian wherever this is tested. */
export function vnetBytes(vnet: Vnet): Uint8Array {
  const view = new DataView(new ArrayBuffer(VNET));
  view.setUint8(0, vnet.flags);
  view.setUint8(1, vnet.type);
  for (const [i, value] of [vnet.headers, vnet.segment, vnet.start, vnet.offset].entries()) {
    view.setUint16(2 + 2 * i, value, true);
  }
  return new Uint8Array(view.buffer);
}

export function vnetOf(bytes: Uint8Array): Vnet {
  const view = new DataView(bytes.buffer, bytes.byteOffset, VNET);
  const [headers, segment, start, offset] = [2, 4, 6, 8].map((at) => view.getUint16(at, true));
  return {
    flags: view.getUint8(0),
    type: view.getUint8(1),
    headers: headers as number,
    segment: segment as number,
    start: start as number,
    offset: offset as number,
  };
}

function sum16(bytes: Uint8Array, start = 0): number {
  let sum = start;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += ((bytes[i] as number) << 8) | (bytes[i + 1] ?? 0);
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return sum;
}

function pseudo(packet: Uint8Array, protocol: number, length: number): number {
  const four = (packet[0] as number) >> 4 === 4;
  const addresses = four ? packet.subarray(12, 20) : packet.subarray(8, 40);
  return sum16(addresses, protocol + length);
}

export interface FlowSpec {
  readonly four: boolean;
  readonly tcp: boolean;
  readonly port: number;
}

export interface PacketSpec extends FlowSpec {
  readonly payload: Uint8Array;
  readonly seq?: number;
  readonly ack?: number;
  readonly flags?: number;
  readonly window?: number;
  readonly options?: Uint8Array;
  readonly id?: number;
  readonly dontFragment?: boolean;
  readonly hops?: number;
  readonly service?: number;
}

const ADDRESSES = {
  four: [addressBytes(parseAddress('10.0.0.1')), addressBytes(parseAddress('10.0.0.9'))],
  six: [addressBytes(parseAddress('fd00::1')), addressBytes(parseAddress('fd00::9'))],
} as const;

/** A whole packet with all checksums right; with `partial` its transport checksum holds the pseudo header's sum. */
export function build(spec: PacketSpec, partial = false): Uint8Array {
  const { four, tcp, payload } = spec;
  const options = spec.options ?? new Uint8Array(0);
  const at = four ? 20 : 40;
  const headers = tcp ? 20 + options.length : 8;
  const packet = new Uint8Array(at + headers + payload.length);
  const protocol = tcp ? 6 : 17;
  if (four) {
    packet.set([0x45, spec.service ?? 0]);
    writeUint16BE(packet, 2, packet.length);
    writeUint16BE(packet, 4, spec.id ?? 0);
    packet[6] = spec.dontFragment === false ? 0 : 0x40;
    packet.set([spec.hops ?? 64, protocol], 8);
    packet.set(ADDRESSES.four[0], 12);
    packet.set(ADDRESSES.four[1], 16);
    writeUint16BE(packet, 10, ~sum16(packet.subarray(0, 20)) & 0xffff);
  } else {
    packet.set([0x60, spec.service ?? 0]);
    writeUint16BE(packet, 4, packet.length - 40);
    packet.set([protocol, spec.hops ?? 64], 6);
    packet.set(ADDRESSES.six[0], 8);
    packet.set(ADDRESSES.six[1], 24);
  }
  writeUint16BE(packet, at, 1000);
  writeUint16BE(packet, at + 2, spec.port);
  if (tcp) {
    writeUint32BE(packet, at + 4, spec.seq ?? 0);
    writeUint32BE(packet, at + 8, spec.ack ?? 0);
    packet[at + 12] = (headers / 4) << 4;
    packet[at + 13] = spec.flags ?? FLAGS.ack;
    writeUint16BE(packet, at + 14, spec.window ?? 500);
    packet.set(options, at + 20);
  } else writeUint16BE(packet, at + 4, headers + payload.length);
  packet.set(payload, at + headers);
  const field = at + (tcp ? 16 : 6);
  const start = pseudo(packet, protocol, packet.length - at);
  if (partial) writeUint16BE(packet, field, start);
  else {
    const sum = ~sum16(packet.subarray(at), start) & 0xffff;
    writeUint16BE(packet, field, sum === 0 && !tcp ? 0xffff : sum);
  }
  return packet;
}

/** Whether the transport checksum of a plain packet of {@link build} is right. */
export function checksumFits(packet: Uint8Array): boolean {
  const four = (packet[0] as number) >> 4 === 4;
  const at = four ? 20 : 40;
  const protocol = packet[four ? 9 : 6] as number;
  return sum16(packet.subarray(at), pseudo(packet, protocol, packet.length - at)) === 0xffff;
}

/** The packets that a super-packet stands for. */
export function segmentsOf(superPacket: Uint8Array): readonly Uint8Array[] {
  const vnet = vnetOf(superPacket);
  const whole = superPacket.subarray(VNET);
  if (vnet.type === GSO.none) return [whole];
  const four = (whole[0] as number) >> 4 === 4;
  const at = four ? 20 : 40;
  const tcp = vnet.type !== GSO.udp;
  const headers = at + (tcp ? ((whole[at + 12] as number) >> 4) * 4 : 8);
  const payload = whole.subarray(headers);
  const out: Uint8Array[] = [];
  for (let from = 0; from < payload.length; from += vnet.segment) {
    const part = payload.subarray(from, from + vnet.segment);
    const last = from + vnet.segment >= payload.length;
    const flags = whole[at + 13] as number;
    out.push(
      build({
        four,
        tcp,
        port: readUint16BE(whole, at + 2),
        payload: part,
        service: whole[1] as number,
        ...(four ? { id: (readUint16BE(whole, 4) + out.length) & 0xffff, dontFragment: whole[6] === 0x40 } : {}),
        hops: whole[four ? 8 : 7] as number,
        ...(tcp
          ? {
              seq: (readUint32BE(whole, at + 4) + from) >>> 0,
              ack: readUint32BE(whole, at + 8),
              window: readUint16BE(whole, at + 14),
              flags: (last ? flags : flags & ~(FLAGS.fin | FLAGS.psh)) & (from === 0 ? 0xff : ~FLAGS.cwr),
              options: whole.subarray(at + 20, headers),
            }
          : {}),
      }),
    );
  }
  return out;
}
