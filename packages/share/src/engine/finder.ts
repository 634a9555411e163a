import type { Address, AddressScope } from '@kith/core';
import type { PeerAddress } from '@kith/torrent';
import type { TrackerReport } from './report.ts';

/** A share as those who look for its peers see it. */
export interface Wanted {
  /** 20 bytes each: of v1, the first of v2, both for a hybrid. */
  readonly infoHashes: readonly Uint8Array[];
  /** Its peers come from trackers and the user alone (BEP 27). */
  readonly private: boolean;
  readonly public: boolean;
  /** Trackers that may be asked, by tier (BEP 12). */
  readonly trackers: readonly (readonly string[])[];
  permitsTracker(address: Address, scope: AddressScope): boolean;
  /** Asked before every announce. */
  state(): { readonly uploaded: number; readonly downloaded: number; readonly left: number };
  /** What came from trackers is new. */
  trackersChanged(): void;
}

/** Finds peers in one way: trackers, DHT, LSD. One for all shares of an engine. */
export interface PeerFinder {
  readonly source: 'tracker' | 'dht' | 'lsd';
  /** Asks strangers: for public shares only, and never for private torrents. */
  readonly public: boolean;
  /** Looks for peers from now on, and tells others of this node. */
  start(wanted: Wanted): void;
  /** Everything is there. */
  complete?(wanted: Wanted): void;
  /** A peer says that it has a DHT node there. */
  addNode?(address: PeerAddress): void;
  stop(wanted: Wanted): Promise<void> | void;
  /** What trackers say, for those that ask trackers. */
  report?(wanted: Wanted): readonly TrackerReport[];
  close(): Promise<void> | void;
}

export interface FinderHost {
  readonly peerId: Uint8Array;
  /** Where this node accepts peers. */
  readonly port: number;
  onPeers(wanted: Wanted, peers: readonly PeerAddress[], source: PeerFinder['source']): void;
}

/** Makes a finder once the port is known. */
export type FinderFactory = (host: FinderHost) => PeerFinder;
