/**
 * What a node knows of the NAT in front of it (RFC 4787), from what others tell it: where its pings came from, and
 * whether anybody reached it unasked. One reflector cannot tell mapping kinds apart; a punch that failed although both
 * sides sent in time is the second witness.
 */
import { endpointParts, isIPv4, scopeOf } from '@kith/core';
import type { Address, Endpoint, NodeId } from '@kith/core';
import type { NatClass } from './api.ts';

/** An observation counts for this long in ms. */
const OBSERVATION_LIFE = 5 * 60 * 1000;
const MAX_OBSERVATIONS = 32;
/**
 * How long being reached unasked proves that one can be. Long: where all members hold sessions with each other nobody is
 * left to come unasked, and to be believed closed in error costs the network a way in, the reverse only a try.
 */
const REACHED_LIFE = 24 * 3600 * 1000;

interface Observation {
  readonly endpoint: Endpoint;
  readonly at: number;
}

export interface NatVerdict {
  readonly nat: NatClass;
  readonly reason: string;
  readonly reachable: boolean;
}

export class NatObserver {
  readonly #port: number;
  readonly #observations = new Map<NodeId, Observation>();
  #local: ReadonlySet<Address> = new Set();
  #reachedAt: number | null = null;
  #punchesFailed = 0;

  constructor(port: number) {
    this.#port = port;
  }

  setLocal(addresses: readonly Address[]): void {
    this.#local = new Set(addresses);
  }

  /** The network under the node changed: what was observed belongs to the old one. */
  forget(): void {
    this.#observations.clear();
    this.#reachedAt = null;
    this.#punchesFailed = 0;
  }

  /** A reflector said where our ping came from. True if this is news. */
  observe(reflector: NodeId, endpoint: Endpoint, now: number): boolean {
    const known = this.#observations.get(reflector);
    this.#observations.delete(reflector);
    this.#observations.set(reflector, { endpoint, at: now });
    const oldest = this.#observations.keys().next();
    if (this.#observations.size > MAX_OBSERVATIONS && oldest.done !== true) this.#observations.delete(oldest.value);
    return known?.endpoint !== endpoint;
  }

  /** A stranger's first datagram reached us from a public address although we had sent nothing there. */
  reachedUnasked(now: number): boolean {
    const news = !this.#isReached(now);
    this.#reachedAt = now;
    return news;
  }

  punchFailed(): void {
    this.#punchesFailed++;
  }

  punchWorked(): void {
    this.#punchesFailed = 0;
  }

  /** Public endpoints that others saw, most often seen first. */
  reflexive(now: number): readonly Endpoint[] {
    const votes = new Map<Endpoint, number>();
    for (const { endpoint } of this.#fresh(now)) votes.set(endpoint, (votes.get(endpoint) ?? 0) + 1);
    return [...votes].toSorted(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).map(([endpoint]) => endpoint);
  }

  verdict(now: number, hasStatic: boolean): NatVerdict {
    const seen = this.#fresh(now);
    if (hasStatic) return { nat: 'public', reason: 'an endpoint is configured', reachable: true };
    if (this.#isReached(now)) return { nat: 'public', reason: 'others reach this node unasked', reachable: true };
    if (seen.length === 0)
      return { nat: 'unknown', reason: 'nobody outside has said yet where this node comes from', reachable: false };
    return { ...this.#classify(seen), reachable: false };
  }

  #classify(seen: readonly Observation[]): { nat: NatClass; reason: string } {
    const own = (seen[0] as Observation).endpoint;
    const foreign = seen.filter(({ endpoint }) => !this.#local.has(endpointParts(endpoint).address));
    // What IPv6 shows of its own says nothing of the NAT that IPv4 goes through.
    const v4 = foreign.filter(({ endpoint }) => isIPv4(endpointParts(endpoint).address));
    const first = (v4[0] ?? foreign[0])?.endpoint;
    if (first === undefined) {
      const { address } = endpointParts(own);
      return { nat: 'none', reason: `its own address ${address} is seen outside; a firewall may close it` };
    }
    const { port } = endpointParts(first);
    const different = new Set(v4.map(({ endpoint }) => endpoint));
    if (different.size > 1) {
      const two = [...different].slice(0, 2).join(' and ');
      return { nat: 'symmetric', reason: `its router gives every destination another port (seen as ${two})` };
    }
    if (v4.length > 1) return { nat: 'easy', reason: `its router keeps ${first} for every destination` };
    if (port === this.#port) return { nat: 'easy', reason: `its router keeps port ${port}` };
    if (this.#punchesFailed > 0) {
      return {
        nat: 'symmetric',
        reason: `its router turns port ${this.#port} into ${port}, and punching through failed`,
      };
    }
    return {
      nat: 'unknown',
      reason: `its router turns port ${this.#port} into ${port}; one observer cannot tell more`,
    };
  }

  #isReached(now: number): boolean {
    return this.#reachedAt !== null && now - this.#reachedAt < REACHED_LIFE;
  }

  #fresh(now: number): Observation[] {
    return [...this.#observations.values()].filter(
      ({ endpoint, at }) => now - at < OBSERVATION_LIFE && scopeOf(endpointParts(endpoint).address) === 'global',
    );
  }
}
