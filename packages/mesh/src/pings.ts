/** `kith ping`: one answer over the mesh's own messages, with a path opened for it where there is none. */
import type { PingResult } from './api.ts';
import type { Context } from './context.ts';
import type { Paths } from './paths.ts';
import type { Peer } from './peer.ts';
import { pathReason } from './reason.ts';

interface PingJob {
  readonly peer: Peer;
  readonly deadline: number;
  readonly done: (result: PingResult) => void;
}

export class Pings {
  readonly #context: Context;
  readonly #paths: Paths;
  readonly #connect: (peer: Peer, now: number) => void;
  readonly #jobs = new Set<PingJob>();

  constructor(context: Context, paths: Paths, connect: (peer: Peer, now: number) => void) {
    this.#context = context;
    this.#paths = paths;
    this.#connect = connect;
  }

  get waiting(): boolean {
    return this.#jobs.size > 0;
  }

  add(peer: Peer, timeout: number, now: number, done: (result: PingResult) => void): void {
    this.#jobs.add({ peer, deadline: now + timeout, done });
    this.serve(now);
  }

  serve(now: number): void {
    for (const job of this.#jobs) {
      const { peer } = job;
      if (now >= job.deadline) this.#finish(job, null, now);
      else if (!peer.hasSession || peer.current === null) this.#connect(peer, now);
      else this.#paths.ping(peer, peer.current, now, (rtt) => this.#finish(job, rtt, now + rtt));
    }
  }

  /** The peer is a member no more: nobody will answer. */
  forget(peer: Peer, now: number): void {
    for (const job of this.#jobs) if (job.peer === peer) this.#finish(job, null, now);
  }

  #finish(job: PingJob, rttMs: number | null, now: number): void {
    if (!this.#jobs.delete(job)) return;
    job.done({ rttMs, path: this.#paths.view(job.peer, now, (peer) => pathReason(this.#context, peer, now)) });
  }
}
