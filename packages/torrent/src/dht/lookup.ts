/**
 * One iterative lookup (BEP 5, Kademlia): asks the closest known candidates for closer ones until the closest all have
 * answered. It decides whom to ask and sends nothing.
 *
 * Against those who answer with inventions: who names nodes that are not there loses the rest of those it named; a /24 or
 * /64 has one place among those who answer; nodes that do not stand where their address says (BEP 42) are some of the result
 * and never all of it.
 */
import { toHex } from '@kith/core';
import { type Contact, endpointKey, isLocal, netOf } from './contact.ts';
import { compareDistance } from './distance.ts';
import type { DhtLimits } from './limits.ts';
import { isSecureId } from './secure-id.ts';

export interface Candidate {
  readonly contact: Contact;
  readonly secure: boolean;
  readonly referrer: Candidate | undefined;
  /** `slow` is asked and given some more time. */
  state: 'fresh' | 'asked' | 'slow' | 'answered' | 'failed';
  /** How many that it named were not there. */
  lies: number;
  token: Uint8Array | undefined;
}

export interface LookupOptions {
  readonly limits: DhtLimits;
  readonly exemptLocal: boolean;
  readonly onlySecure: boolean;
}

const MOST_LIES = 4;
/** Questions to one /24 or /64 in a lookup, however many of its nodes fail. */
const MOST_PER_NET = 3;

export class Lookup {
  readonly target: Uint8Array;
  readonly #options: LookupOptions;
  /** The closest first. */
  readonly #candidates: Candidate[] = [];
  readonly #known = new Set<string>();
  /** Of each /24 or /64: questions in all, and those that are open or were answered. */
  readonly #nets = new Map<string, { asked: number; holding: number }>();
  #queries = 0;
  #open = 0;

  constructor(target: Uint8Array, options: LookupOptions) {
    this.target = target;
    this.#options = options;
  }

  get queries(): number {
    return this.#queries;
  }

  add(contact: Contact, referrer?: Candidate): void {
    const { limits, onlySecure } = this.#options;
    const key = `${endpointKey(contact)} ${toHex(contact.id)}`;
    if (this.#known.has(key)) return;
    const secure = isSecureId(contact.id, contact.ip);
    if (onlySecure && !secure) return;
    let at = this.#candidates.length;
    while (at > 0 && compareDistance(this.target, contact.id, (this.#candidates[at - 1] as Candidate).contact.id) < 0)
      at--;
    if (at >= limits.candidates) return;
    // A lookup that is told of ever more ends by its bound of questions; what it remembers is bounded, too.
    if (this.#known.size >= 16 * limits.candidates) return;
    this.#known.add(key);
    this.#candidates.splice(at, 0, { contact, secure, referrer, state: 'fresh', lies: 0, token: undefined });
    if (this.#candidates.length > limits.candidates) this.#dropFarthest();
  }

  /** Whom to ask now; undefined while others have to answer first, or where nobody is left. */
  next(): Candidate | undefined {
    const { limits } = this.#options;
    if (this.#open >= limits.parallel || this.#queries >= limits.lookupQueries) return undefined;
    for (const candidate of this.#reach()) {
      if (candidate.state !== 'fresh' || !this.#trusted(candidate)) continue;
      const net = this.#netOf(candidate);
      if (net.holding >= 1 || net.asked >= MOST_PER_NET) continue;
      net.holding++;
      net.asked++;
      candidate.state = 'asked';
      this.#queries++;
      this.#open++;
      return candidate;
    }
    return undefined;
  }

  answered(candidate: Candidate): void {
    this.#close(candidate);
    candidate.state = 'answered';
  }

  /** It takes its time: somebody else may be asked meanwhile. */
  slow(candidate: Candidate): void {
    if (candidate.state !== 'asked') return;
    this.#close(candidate);
    candidate.state = 'slow';
  }

  failed(candidate: Candidate): void {
    if (candidate.state === 'failed') return;
    this.#close(candidate);
    candidate.state = 'failed';
    this.#netOf(candidate).holding--;
    if (candidate.referrer !== undefined) candidate.referrer.lies++;
  }

  /** Nobody is left to be asked and nobody owes an answer. Slow ones are waited for: they may be the closest. */
  get done(): boolean {
    const exhausted = this.#queries >= this.#options.limits.lookupQueries;
    for (const candidate of this.#reach()) {
      if (candidate.state === 'asked' || candidate.state === 'slow') return false;
      if (candidate.state !== 'fresh' || exhausted || !this.#trusted(candidate)) continue;
      const net = this.#netOf(candidate);
      if (net.holding < 1 && net.asked < MOST_PER_NET) return false;
    }
    return true;
  }

  /** Those who answered, closest first: k whose ids are right for their address, and at most k others among them. */
  closest(): Candidate[] {
    return [...this.#reach()].filter(({ state }) => state === 'answered');
  }

  /**
   * The candidates from the closest on, as far as the result reaches. Of those with ids of their own choice there may be any
   * number right at the target: they must not be able to fill the result.
   */
  *#reach(): Generator<Candidate> {
    const { closest } = this.#options.limits;
    let secure = 0;
    let others = 0;
    for (const candidate of this.#candidates) {
      if (secure >= closest) return;
      if (!candidate.secure && others >= closest) continue;
      yield candidate;
      if (candidate.state !== 'answered') continue;
      if (candidate.secure) secure++;
      else others++;
    }
  }

  #trusted({ referrer }: Candidate): boolean {
    return referrer === undefined || referrer.lies < MOST_LIES;
  }

  #close({ state }: Candidate): void {
    if (state === 'asked') this.#open--;
  }

  #netOf({ contact }: Candidate): { asked: number; holding: number } {
    const exempt = this.#options.exemptLocal && isLocal(contact.ip);
    const key = exempt ? endpointKey(contact) : netOf(contact.ip);
    let net = this.#nets.get(key);
    if (net === undefined) this.#nets.set(key, (net = { asked: 0, holding: 0 }));
    return net;
  }

  #dropFarthest(): void {
    for (let i = this.#candidates.length - 1; i >= 0; i--) {
      if (this.#candidates[i]?.state !== 'fresh') continue;
      this.#candidates.splice(i, 1);
      return;
    }
  }
}
