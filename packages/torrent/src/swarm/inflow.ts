import type { Peer } from './peer.ts';
import type { Throttle } from './throttle.ts';

/** The download limit: who brought more than it allows is not read from until the debt is paid. */
export class Inflow {
  readonly #throttles: readonly Throttle[];
  #paused: Peer[] = [];

  /** @param throttles that of the torrent and that of all torrents */
  constructor(throttles: readonly Throttle[]) {
    this.#throttles = throttles;
  }

  /** Rate that the limits leave, bytes per second, or infinity. */
  get rate(): number {
    return Math.min(...this.#throttles.map((throttle) => throttle.rate));
  }

  /** Payload came from the peer. Returns when to call `resume`, or undefined. */
  took(peer: Peer, bytes: number, now: number): number | undefined {
    for (const throttle of this.#throttles) throttle.take(bytes);
    if (this.#open(now)) return undefined;
    if (!peer.pausedForRate) {
      peer.pausedForRate = true;
      peer.wire.pause();
      this.#paused.push(peer);
    }
    return this.#opensAt(now);
  }

  /** Returns when to call again, or undefined. */
  resume(now: number): number | undefined {
    if (this.#paused.length === 0) return undefined;
    if (!this.#open(now)) return this.#opensAt(now);
    const paused = this.#paused;
    this.#paused = [];
    for (const peer of paused) {
      peer.pausedForRate = false;
      // It was this side that kept silent.
      peer.pipeline.progressAt = now;
      if (!peer.gone && !peer.pausedForOutput) peer.wire.resume();
    }
    return undefined;
  }

  #open(now: number): boolean {
    return this.#throttles.every((throttle) => throttle.open(now));
  }

  #opensAt(now: number): number {
    return Math.max(...this.#throttles.map((throttle) => throttle.opensAt(now)));
  }
}
