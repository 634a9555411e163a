/**
 * dnsmasq's file of leases: one per line, `EXPIRY MAC ADDRESS NAME CLIENT-ID`, EXPIRY in seconds since 1970 or 0 for
 * ever; behind a line `duid …` those of DHCPv6. Manual: dnsmasq(8), --dhcp-leasefile.
 */
import { type Address, parseAddress } from '@kith/core';

export interface Lease {
  readonly address: Address;
  readonly mac: string;
  /** ms since 1970; null: for ever. */
  readonly expires: number | null;
  /** Null where the client has none. */
  readonly name: string | null;
}

/** A pool of a /8 has fewer. */
const MOST = 1 << 20;
const LINE = /^(\d{1,12}) (?:[0-9a-f]{2}-)?((?:[0-9a-f]{2}:){5}[0-9a-f]{2}) (\d{1,3}(?:\.\d{1,3}){3}) (\S{1,255}) \S+$/;

/**
 * Leases of IPv4 that are in force; lines that are none are passed over, as dnsmasq may be writing.
 *
 * @param wall ms since 1970
 */
export function parseLeases(text: string, wall: number): readonly Lease[] {
  const leases: Lease[] = [];
  for (const line of text.split('\n', MOST)) {
    const [, expiry = '', mac = '', address = '', name = ''] = LINE.exec(line) ?? [];
    const expires = expiry === '0' ? null : Number(expiry) * 1000;
    if (address === '' || (expires !== null && expires <= wall)) continue;
    try {
      leases.push({ address: parseAddress(address), mac, expires, name: name === '*' ? null : name });
    } catch {
      // 300.1.2.3 looks like an address.
    }
  }
  return leases;
}
