/** What a swarm spends, and what it takes from strangers. Times in ms, sizes in bytes. */
export interface SwarmLimits {
  /** Connections of all torrents together, half-open ones among them. */
  readonly connections: number;
  /** Connections of one torrent. */
  readonly connectionsPerTorrent: number;
  /** Connections from one address to one torrent: a household behind a NAT may have several, a flood has many. */
  readonly connectionsPerAddress: number;
  /** Dials under way at once. */
  readonly dialing: number;
  /** Incoming connections that have not said a whole handshake. */
  readonly handshaking: number;
  readonly handshakeTime: number;
  /** Silence from a peer after which its connection ends; peers send keep-alives every two minutes (BEP 3). */
  readonly silence: number;
  /** Requests that wait at one peer, most. */
  readonly maxRequests: number;
  /** How much time's worth of blocks is asked for ahead. */
  readonly queueTime: number;
  readonly requestTimeout: number;
  /** Requests of a peer that wait here; told to peers as reqq (BEP 10). */
  readonly uploadQueue: number;
  /** Bytes that wait at a peer's socket, and are being read for it, before its next request is served. */
  readonly uploadWatermark: number;
  /** Bytes that wait at a peer's socket before nothing more is read from it: whoever floods has to take the answers. */
  readonly outputMost: number;
  /** Bytes of blocks that nobody asked for, beyond what was, before the connection ends. */
  readonly unaskedMost: number;
  readonly metadataMost: number;
  /** Candidates of one torrent that are remembered. */
  readonly candidates: number;
  readonly bans: number;
  readonly banTime: number;
  /** Torrents that download at once; others wait in the order in which they were added. */
  readonly activeDownloads: number;
  readonly activeSeeds: number;
}

export const SWARM_LIMITS: SwarmLimits = {
  connections: 1000,
  connectionsPerTorrent: 200,
  connectionsPerAddress: 16,
  dialing: 50,
  handshaking: 200,
  handshakeTime: 10_000,
  silence: 150_000,
  maxRequests: 2000,
  queueTime: 3000,
  requestTimeout: 20_000,
  uploadQueue: 2000,
  uploadWatermark: 1_048_576,
  outputMost: 4 * 1_048_576,
  unaskedMost: 4 * 1_048_576,
  metadataMost: 16 * 1_048_576,
  candidates: 2000,
  bans: 10_000,
  banTime: 6 * 3_600_000,
  activeDownloads: Number.POSITIVE_INFINITY,
  activeSeeds: Number.POSITIVE_INFINITY,
};
