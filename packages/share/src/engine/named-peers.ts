/** Peers that the user or a link names, which may be names of hosts. */
import { lookup } from 'node:dns/promises';
import { KithError } from '@kith/core';
import type { MagnetPeer, PeerAddress } from '@kith/torrent';
import { addressOf } from '../tracker/trusted-proxies.ts';

/** `HOST:PORT`, IPv6 in brackets. @throws KithError SHARE_PEER */
export function parsePeer(text: string): MagnetPeer {
  const [, v6, name, digits] = /^(?:\[([0-9a-f:.]+)\]|([\w.-]+)):(\d{1,5})$/i.exec(text) ?? [];
  const host = v6 ?? name;
  const port = Number(digits);
  if (host !== undefined && port >= 1 && port <= 65_535) return { host, port };
  throw new KithError(
    'SHARE_PEER',
    `${JSON.stringify(text)} is no peer: write it like 10.0.0.2:6550 or [fd00::2]:6550`,
  );
}

/** Addresses of those whose name is known. */
export async function lookUp(peers: readonly (string | MagnetPeer)[]): Promise<PeerAddress[]> {
  const found = await Promise.all(
    peers.map(async (peer) => {
      const { host, port } = typeof peer === 'string' ? parsePeer(peer) : peer;
      const literal = addressOf(host);
      if (literal !== undefined) return [{ ip: literal, port }];
      const addresses = await lookup(host, { all: true }).catch(() => []);
      return addresses.map(({ address }) => ({ ip: addressOf(address) ?? address, port }));
    }),
  );
  return found.flat();
}
