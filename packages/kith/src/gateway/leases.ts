/**
 * The leases that dnsmasq holds, from its file: a line each, `<expiry, s since 1970, or 0 for good> <MAC> <IPv4> <name or *>
 * <client id or *>`. What else stands there, a `duid` and leases of IPv6, is passed over.
 */
import { isIPv4 } from 'node:net';
import { readFileSync, statSync } from 'node:fs';
import type { LeaseView } from '@kith/api';
import { codeOf } from '@kith/core';

/** A line has about 80 bytes, the largest prefix has sixteen million addresses; nobody looks at more than this (bytes). */
const LARGEST = 64 << 20;

/** @param now ms since 1970 */
export function leasesOf(text: string, now: number): LeaseView[] {
  const leases: LeaseView[] = [];
  for (const line of text.split('\n')) {
    const [expiry = '', mac = '', address = '', name = '*'] = line.split(' ');
    if (!/^\d{1,12}$/.test(expiry) || !isIPv4(address) || !/^[0-9a-f:-]{17,60}$/i.test(mac)) continue;
    const expires = Number(expiry) * 1000;
    if (expires !== 0 && expires <= now) continue;
    leases.push({
      address,
      mac,
      name: name === '*' ? null : name.slice(0, 253),
      expires: expires === 0 ? null : expires,
    });
  }
  return leases;
}

/** None where there is no file yet. */
export function readLeases(path: string): LeaseView[] {
  try {
    if (statSync(path).size > LARGEST) return [];
    return leasesOf(readFileSync(path, 'utf8'), Date.now());
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}
