import type { PeerAddress } from '../wire/duplex.ts';
import { Heap } from './heap.ts';

/** Who named a peer. */
export type PeerSource = 'tracker' | 'dht' | 'pex' | 'lsd' | 'mesh' | 'user' | 'incoming';

type CandidateState = 'idle' | 'dialing' | 'connected' | 'refused';

export interface Candidate {
  readonly address: PeerAddress;
  readonly source: PeerSource;
  /** Of the canonical priority (BEP 40); higher first. */
  readonly priority: number;
  state: CandidateState;
  failures: number;
  /** Wait before it is tried again once it worked and ended, ms, while something is missing. */
  again: number;
  /** Monotonic ms before which it is not dialled. */
  notBefore: number;
  /** It knows no encryption: dialled without. */
  plain: boolean;
  /** It had everything when it was last seen: of no use to a seed. */
  seed: boolean;
}

/** Wait after the first failure, ms; doubles with each. */
const FIRST_WAIT = 15_000;
const LONGEST_WAIT = 3_600_000;
/** Failures after which a candidate is forgotten. */
const MOST_FAILURES = 8;
/**
 * A connection that worked and ended is tried again after this; sooner at first, doubling, where something is missing that
 * the peer may have: some end a connection when they begin to give, or turn away whom they take soon after.
 */
const AGAIN = 30_000;
const FIRST_AGAIN = 2000;

/** How a connection ended, or the try to have one. */
export interface Ending {
  /** The peer answered, and did nothing wrong. */
  readonly useful: boolean;
  /** It may be one that knows no encryption. */
  readonly retryPlain: boolean;
  /** Something is wanted that it may have. */
  readonly missing?: boolean;
}

/** Who may be connected to: the candidates of one torrent, in the order in which they are dialled. */
export class PeerBook {
  readonly #most: number;
  readonly #candidates = new Map<string, Candidate>();
  /** May hold the same candidate twice and ones that are busy: looked at when their turn comes. */
  readonly #ready = new Heap<Candidate>(
    (a, b) => a.failures < b.failures || (a.failures === b.failures && a.priority > b.priority),
  );
  readonly #later = new Heap<Candidate>((a, b) => a.notBefore < b.notBefore);

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#candidates.size;
  }

  /** When the next candidate may be dialled, infinity where none waits. */
  get nextAt(): number {
    if (this.#ready.size > 0) return Number.NEGATIVE_INFINITY;
    return this.#later.peek()?.notBefore ?? Number.POSITIVE_INFINITY;
  }

  /** True where it is new. Where the book is full nobody new gets in: who is in has been there longer than a flood. */
  add(address: PeerAddress, source: PeerSource, priority: number, seed: boolean): boolean {
    if (address.port < 1 || address.port > 65_535) return false;
    const key = keyOf(address);
    const known = this.#candidates.get(key);
    if (known !== undefined) {
      if (seed) known.seed = true;
      return false;
    }
    if (this.#candidates.size >= this.#most) return false;
    const candidate: Candidate = {
      address,
      source,
      priority,
      state: 'idle',
      failures: 0,
      again: FIRST_AGAIN,
      notBefore: Number.NEGATIVE_INFINITY,
      plain: false,
      seed,
    };
    this.#candidates.set(key, candidate);
    this.#ready.push(candidate);
    return true;
  }

  get(address: PeerAddress): Candidate | undefined {
    return this.#candidates.get(keyOf(address));
  }

  /** The best candidate that is free, and marks it as being dialled. */
  next(now: number, skipSeeds: boolean): Candidate | undefined {
    for (let due = this.#later.peek(); due !== undefined && due.notBefore <= now; due = this.#later.peek()) {
      this.#later.pop();
      if (due.state === 'idle' && due.notBefore <= now) this.#ready.push(due);
    }
    for (let best = this.#ready.pop(); best !== undefined; best = this.#ready.pop()) {
      if (best.state !== 'idle' || best.notBefore > now || this.get(best.address) !== best) continue;
      if (skipSeeds && best.seed) {
        // Not lost: whoever stops seeding asks again later.
        best.notBefore = now + LONGEST_WAIT;
        this.#later.push(best);
        continue;
      }
      best.state = 'dialing';
      return best;
    }
    return undefined;
  }

  connected(address: PeerAddress): void {
    const candidate = this.get(address);
    if (candidate === undefined) return;
    candidate.state = 'connected';
  }

  /** The connection that was there, or was tried, is gone. */
  ended(address: PeerAddress, how: Ending, now: number): void {
    const candidate = this.get(address);
    if (candidate === undefined || candidate.state === 'refused') return;
    candidate.state = 'idle';
    if (how.retryPlain && !candidate.plain) {
      candidate.plain = true;
      this.#ready.push(candidate);
      return;
    }
    candidate.failures = how.useful ? 0 : candidate.failures + 1;
    if (candidate.failures >= MOST_FAILURES && candidate.source !== 'user') {
      this.#candidates.delete(keyOf(address));
      return;
    }
    candidate.notBefore = now + this.#wait(candidate, how);
    this.#later.push(candidate);
  }

  /** Whom there was nothing wrong with may be dialled at once: connections are wanted again. */
  retry(): void {
    for (const candidate of this.#candidates.values()) {
      if (candidate.state !== 'idle' || candidate.failures > 0) continue;
      candidate.notBefore = Number.NEGATIVE_INFINITY;
      this.#ready.push(candidate);
    }
  }

  /** Never dialled again: it is this node itself, or was banned. */
  refuse(address: PeerAddress): void {
    const candidate = this.get(address);
    if (candidate !== undefined) candidate.state = 'refused';
  }

  #wait(candidate: Candidate, { useful, missing = false }: Ending): number {
    if (!useful) return Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (candidate.failures - 1));
    if (!missing) return AGAIN;
    const wait = candidate.again;
    candidate.again = Math.min(AGAIN, 2 * wait);
    return wait;
  }
}

export function keyOf(address: PeerAddress): string {
  return `${address.ip} ${address.port}`;
}
