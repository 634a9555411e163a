/** A lookup with its purpose: what is asked, what answers bring, and what is stored with the closest nodes at the end. */
import type { Encodable } from '../bencode.ts';
import type { Answer, Query } from './krpc.ts';
import type { Candidate, Lookup } from './lookup.ts';

/** What is sent: to whom, and what comes of it. */
export interface NextQuestion {
  readonly candidate: Candidate;
  readonly method: Query['method'];
  readonly args: { readonly [name: string]: Encodable | undefined };
  readonly storing: boolean;
}

export interface SearchPurpose {
  readonly method: 'find_node' | 'get_peers' | 'get' | 'sample_infohashes';
  readonly args: { readonly [name: string]: Encodable | undefined };
  /** An answer came. */
  heard?(answer: Answer, candidate: Candidate, now: number): void;
  /** What to store with a node that gave `token`; asked when the lookup is over. */
  store?(token: Uint8Array): Pick<NextQuestion, 'method' | 'args'> | undefined;
  /** Once. `stored` nodes took what was to be stored. */
  finished(outcome: SearchOutcome, now: number): void;
}

export interface SearchOutcome {
  /** Nodes that answered the lookup. */
  readonly answered: number;
  readonly stored: number;
  /** Queries that it took. */
  readonly queries: number;
}

export class Search {
  readonly lookup: Lookup;
  readonly purpose: SearchPurpose;
  #answered = 0;
  #stored = 0;
  #storing = 0;
  /** Who is left to store with, once the lookup is over. */
  #places: Candidate[] | undefined;
  #finished = false;

  constructor(lookup: Lookup, purpose: SearchPurpose) {
    this.lookup = lookup;
    this.purpose = purpose;
  }

  get finished(): boolean {
    return this.#finished;
  }

  /** The lookup is over, and somebody is left to store with. */
  get storing(): boolean {
    return (this.#places?.length ?? 0) > 0;
  }

  next(): NextQuestion | undefined {
    if (this.#places === undefined) {
      const candidate = this.lookup.next();
      const { method, args } = this.purpose;
      return candidate === undefined ? undefined : { candidate, method, args, storing: false };
    }
    for (let place = this.#places.shift(); place !== undefined; place = this.#places.shift()) {
      const store = place.token === undefined ? undefined : this.purpose.store?.(place.token);
      if (store === undefined) continue;
      this.#storing++;
      return { candidate: place, ...store, storing: true };
    }
    return undefined;
  }

  /** The search goes on where its lookup is over; true when all is done, once. */
  settle(now: number): boolean {
    if (this.#finished) return false;
    if (this.#places === undefined) {
      if (!this.lookup.done) return false;
      this.#places = this.purpose.store === undefined ? [] : this.lookup.closest();
    }
    if (this.#places.length > 0 || this.#storing > 0) return false;
    this.#finished = true;
    const { queries } = this.lookup;
    this.purpose.finished({ answered: this.#answered, stored: this.#stored, queries }, now);
    return true;
  }

  heard(answer: Answer, candidate: Candidate, now: number): void {
    this.#answered++;
    candidate.token = answer.token;
    this.lookup.answered(candidate);
    this.purpose.heard?.(answer, candidate, now);
  }

  storingEnded(stored: boolean): void {
    this.#storing--;
    if (stored) this.#stored++;
  }
}
