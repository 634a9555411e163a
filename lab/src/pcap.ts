/**
 * Reads a pcap stream as tcpdump writes it.
 *
 *   file    magic(4: a1b2c3d4 in the writer's byte order) version(2+2) zone(4) sigfigs(4) snaplen(4) linktype(4)
 *   packet  seconds(4) microseconds(4) captured(4) original(4) data(captured)
 */
import { LabError } from './error.ts';

export interface Packet {
  /** Unix time in milliseconds. */
  readonly time: number;
  /** From the link layer on. */
  readonly data: Buffer;
}

const FILE_HEADER = 24;
const PACKET_HEADER = 16;
const MAX_PACKET = 262_144;

/**
 * Packets of a capture; an incomplete one at the end is left out.
 * @throws LabError when it is no pcap of this machine's byte order, or a packet is longer than 256 KiB.
 */
export function parsePcap(bytes: Buffer): Packet[] {
  if (bytes.length < FILE_HEADER) return [];
  const little = bytes.readUInt32LE(0) === 0xa1b2c3d4;
  if (!little && bytes.readUInt32BE(0) !== 0xa1b2c3d4) throw new LabError('the capture does not begin like a pcap');
  const word = (at: number) => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  const packets: Packet[] = [];
  for (let at = FILE_HEADER; at + PACKET_HEADER <= bytes.length;) {
    const length = word(at + 8);
    if (length > MAX_PACKET) throw new LabError(`the capture claims a packet of ${length} bytes`);
    const end = at + PACKET_HEADER + length;
    if (end > bytes.length) break;
    packets.push({ time: word(at) * 1000 + word(at + 4) / 1000, data: bytes.subarray(at + PACKET_HEADER, end) });
    at = end;
  }
  return packets;
}
