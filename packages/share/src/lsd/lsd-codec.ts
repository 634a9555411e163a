/**
 * Local service discovery (BEP 14): a datagram in the form of an HTTP request, to a multicast group.
 *
 *     BT-SEARCH * HTTP/1.1 ␍␊
 *     Host: 239.192.152.143:6771 ␍␊
 *     Port: <TCP port> ␍␊
 *     Infohash: <40 hex digits> ␍␊        one or more
 *     cookie: <text> ␍␊                    optional: by it a sender knows what it said itself
 *     ␍␊ ␍␊
 */
import { fromHex, toHex } from '@kith/core';

export interface LsdAnnounce {
  /** Where the sender takes peers. */
  readonly port: number;
  /** 20 bytes each. */
  readonly infoHashes: readonly Uint8Array[];
  readonly cookie: string | undefined;
}

/** Bytes of a datagram, either way (BEP 14). */
export const MOST_DATAGRAM = 1400;
/** Info-hashes that fit into one. */
export const MOST_HASHES = 25;
const MOST_COOKIE = 64;
const FIRST_LINE = 'BT-SEARCH * HTTP/1.1';

/** @param host of the group, as in a URL @param infoHashes at most 25 */
export function formatLsd(host: string, { port, infoHashes, cookie }: LsdAnnounce): Uint8Array {
  const lines = [FIRST_LINE, `Host: ${host}`, `Port: ${port}`, ...infoHashes.map((hash) => `Infohash: ${toHex(hash)}`)];
  if (cookie !== undefined) lines.push(`cookie: ${cookie}`);
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n\r\n`, 'latin1');
}

/** Undefined for what is none: anybody in the network may send anything. */
export function parseLsd(datagram: Uint8Array): LsdAnnounce | undefined {
  if (datagram.length > MOST_DATAGRAM) return undefined;
  const lines = Buffer.from(datagram.buffer, datagram.byteOffset, datagram.length).toString('latin1').split('\r\n');
  if (lines[0] !== FIRST_LINE) return undefined;
  let port: number | undefined;
  let cookie: string | undefined;
  const infoHashes: Uint8Array[] = [];
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(':');
    const value = line.slice(colon + 1).trim();
    switch (line.slice(0, Math.max(0, colon)).toLowerCase()) {
      case 'port':
        if (!/^\d{1,5}$/.test(value)) return undefined;
        port = Number(value);
        break;
      case 'infohash':
        if (/^[0-9a-fA-F]{40}$/.test(value) && infoHashes.length < MOST_HASHES) infoHashes.push(fromHex(value));
        break;
      case 'cookie':
        cookie = value.slice(0, MOST_COOKIE);
        break;
      default:
        break;
    }
  }
  if (port === undefined || port < 1 || port > 65_535 || infoHashes.length === 0) return undefined;
  return { port, infoHashes, cookie };
}
