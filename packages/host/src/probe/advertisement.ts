/**
 * Router advertisements: RFC 4861, section 4.2; resolvers in them: RFC 8106, section 5.1.
 *
 *      0  type 134, 1 code 0, 2 checksum (the kernel of the bridge has seen to it)
 *      4  hop limit, 5 flags, 6 lifetime of the router in seconds (2), 8 reachable time (4), 12 retransmission (4)
 *     16  options: type, length in units of 8 bytes, value
 *           3  prefix: 2 length of the prefix, 3 flags (0x40: for own addresses), 4 valid (4), 8 preferred (4), 16 prefix
 *           5  MTU: 4 MTU (4)
 *          25  resolvers: 4 lifetime (4), 8 addresses (16 each)
 */
import { type Address, addressFrom, prefixOf } from '@kith/core';
import type { Advertisement } from '@kith/gateway';
import type { Frame } from './frame.ts';

const HEADER = 16;
const AUTONOMOUS = 0x40;
/** No router has a reason to send more. */
const MOST = 16;

/** Null for what is no advertisement of a router on this link, or broken. */
export function parseAdvertisement(frame: Frame & { type: 'icmp6' }): Advertisement | null {
  const { payload, source, mac } = frame;
  // A hop limit of 255 cannot have come through a router; RFC 4861, section 6.1.2.
  if (payload.length < HEADER || payload[0] !== 134 || payload[1] !== 0 || frame.hopLimit !== 255) return null;
  if (!/^fe[89ab]/.test(source)) return null;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const prefixes: Advertisement['prefixes'][number][] = [];
  const dns: Address[] = [];
  let mtu: number | null = null;
  for (let at = HEADER; at < payload.length;) {
    const [type, units] = [payload[at], payload[at + 1]];
    const length = (units ?? 0) * 8;
    if (length === 0 || at + length > payload.length) return null;
    if (type === 3 && length === 32 && (payload[at + 2] as number) <= 128 && prefixes.length < MOST) {
      const prefix = prefixOf(addressFrom(payload.subarray(at + 16, at + 32)), payload[at + 2] as number);
      const autonomous = ((payload[at + 3] as number) & AUTONOMOUS) !== 0;
      prefixes.push({ prefix, autonomous, lifetime: view.getUint32(at + 4) });
    }
    if (type === 5 && length === 8) mtu = view.getUint32(at + 4);
    // A lifetime of 0 takes them back.
    if (type === 25 && view.getUint32(at + 4) > 0) {
      for (let i = at + 8; i + 16 <= at + length && dns.length < MOST; i += 16)
        dns.push(addressFrom(payload.subarray(i, i + 16)));
    }
    at += length;
  }
  return { router: source, mac, lifetime: view.getUint16(6), mtu, prefixes, dns };
}
