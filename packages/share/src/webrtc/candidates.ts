/**
 * Addresses in a session description (RFC 8839, section 5.1): those that may be talked to stay, all others go. Names, among
 * them those that browsers make up for mDNS, are never looked up: whoever is behind one is known by the checks that come
 * from there (RFC 8445, section 7.3.1.3).
 */
import { isIP } from 'node:net';
import { tracker } from '@kith/torrent';
import type { PeerFilter } from '../net/peer-filter.ts';

/** Candidates of one description; browsers on machines with many interfaces have about ten. */
const MOST_CANDIDATES = 32;

/**
 * The description with the candidates that `filter` allows, over UDP, and without the addresses behind those that a STUN
 * server saw. Undefined where it is no description, or too long to be one.
 */
export function permitted(sdp: string, filter: PeerFilter): string | undefined {
  if (sdp.length > tracker.RELAY_LIMITS.sdp || !sdp.startsWith('v=0')) return undefined;
  const lines: string[] = [];
  let candidates = 0;
  for (const line of sdp.split(/\r?\n/)) {
    if (line === '' || line.startsWith('a=remote-candidates')) continue;
    if (!line.startsWith('a=candidate:')) {
      lines.push(withoutDefault(line));
      continue;
    }
    const fields = line.split(' ');
    const address = fields[4] ?? '';
    if (isIP(address) === 0 || !filter.allows(address) || fields[2]?.toLowerCase() !== 'udp') continue;
    if (++candidates <= MOST_CANDIDATES) lines.push(withoutBase(fields).join(' '));
  }
  return `${lines.join('\r\n')}\r\n`;
}

/** The default address is one of the candidates, and nobody looks at it (RFC 8839, section 4.2.1.2). */
function withoutDefault(line: string): string {
  if (line.startsWith('c=')) return 'c=IN IP4 0.0.0.0';
  return line.startsWith('m=') ? line.replace(/^(m=\S+) \d+/, '$1 9') : line;
}

/** The address behind a NAT is nobody's business. */
function withoutBase(fields: readonly string[]): string[] {
  return fields.map((field, i) => {
    const before = fields[i - 1];
    if (before === 'raddr') return '0.0.0.0';
    return before === 'rport' ? '0' : field;
  });
}
