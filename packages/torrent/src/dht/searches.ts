/** The lookups under way: so many at a time, each asking a few nodes, all together within a rate. */
import { equalBytes, TokenBucket } from '@kith/core';
import type { Contact, NodeAddress } from './contact.ts';
import type { Answer, Refusal } from './krpc.ts';
import type { DhtLimits } from './limits.ts';
import { Lookup } from './lookup.ts';
import type { Asker } from './questions.ts';
import { type NextQuestion, Search, type SearchPurpose } from './search.ts';

export interface SearchesParts {
  readonly limits: DhtLimits;
  readonly exemptLocal: boolean;
  readonly onlySecure: boolean;
  readonly closest: (target: Uint8Array) => readonly Contact[];
  /** Nodes of an answer that may be talked to. */
  readonly usable: (answer: Answer, from: NodeAddress) => readonly Contact[];
  readonly full: () => boolean;
  readonly ask: (to: NodeAddress, question: Pick<NextQuestion, 'method' | 'args'>, asker: Asker, now: number) => void;
}

/** Wait for the rate to allow more, ms: a few queries at once. */
const STARVED = 50;

export class Searches {
  readonly #parts: SearchesParts;
  readonly #budget: TokenBucket;
  /** A query that may be sent and had nobody to go to. */
  #mayAsk = false;
  #running: Search[] = [];
  readonly #waiting: { readonly target: Uint8Array; readonly purpose: SearchPurpose }[] = [];
  #starved = false;
  #inside = false;

  constructor(parts: SearchesParts) {
    this.#parts = parts;
    this.#budget = new TokenBucket(parts.limits.queries, parts.limits.queriesBurst);
  }

  get running(): number {
    return this.#running.length;
  }

  /** Another one would begin at once. */
  get room(): boolean {
    return this.#running.length < this.#parts.limits.lookups && this.#waiting.length === 0;
  }

  /** False, and `finished` is not called, where too many wait already. `run` begins it. */
  start(target: Uint8Array, purpose: SearchPurpose): boolean {
    if (this.#waiting.length >= this.#parts.limits.waitingLookups) return false;
    this.#waiting.push({ target, purpose });
    return true;
  }

  /** A query outside of lookups: takes part in the rate. */
  mayAsk(now: number): boolean {
    return !this.#parts.full() && this.#budget.take(now);
  }

  /** Asks what may be asked now. */
  run(now: number): void {
    if (this.#inside) return;
    this.#inside = true;
    this.#starved = false;
    do {
      this.#fill();
      this.#ask(now);
    } while (this.#settle(now));
    this.#inside = false;
  }

  /** When `run` has something to do that no answer brings; infinity where it has not. */
  nextWake(now: number): number {
    if (this.#starved) return now + STARVED;
    const mayStart = this.#waiting.length > 0 && this.#running.length < this.#parts.limits.lookups;
    return mayStart ? now : Number.POSITIVE_INFINITY;
  }

  #fill(): void {
    const { closest, limits } = this.#parts;
    while (this.#running.length < limits.lookups) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      const lookup = new Lookup(next.target, this.#parts);
      for (const contact of closest(next.target)) lookup.add(contact);
      this.#running.push(new Search(lookup, next.purpose));
    }
  }

  #ask(now: number): void {
    // Whoever came last in the round before comes first.
    const [first] = this.#running;
    if (first !== undefined) this.#running = [...this.#running.slice(1), first];
    for (const search of this.#running) {
      for (;;) {
        this.#mayAsk ||= this.mayAsk(now);
        if (!this.#mayAsk) {
          this.#starved = true;
          return;
        }
        const question = search.next();
        if (question === undefined) break;
        this.#mayAsk = false;
        this.#parts.ask(question.candidate.contact, question, this.#asker(search, question), now);
      }
    }
  }

  /** True where a place became free or something is left to ask. */
  #settle(now: number): boolean {
    let more = false;
    for (const search of this.#running) {
      if (search.settle(now)) more = true;
      else if (!this.#starved && search.lookup.done && search.storing) more = true;
    }
    this.#running = this.#running.filter(({ finished }) => !finished);
    return more;
  }

  #asker(search: Search, { candidate, storing }: NextQuestion): Asker {
    if (storing) {
      const ended = (stored: boolean, now: number): void => {
        search.storingEnded(stored);
        this.run(now);
      };
      return { answered: (_, now) => ended(true, now), failed: (_, now) => ended(false, now) };
    }
    const { lookup } = search;
    return {
      answered: (answer: Answer, now: number) => {
        const { contact } = candidate;
        if (equalBytes(answer.id, contact.id)) {
          search.heard(answer, candidate, now);
          for (const found of this.#parts.usable(answer, contact)) lookup.add(found, candidate);
        } else {
          // It is somebody else than it was said to be.
          lookup.failed(candidate);
          lookup.add({ id: answer.id, ip: contact.ip, port: contact.port });
        }
        this.run(now);
      },
      slow: (now: number) => {
        lookup.slow(candidate);
        this.run(now);
      },
      failed: (_: Refusal | undefined, now: number) => {
        lookup.failed(candidate);
        this.run(now);
      },
    };
  }
}
