import { BLOCK } from '../hashes.ts';
import { Rate } from './rate.ts';
import { RequestRing } from './request-ring.ts';

export interface PipelineLimits {
  /** Most requests that wait at one peer. */
  readonly maxRequests: number;
  /** How much time's worth of blocks is asked for ahead at most, ms. */
  readonly queueTime: number;
  /** Silence after which a peer that owes blocks counts as snubbing, ms. */
  readonly requestTimeout: number;
}

/** Requests that every peer is trusted with, whatever its rate. */
const LEAST_REQUESTS = 4;
/** Slow start ends when the rate grew by less than this factor since the last look. */
const GROWTH = 1.1;
/**
 * What is asked for ahead of what is on its way: time, ms, but no more bytes than that, and the way counted this often.
 * What is asked for late is decided on with more known of what is rare, and needs memory later.
 */
const SLACK = 300;
const SLACK_BYTES = 8 * 1_048_576;
const ROUND_TRIPS = 3;

/**
 * The requests that wait at one peer, in the order in which they were sent, and how many there should be: as many as the
 * peer serves in a few seconds, at first one more for each block that comes.
 */
export class Pipeline {
  /** How many should wait. */
  target: number = LEAST_REQUESTS;
  /** Payload that came. */
  readonly rate: Rate;
  /** When the last block came, or the first request was sent since none waited. */
  progressAt = 0;
  /** Times in a row that the peer let its requests time out. */
  snubs = 0;
  /** What the peer accepts (reqq, BEP 10). */
  peerLimit = 250;
  /** What a rate limit leaves for this peer, requests. */
  pace: number = Number.POSITIVE_INFINITY;
  readonly #limits: PipelineLimits;
  /** (piece, block, when it was sent). */
  readonly #ring = new RequestRing();
  #slowStart = true;
  #lastRate = 0;
  /** Least time from a request to its block, ms. */
  #roundTrip: number = Number.POSITIVE_INFINITY;

  constructor(limits: PipelineLimits, now: number) {
    this.#limits = limits;
    this.rate = new Rate(now);
  }

  get snubbed(): boolean {
    return this.snubs > 0;
  }

  /** Requests that wait. */
  get size(): number {
    return this.#ring.size;
  }

  /** Requests to send now; 0 until a good part of the pipeline is empty, so that they go out together. */
  get room(): number {
    const target = this.snubs > 0 ? 1 : Math.min(this.target, this.peerLimit, this.#limits.maxRequests, this.pace);
    return this.size > target - (target >> 2) ? 0 : Math.max(0, target - this.size);
  }

  /** Time until a block asked for now would be here, ms. */
  eta(): number {
    return (((this.size + 1) * BLOCK) / Math.max(this.rate.value, 1)) * 1000;
  }

  push(piece: number, block: number, now: number): void {
    if (this.size === 0) this.progressAt = now;
    this.#ring.push(piece, block, now);
  }

  has(piece: number, block: number): boolean {
    return this.#ring.find(piece, block) >= 0;
  }

  /** When it was asked for, or undefined. */
  sentAt(piece: number, block: number): number | undefined {
    const at = this.#ring.find(piece, block);
    return at < 0 ? undefined : this.#ring.note(at);
  }

  /** Its block came. False where it was not asked for. */
  answered(piece: number, block: number, now: number): boolean {
    const at = this.#ring.find(piece, block);
    if (at < 0) return false;
    const time = now - this.#ring.note(at);
    this.#roundTrip = Math.min(this.#roundTrip, time);
    if (this.#slowStart && time > 0) {
      // What waited when it was asked for came in this time.
      const ahead = this.#ahead((this.size * BLOCK * 1000) / time);
      if (time > ahead) {
        // More requests only wait longer by now.
        this.#slowStart = false;
        this.target = Math.max(LEAST_REQUESTS, Math.ceil((this.target * ahead) / time));
      }
    }
    this.#ring.delete(at);
    return true;
  }

  /** Takes a request out. False where it is not there. */
  delete(piece: number, block: number): boolean {
    const at = this.#ring.find(piece, block);
    if (at >= 0) this.#ring.delete(at);
    return at >= 0;
  }

  /** Takes all out, oldest first; `each` may put some back. */
  drain(each: (piece: number, block: number, sentAt: number) => void): void {
    this.#ring.drain(each);
  }

  received(bytes: number, now: number): void {
    this.rate.add(bytes);
    this.progressAt = now;
    this.snubs = 0;
    if (this.#slowStart && this.target < this.#limits.maxRequests) this.target++;
  }

  /** Once in a while: follows the rate. */
  adapt(now: number): void {
    const rate = this.rate.sample(now);
    const fitting = Math.ceil((rate * this.#ahead(rate)) / 1000 / BLOCK);
    if (this.#slowStart) {
      if (this.size > 0 && rate > 0 && rate < this.#lastRate * GROWTH) this.#slowStart = false;
      this.#lastRate = Math.max(rate, this.#lastRate);
      if (this.target < fitting) this.target = Math.min(fitting, this.#limits.maxRequests);
      return;
    }
    // At most half less at a time: one quiet second must not empty the pipe.
    const least = Math.max(LEAST_REQUESTS, this.target >> 1);
    this.target = Math.min(Math.max(fitting, least), this.#limits.maxRequests);
  }

  /** True where the peer owes blocks and was silent for too long. */
  timedOut(now: number): boolean {
    return this.size > 0 && now - this.progressAt > this.#limits.requestTimeout;
  }

  /** Time's worth of blocks that should be on the way at that rate, bytes per second; ms. */
  #ahead(rate: number): number {
    const slack = Math.min(SLACK, (SLACK_BYTES * 1000) / Math.max(rate, 1));
    return Math.min(this.#limits.queueTime, ROUND_TRIPS * this.#roundTrip + slack);
  }

  snub(): void {
    this.snubs++;
    this.#slowStart = false;
    this.target = LEAST_REQUESTS;
  }
}
