import type { Metainfo } from '../metainfo/metainfo.ts';
import type { PeerAddress } from '../wire/duplex.ts';
import type { Torrent } from './torrent.ts';

/**
 * `metadata`: the info dictionary of a magnet link is fetched. `checking`: waits for its store. `queued`: waits for its
 * turn. `error`: the store failed, `Torrent.error` says how; `resume` tries again. `stopped`: taken out of the session.
 */
export type TorrentState =
  'metadata' | 'checking' | 'downloading' | 'seeding' | 'paused' | 'queued' | 'stopped' | 'error';

/** What happened in a session. Sent after everything about it is in order: a listener may call anything. */
export type SwarmEvent =
  | { readonly kind: 'state'; readonly torrent: Torrent; readonly state: TorrentState }
  /** The metadata of a magnet link came and is right: `Torrent.attach` wants a store now. */
  | { readonly kind: 'metadata'; readonly torrent: Torrent; readonly metainfo: Metainfo }
  | { readonly kind: 'piece'; readonly torrent: Torrent; readonly piece: number }
  | { readonly kind: 'piece-failed'; readonly torrent: Torrent; readonly piece: number }
  /** Everything that is wanted is here. */
  | { readonly kind: 'finished'; readonly torrent: Torrent }
  | { readonly kind: 'error'; readonly torrent: Torrent; readonly error: unknown }
  | { readonly kind: 'peer-connected'; readonly torrent: Torrent; readonly address: PeerAddress }
  | { readonly kind: 'peer-closed'; readonly torrent: Torrent; readonly address: PeerAddress; readonly reason: string }
  | { readonly kind: 'banned'; readonly torrent: Torrent; readonly ip: string; readonly reason: string }
  /** A peer's DHT node (BEP 5). */
  | { readonly kind: 'dht-node'; readonly torrent: Torrent; readonly address: PeerAddress };
