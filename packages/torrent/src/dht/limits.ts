/** What a node of the DHT takes, keeps and sends. Times in ms. */
export interface DhtLimits {
  /** Bytes of a datagram that is looked at. */
  readonly datagram: number;
  /** Bytes of one that is sent: what IPv6 carries everywhere (1,280 less 48 of headers). */
  readonly reply: number;
  /** Datagrams per second that one address may send, and how many at once. */
  readonly perSource: number;
  readonly perSourceBurst: number;
  /** The same from all that were not asked anything. */
  readonly overall: number;
  readonly overallBurst: number;
  /** Bytes per second that go to one address in answers, and at once: what a forged sender can make of its own. */
  readonly replyBytesPerSource: number;
  readonly replyBytesPerSourceBurst: number;
  /** The same to all together. */
  readonly replyBytes: number;
  readonly replyBytesBurst: number;
  /** Addresses whose rates are remembered. */
  readonly sources: number;
  /** Queries per second of its own, and at once. */
  readonly queries: number;
  readonly queriesBurst: number;
  /** Own queries without an answer. */
  readonly outstanding: number;
  /** After this long a query no longer keeps others from being sent; after `timeout` it failed. */
  readonly slow: number;
  readonly timeout: number;
  /** Nodes that an answer names, and that a value is stored with (k). */
  readonly closest: number;
  /** Queries of one lookup at a time (alpha), and in all. */
  readonly parallel: number;
  readonly lookupQueries: number;
  /** Candidates that a lookup remembers. */
  readonly candidates: number;
  /** Nodes and peers that are taken from one answer; peers that one lookup gives. */
  readonly nodesPerAnswer: number;
  readonly peersPerAnswer: number;
  readonly peersPerLookup: number;
  /** Lookups at a time; more wait. */
  readonly lookups: number;
  readonly waitingLookups: number;
  /** Nodes of one /24 or /64: in a bucket, in the table. */
  readonly perNetBucket: number;
  readonly perNetTable: number;
  /** A node that was silent for so long is asked whether it is there; a bucket is refreshed as often. */
  readonly stale: number;
  /** Info-hashes with peers that others announced here, peers of one, entries of one address, and how long they stay. */
  readonly storedTorrents: number;
  readonly peersPerTorrent: number;
  readonly peersPerSource: number;
  readonly peerLife: number;
  /** Values of BEP 44 that others stored here, of one address, and how long they stay. */
  readonly items: number;
  readonly itemsPerSource: number;
  readonly itemLife: number;
  /** Info-hashes in an answer to a sample query, and how long the same ones are given (BEP 51). */
  readonly samples: number;
  readonly sampleInterval: number;
  /** Time between two announces of a torrent, and until a torrent in need of peers asks again. */
  readonly announceInterval: number;
  readonly urgentInterval: number;
}

export const DHT_LIMITS: DhtLimits = {
  datagram: 2048,
  reply: 1232,
  perSource: 20,
  perSourceBurst: 60,
  overall: 1000,
  overallBurst: 2000,
  replyBytesPerSource: 4096,
  replyBytesPerSourceBurst: 16_384,
  replyBytes: 131_072,
  replyBytesBurst: 262_144,
  sources: 4096,
  queries: 100,
  queriesBurst: 100,
  outstanding: 1024,
  slow: 1000,
  timeout: 6000,
  closest: 8,
  parallel: 4,
  lookupQueries: 120,
  candidates: 256,
  nodesPerAnswer: 16,
  peersPerAnswer: 200,
  peersPerLookup: 1000,
  lookups: 8,
  waitingLookups: 64,
  perNetBucket: 1,
  perNetTable: 4,
  stale: 900_000,
  storedTorrents: 2000,
  peersPerTorrent: 500,
  peersPerSource: 500,
  peerLife: 2_700_000,
  items: 1000,
  itemsPerSource: 50,
  itemLife: 7_200_000,
  samples: 20,
  sampleInterval: 60_000,
  announceInterval: 1_500_000,
  urgentInterval: 300_000,
};
