/** What the portable plane keeps for one peer: its sessions, its way out, the packets that wait, the counts. */
import type { Endpoint } from '@kith/core';
import type { Origin, Path, PeerCounters, PeerHandle, PlanePeer } from '@kith/mesh';
import type { Session } from './session.ts';

/** A path made ready: where datagrams go and the relay header before them (empty for a direct path). */
export interface Way {
  readonly endpoint: Endpoint;
  readonly header: Uint8Array;
}

export type Slot = 'current' | 'previous' | 'next';
export const SLOTS: readonly Slot[] = ['current', 'previous', 'next'];

export class Peer {
  readonly handle: PeerHandle;
  spec: PlanePeer;
  way: Way | null = null;
  current: Session | null = null;
  previous: Session | null = null;
  next: Session | null = null;
  readonly queue: Uint8Array[] = [];
  /** Keep-alives count from here until something was sent. */
  keepAliveFrom: number;
  noSessionAt: number = Number.NEGATIVE_INFINITY;
  sentBytes = 0;
  sentPackets = 0;
  receivedBytes = 0;
  receivedPackets = 0;
  lastDataSent = 0;
  lastDataReceived = 0;
  lastReceived = 0;
  lastSent = 0;
  #roamedKey = '';
  #roamedAt: number = Number.NEGATIVE_INFINITY;

  constructor(spec: PlanePeer, now: number) {
    this.handle = spec.peer;
    this.spec = spec;
    this.keepAliveFrom = now;
  }

  /** The session that sends at `now`, if there is one. */
  sender(now: number): Session | null {
    return this.current?.maySend(now) === true ? this.current : null;
  }

  /** Puts a new session into its slot (white paper 6.1, 5.4.6) and returns those that fall out. */
  install(session: Session): readonly Session[] {
    const before = SLOTS.flatMap((slot) => this[slot] ?? []);
    if (session.initiator) {
      this.previous = this.next ?? this.current;
      this.next = null;
      this.current = session;
    } else {
      this.next = session;
      this.previous = null;
    }
    return before.filter((old) => this.slotOf(old) === null);
  }

  /** Makes the confirmed `next` current and returns what falls out. */
  promote(): Session | null {
    const out = this.previous;
    this.previous = this.current;
    this.current = this.next;
    this.next = null;
    return out;
  }

  slotOf(session: Session): Slot | null {
    return SLOTS.find((slot) => this[slot] === session) ?? null;
  }

  /** When the plane must send a keep-alive: monotonic ms, null for never as things are. */
  keepAliveAt(): number | null {
    if (this.spec.keepAlive <= 0 || this.current === null || this.way === null) return null;
    return Math.max(this.lastSent, this.keepAliveFrom) + this.spec.keepAlive * 1000;
  }

  /** Whether `origin` is another way than the peer's path, and news: the same way counts once a second. */
  roams(origin: Origin, now: number): boolean {
    if (cameBy(origin, this.spec.path)) return false;
    const key = `${origin.kind} ${origin.kind === 'direct' ? origin.endpoint : origin.hop}`;
    if (key === this.#roamedKey && now - this.#roamedAt < 1000) return false;
    this.#roamedKey = key;
    this.#roamedAt = now;
    return true;
  }

  counters(): PeerCounters {
    return {
      sentBytes: this.sentBytes,
      sentPackets: this.sentPackets,
      receivedBytes: this.receivedBytes,
      receivedPackets: this.receivedPackets,
      lastDataSent: this.lastDataSent,
      lastDataReceived: this.lastDataReceived,
      lastReceived: this.lastReceived,
      lastSent: this.lastSent,
      currentSendCounter: this.current?.sendCounter ?? 0,
      currentIndex: this.current?.localIndex ?? 0,
      queued: this.queue.length,
    };
  }
}

function cameBy(origin: Origin, path: Path | null): boolean {
  if (origin.kind === 'direct') return path?.kind === 'direct' && path.endpoint === origin.endpoint;
  return path?.kind === 'relay' && path.hop === origin.hop;
}
