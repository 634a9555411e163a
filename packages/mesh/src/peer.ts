/** A peer: somebody this node may hold a WireGuard session with, and all that is known of the ways to it. */
import { TokenBucket } from '@kith/core';
import type { Endpoint, Label, NodeId, NodeKey, Prefix, TunnelKey } from '@kith/core';
import type { Cipher, Origin, Path, PeerHandle } from './plane.ts';
import { EMPTY_FINGERPRINT } from './trie.ts';
import type { Fingerprint } from './trie.ts';

/** One way to a peer and how it fares. */
export interface Candidate {
  readonly key: string;
  /** Replaced when the hop's endpoint changes. */
  path: Path;
  /** The neighbour that a relay path starts with; null for direct. */
  readonly hop: NodeId | null;
  /** Smoothed RTT in ms; null until a ping was answered. */
  rtt: number | null;
  /** Smoothed share of unanswered pings. */
  loss: number;
  /** Monotonic ms; 0 for never. */
  lastPing: number;
  lastHeard: number;
  /** Pings in a row without an answer. */
  misses: number;
}

/** State of the search for a direct path while data goes through a relay. */
export interface PunchState {
  readonly txid: number;
  /** When volleys of probes go out, soonest first. */
  volleys: number[];
  /** When the attempt is judged; null if none is under way. */
  verdictAt: number | null;
  /** No new attempt before. */
  nextAt: number;
  failures: number;
  answered: boolean;
  /** When the peer's last ask was served. */
  servedAt: number;
}

export interface PeerIdentity {
  readonly kind: 'member' | 'invite';
  /** Of an invite: the id of its key, so that every peer has one. */
  readonly id: NodeId;
  readonly nodeKey: NodeKey;
  readonly tunnelKey: TunnelKey;
  readonly name: Label;
  readonly allowed: readonly Prefix[];
  readonly mayRelay: boolean;
}

/** What one member may cost: messages a second, and statements or presence records to be checked. */
const MESSAGES = { rate: 300, burst: 900 };
const CHECKS = { rate: 150, burst: 600 };

/** How the comparison of one set with a peer goes. */
export interface Reconciliation {
  nextAt: number;
  /** Both fingerprints when it was last begun, and how often it was begun without either changing. */
  state: string;
  fruitless: number;
}

function newReconciliation(): Reconciliation {
  return { nextAt: 0, state: '', fruitless: 0 };
}

export class Peer {
  readonly handle: PeerHandle;
  identity: PeerIdentity;
  readonly candidates: Map<string, Candidate> = new Map();
  current: Candidate | null = null;
  currentSince = 0;
  /** Local indices of the sessions that the plane holds. */
  readonly sessions: Set<number> = new Set();
  /** This node keeps the link as one of its homes. */
  weKeep = false;
  /** When the peer last said that it keeps the link. */
  theyKeptAt: number = Number.NEGATIVE_INFINITY;
  /** Records that came by push and were news, or not, since this was last judged. */
  pushedNews = 0;
  pushedOld = 0;
  /** We asked the peer not to push others' records, as they reach us sooner by another way; and it asked us. */
  weAreLazy = false;
  theyAreLazy = false;
  /** What seals our data for the peer, by its last word and our own measurement. */
  cipher: Cipher = 'chacha20-poly1305';
  lastHeard = 0;
  /** Since when data sent has had no answer; null while all is well. */
  waitingSince: number | null = null;
  activeUntil = 0;
  gateOpen = false;
  /** An invite that was open lately is served until then, though its last use may be spent. */
  welcomeUntil = 0;
  /** NAT class and endpoints of its last presence, to tell when they change. */
  whereabouts = '';
  /** The log said that the member is online. */
  saidOnline = false;
  /** When a bearer of an invite knocked first. */
  knownSince = 0;
  /** First session of this encounter, for the patience of the gate. */
  metAt = 0;
  /** Whether the ledgers were seen equal since the current epoch of freshness began. */
  agreed = false;
  ledger: Fingerprint = EMPTY_FINGERPRINT;
  presence: Fingerprint = EMPTY_FINGERPRINT;
  /** Next reconciliation of each set with this peer. */
  readonly reconcile: [Reconciliation, Reconciliation] = [newReconciliation(), newReconciliation()];
  punch: PunchState = {
    txid: 0,
    volleys: [],
    verdictAt: null,
    nextAt: 0,
    failures: 0,
    answered: false,
    servedAt: Number.NEGATIVE_INFINITY,
  };
  /** Connection attempts as a home that failed, and when the next may start. */
  homeFailures = 0;
  homeRetryAt = 0;
  homeTriedAt = 0;
  /** The peer's signed word for the link between us. */
  grant: { readonly epoch: number; readonly signature: Uint8Array } | null = null;
  /** Sequence of the last record before it fell silent; null while it is heard. */
  silentAfter: number | null = null;
  grantAskedAt: number = Number.NEGATIVE_INFINITY;
  readonly messages: TokenBucket = new TokenBucket(MESSAGES.rate, MESSAGES.burst);
  readonly checks: TokenBucket = new TokenBucket(CHECKS.rate, CHECKS.burst);
  readonly gifts: TokenBucket = new TokenBucket(400, 400);

  constructor(handle: PeerHandle, identity: PeerIdentity) {
    this.handle = handle;
    this.identity = identity;
  }

  get id(): NodeId {
    return this.identity.id;
  }

  get isMember(): boolean {
    return this.identity.kind === 'member';
  }

  get hasSession(): boolean {
    return this.sessions.size > 0;
  }

  /** Endpoint of the current path if that is direct. */
  get directEndpoint(): Endpoint | null {
    return this.current?.path.kind === 'direct' ? this.current.path.endpoint : null;
  }
}

export function directKey(endpoint: Endpoint): string {
  return `d ${endpoint}`;
}

export function relayKey(hop: NodeId): string {
  return `r ${hop}`;
}

/** Where an answer goes that takes the way back. */
export function reversePath(origin: Origin, peer: NodeId): Path {
  return origin.kind === 'direct'
    ? { kind: 'direct', endpoint: origin.endpoint }
    : { kind: 'relay', hop: origin.hop, dst: peer };
}
