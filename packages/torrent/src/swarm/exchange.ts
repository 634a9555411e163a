import { toHex } from '@kith/core';
import type { Hashes } from '../hashes.ts';
import type { Metainfo } from '../metainfo/metainfo.ts';
import type { ExtensionMessage, PexPeer } from '../wire/extension.ts';
import { METADATA_PIECE } from './metadata-fetch.ts';
import type { Peer } from './peer.ts';
import { keyOf } from './peer-book.ts';

/** How many times over a peer may fetch the metadata. */
const METADATA_TIMES = 3;

/** Answers a request for a piece of the metadata (BEP 9). */
export function serveMetadata(peer: Peer, metainfo: Metainfo | undefined, piece: number): void {
  const bytes = metainfo?.info;
  const count = bytes === undefined ? 0 : Math.ceil(bytes.length / METADATA_PIECE);
  if (bytes === undefined || piece >= count || ++peer.metadataServed > METADATA_TIMES * count) {
    peer.wire.extension({ kind: 'metadata-reject', piece });
    return;
  }
  const part = bytes.subarray(piece * METADATA_PIECE, (piece + 1) * METADATA_PIECE);
  peer.wire.extension({ kind: 'metadata-data', piece, size: bytes.length, bytes: part });
}

/** Whether an info dictionary is the one that a link names, by each of the hashes that it has. */
export function isMetadata(
  bytes: Uint8Array,
  link: { readonly infoHash?: Uint8Array | undefined; readonly infoHashV2?: Uint8Array | undefined },
  hashes: Hashes,
): boolean {
  if (link.infoHash !== undefined && toHex(hashes.sha1(bytes)) !== toHex(link.infoHash)) return false;
  return link.infoHashV2 === undefined || toHex(hashes.sha256(bytes)) === toHex(link.infoHashV2);
}

/** Tells a peer which others came and went (BEP 11). */
export function tellPeers(peer: Peer, others: Iterable<Peer>, now: number): void {
  if (peer.said?.speaks.pex !== true) return;
  const peers = new Map<string, PexPeer>();
  for (const other of others) {
    const address = other.listensAt;
    if (other === peer || !other.ready || address === undefined) continue;
    const reachable = !other.wire.incoming;
    peers.set(keyOf(address), {
      ...address,
      prefersEncryption: other.wire.encrypted,
      seed: other.uploadOnly,
      reachable,
    });
  }
  const delta = peer.pex.delta(peers, now);
  if (delta !== undefined) peer.wire.extension({ kind: 'pex', ...delta });
}

/** What this side says of itself (BEP 10). */
export function ourHandshake(
  peer: Peer,
  us: {
    readonly metainfo: Metainfo | undefined;
    readonly port: number;
    readonly client: string;
    readonly requestQueue: number;
    readonly uploadOnly: boolean;
    readonly pex: boolean;
  },
): ExtensionMessage {
  return {
    kind: 'handshake',
    ...(us.metainfo === undefined ? {} : { metadataSize: us.metainfo.info.length }),
    client: us.client,
    ...(us.port > 0 && !peer.wire.incoming ? { port: us.port } : {}),
    requestQueue: us.requestQueue,
    uploadOnly: us.uploadOnly,
    speaks: { metadata: true, pex: us.pex, dontHave: true },
  };
}
