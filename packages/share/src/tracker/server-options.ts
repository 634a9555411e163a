import type { Address } from '@kith/core';
import type { tracker } from '@kith/torrent';

/** Options of a {@link TrackerServer}; limits of swarms and peers among them (`swarms`, `peers`, `peersPerSwarm`, …). */
export interface TrackerServerOptions extends Omit<tracker.ServiceOptions, 'random' | 'permits'> {
  /** Of TCP and UDP both. Default 0: any that is free on both. */
  readonly port?: number;
  /** Address to listen on. Default: all, of both families. */
  readonly host?: string;
  /** What is spoken. All by default. */
  readonly http?: boolean;
  readonly udp?: boolean;
  readonly websocket?: boolean;
  /** Which torrents may come: hashes of 20 bytes. Without `allow` all but the denied; change them with `setLists`. */
  readonly allow?: Iterable<Uint8Array>;
  readonly deny?: Iterable<Uint8Array>;
  /** Asked once per swarm after the lists; false refuses it. */
  readonly permits?: (infoHash: Uint8Array) => boolean;
  /** Asked about who connects or sends; false turns them away without a word. A node in a mesh lets its members in with it. */
  readonly admits?: (address: Address) => boolean;
  /** Prefixes of proxies whose X-Forwarded-For counts, for example `127.0.0.0/8`. None by default. */
  readonly trustedProxies?: readonly string[];
  /** Who sees /stats, /stats.json and /metrics. Default `local`: loopback only. */
  readonly stats?: 'local' | 'everyone' | 'nobody';
  readonly limits?: Partial<ServerLimits>;
}

export interface ServerLimits {
  /** TCP connections at once. */
  readonly connections: number;
  /** TCP connections at once of one address, unless it is a trusted proxy. */
  readonly connectionsPerAddress: number;
  /** Bytes of the head of a request. */
  readonly head: number;
  /** Bytes of a WebSocket message. */
  readonly message: number;
  /** Ms in which a request or message has to be complete. */
  readonly patience: number;
  /** Ms of silence after which an HTTP connection is closed. */
  readonly idle: number;
  /** Ms of silence after which a WebSocket is pinged; after half of it again without an answer it is closed. */
  readonly ping: number;
  /** Bytes waiting for a connection above which offers to it are dropped; at 16 times that it is closed. */
  readonly backlog: number;
}

export const SERVER_LIMITS: ServerLimits = {
  connections: 50_000,
  connectionsPerAddress: 500,
  head: 8_192,
  message: 131_072,
  patience: 10_000,
  idle: 60_000,
  ping: 60_000,
  backlog: 65_536,
};
