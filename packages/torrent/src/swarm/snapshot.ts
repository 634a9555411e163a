import type { Metainfo } from '../metainfo/metainfo.ts';
import type { PeerAddress } from '../wire/duplex.ts';
import type { Bits } from './bits.ts';
import type { TorrentState } from './event.ts';
import type { Peer } from './peer.ts';
import type { Selection } from './selection.ts';
import type { Torrent } from './torrent.ts';
import { piecesOf } from '../storage/layout.ts';

/** A torrent at one moment. Bytes, bytes per second. */
export interface TorrentSnapshot {
  readonly state: TorrentState;
  readonly name: string;
  readonly error: unknown;
  /** Bytes of the pieces that are wanted; 0 while the metadata is missing. */
  readonly wanted: number;
  /** Of these, what is verified. */
  readonly done: number;
  /** 0..1. */
  readonly progress: number;
  readonly pieces: { readonly have: number; readonly count: number };
  readonly downRate: number;
  readonly upRate: number;
  /** Payload since it was added. */
  readonly downloaded: number;
  readonly uploaded: number;
  /** Bytes that failed their hash. */
  readonly corrupt: number;
  /** Bytes of blocks that came twice or too late. */
  readonly wasted: number;
  /** Seconds until `done` is `wanted` at the present rate; undefined where nothing comes. */
  readonly eta: number | undefined;
  readonly peers: number;
  readonly seeds: number;
  readonly candidates: number;
}

export interface PeerSnapshot {
  readonly address: PeerAddress;
  readonly client: string | undefined;
  readonly kind: 'tcp' | 'webrtc' | 'websocket' | 'memory';
  readonly incoming: boolean;
  readonly encrypted: boolean;
  readonly seed: boolean;
  /** 0..1 */
  readonly progress: number;
  readonly downRate: number;
  readonly upRate: number;
  readonly downloaded: number;
  readonly uploaded: number;
  /** Requests that wait at the peer, and of the peer here. */
  readonly requests: number;
  readonly asked: number;
  readonly choking: boolean;
  readonly interested: boolean;
  readonly unchoked: boolean;
  readonly wanting: boolean;
  readonly snubbed: boolean;
}

export interface FileSnapshot {
  readonly path: readonly string[];
  readonly length: number;
  /** Bytes in verified pieces. */
  readonly done: number;
  /** 0..7, 0 for not wanted. */
  readonly priority: number;
}

export function snapshotTorrent(torrent: Torrent): TorrentSnapshot {
  const { state } = torrent;
  const { wanted, done } = torrent.tally;
  const left = Math.max(0, wanted - done - (torrent.download?.requester.bytesInFlight ?? 0));
  let seeds = 0;
  for (const peer of torrent.peers.values()) if (peer.seed) seeds++;
  const nothingWanted = torrent.knowsPieces ? 1 : 0;
  return {
    state,
    name: torrent.name,
    error: torrent.error,
    wanted,
    done,
    progress: wanted === 0 ? nothingWanted : done / wanted,
    pieces: { have: torrent.have.count, count: torrent.pieceCount },
    downRate: torrent.down.value,
    upRate: torrent.up.value,
    downloaded: torrent.down.total,
    uploaded: torrent.up.total,
    corrupt: torrent.corruptBytes,
    wasted: torrent.wastedBytes,
    eta: state === 'downloading' && torrent.down.value > 0 ? left / torrent.down.value : undefined,
    peers: torrent.peers.size,
    seeds,
    candidates: torrent.book.size,
  };
}

export function snapshotPeer(peer: Peer): PeerSnapshot {
  return {
    address: peer.remote,
    client: peer.said?.client,
    kind: peer.wire.kind,
    incoming: peer.wire.incoming,
    encrypted: peer.wire.encrypted,
    seed: peer.seed,
    progress: peer.pieces.length === 0 ? 0 : peer.pieces.count / peer.pieces.length,
    downRate: peer.downRate,
    upRate: peer.upRate,
    downloaded: peer.wire.downloadedPayload,
    uploaded: peer.wire.uploadedPayload,
    requests: peer.pipeline.size,
    asked: peer.asked.size,
    choking: peer.choking,
    interested: peer.interested,
    unchoked: peer.unchoked,
    wanting: peer.wanting,
    snubbed: peer.snubbed,
  };
}

/** Files without padding, in the order of the torrent. */
export function snapshotFiles(torrent: Metainfo, have: Bits, selection: Selection): FileSnapshot[] {
  const files: FileSnapshot[] = [];
  for (const [index, file] of torrent.files.entries()) {
    if (file.padding) continue;
    const { first, end } = piecesOf(torrent, file);
    let done = 0;
    for (let piece = first; piece < end; piece++) {
      if (!have.has(piece)) continue;
      const begin = Math.max(file.offset, piece * torrent.pieceLength);
      done += Math.min(file.offset + file.length, (piece + 1) * torrent.pieceLength) - begin;
    }
    files.push({ path: file.path, length: file.length, done, priority: selection.priority(index) });
  }
  return files;
}
