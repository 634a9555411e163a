import { toHex } from '@kith/core';
import type { Hashes } from '../hashes.ts';
import { parseInfo } from '../metainfo/parse.ts';
import type { Metainfo } from '../metainfo/metainfo.ts';
import type { ExtensionMessage, PexPeer } from '../wire/extension.ts';
import { PEX_MOST } from '../wire/pex.ts';
import { METADATA_PIECE, MetadataFetch } from './metadata-fetch.ts';
import { keyOf } from './peer-book.ts';
import type { Peer } from './peer.ts';
import type { Torrent } from './torrent.ts';

/** How many times over a peer may fetch the metadata. */
const METADATA_TIMES = 3;

/** What a torrent talks about over the extension protocol (BEP 10): itself, its metadata (BEP 9) and peers (BEP 11). */
export class Exchange {
  readonly #torrent: Torrent;
  /** While the metadata is missing. */
  #metadata: MetadataFetch | undefined;

  constructor(torrent: Torrent) {
    this.#torrent = torrent;
    if (torrent.metainfo !== undefined) return;
    const { hashes } = torrent.context;
    this.#metadata = new MetadataFetch((bytes) => isMetadata(bytes, torrent, hashes));
  }

  /** Tells a peer what this side is and has. */
  introduce(peer: Peer): void {
    const { metainfo, context, limits, seeding } = this.#torrent;
    peer.wire.extension({
      kind: 'handshake',
      ...(metainfo === undefined ? {} : { metadataSize: metainfo.info.length }),
      client: context.client,
      // Who dialled is told where it can be dialled; the other way round it is known.
      ...(context.port > 0 && !peer.wire.incoming ? { port: context.port } : {}),
      requestQueue: limits.uploadQueue,
      uploadOnly: seeding,
      speaks: { metadata: true, pex: !this.#torrent.private, dontHave: true },
    });
  }

  /** Whether anything is wanted at all is part of what peers were told (BEP 21). */
  introduceAnew(): void {
    for (const peer of this.#torrent.peers.values()) {
      if (!peer.ready) continue;
      if (peer.said !== undefined) this.introduce(peer);
      peer.flush();
    }
  }

  hear(peer: Peer, message: ExtensionMessage, now: number): void {
    switch (message.kind) {
      case 'handshake':
        this.#hearHandshake(peer, now);
        return;
      case 'metadata-request':
        this.#serveMetadata(peer, message.piece);
        return;
      case 'metadata-data':
        this.#hearMetadata(peer, message.piece, message.size, message.bytes, now);
        return;
      case 'metadata-reject':
        this.#metadata?.rejected(peer.number, now);
        return;
      case 'pex':
        if (this.#torrent.private || !peer.pex.mayHear(now)) return;
        this.#torrent.context.addPeers(this.#torrent, message.added.slice(0, PEX_MOST), 'pex', now);
        return;
      case 'dont-have':
        return;
    }
  }

  release(peer: Peer, now: number): void {
    this.#metadata?.release(peer.number, now);
  }

  /** Once in a while: asks others for metadata that does not come, and tells of peers. */
  look(now: number): void {
    this.#metadata?.fill(now);
    for (const peer of this.#torrent.peers.values()) {
      if (peer.ready && now >= peer.pex.nextAt && !this.#torrent.private) this.#tellPeers(peer, now);
    }
  }

  #hearHandshake(peer: Peer, now: number): void {
    const { book, limits } = this.#torrent;
    const { said, listensAt } = peer;
    if (listensAt !== undefined && peer.wire.incoming) {
      book.add(listensAt, 'incoming', 0, peer.seed);
      book.connected(listensAt);
    }
    const size = peer.metadataSize;
    if (size > 0 && size <= limits.metadataMost && said?.speaks.metadata === true) this.#metadata?.offer(peer, now);
    this.#torrent.checkUse(peer, now);
  }

  #hearMetadata(peer: Peer, piece: number, size: number, bytes: Uint8Array, now: number): void {
    const torrent = this.#torrent;
    const outcome = this.#metadata?.received(peer.number, piece, size, bytes, now);
    if (outcome === undefined || outcome === 'more') return;
    if ('wrong' in outcome) {
      for (const number of outcome.wrong) torrent.convict(number, 'sent wrong metadata', now);
      this.#metadata?.fill(now);
      return;
    }
    let metainfo: Metainfo;
    try {
      metainfo = parseInfo(outcome.done, torrent.context.hashes);
    } catch (error) {
      // It is what the link names, and of no use.
      torrent.storeFailed(error, now);
      return;
    }
    this.#metadata = undefined;
    torrent.learn(metainfo, now);
  }

  #serveMetadata(peer: Peer, piece: number): void {
    const bytes = this.#torrent.metainfo?.info;
    const count = bytes === undefined ? 0 : Math.ceil(bytes.length / METADATA_PIECE);
    if (bytes === undefined || piece >= count || ++peer.metadataServed > METADATA_TIMES * count) {
      peer.wire.extension({ kind: 'metadata-reject', piece });
      return;
    }
    const part = bytes.subarray(piece * METADATA_PIECE, (piece + 1) * METADATA_PIECE);
    peer.wire.extension({ kind: 'metadata-data', piece, size: bytes.length, bytes: part });
  }

  #tellPeers(peer: Peer, now: number): void {
    if (peer.said?.speaks.pex !== true) return;
    const peers = new Map<string, PexPeer>();
    for (const other of this.#torrent.peers.values()) {
      const address = other.listensAt;
      if (other === peer || !other.ready || address === undefined || !isDialable(other)) continue;
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
}

/** Who came through a browser's channel or socket cannot be reached by its address. */
function isDialable({ wire }: Peer): boolean {
  return wire.kind !== 'webrtc' && wire.kind !== 'websocket';
}

/** Whether an info dictionary is the one that a link names, by each of the hashes that it has. */
function isMetadata(
  bytes: Uint8Array,
  link: { readonly infoHash?: Uint8Array | undefined; readonly infoHashV2?: Uint8Array | undefined },
  hashes: Hashes,
): boolean {
  if (link.infoHash !== undefined && toHex(hashes.sha1(bytes)) !== toHex(link.infoHash)) return false;
  return link.infoHashV2 === undefined || toHex(hashes.sha256(bytes)) === toHex(link.infoHashV2);
}
