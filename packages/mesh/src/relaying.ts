/** Forwarding for others: which neighbour a relay frame goes to next, kept in step with the links. */
import type { Endpoint, NodeId } from '@kith/core';
import type { Context } from './context.ts';

/** Destinations programmed at once; the longest unused goes first. */
const MAX_ROUTES = 4096;
/** ms after which a destination that was not asked for again is forgotten. */
const ROUTE_LIFE = 300_000;

interface Route {
  hop: Endpoint | null;
  usedAt: number;
}

export class Relaying {
  readonly #context: Context;
  readonly #routes = new Map<NodeId, Route>();
  #sources = '';
  /** Live neighbours as of the last refresh. */
  #near: ReadonlyMap<NodeId, Endpoint> = new Map();

  constructor(context: Context) {
    this.#context = context;
  }

  /** The plane met a frame for a member without a next hop. */
  wanted(dst: NodeId, now: number): void {
    if (dst === this.#context.self || this.#context.peer(dst)?.isMember !== true) return;
    const known = this.#routes.get(dst);
    this.#routes.delete(dst);
    const oldest = this.#routes.keys().next();
    if (this.#routes.size >= MAX_ROUTES && oldest.done !== true) this.#drop(oldest.value);
    this.#routes.set(dst, { hop: known?.hop ?? null, usedAt: now });
    this.#program(dst, now);
  }

  /** Links, neighbours or rights changed. */
  refresh(now: number): void {
    const neighbours = this.#context.neighbours(now);
    this.#near = new Map(
      neighbours.flatMap(({ id, directEndpoint }) => (directEndpoint ? [[id, directEndpoint]] : [])),
    );
    const sources = neighbours.flatMap((peer) =>
      [...peer.candidates.values()].flatMap((c) =>
        c.path.kind === 'direct' && c.lastHeard > 0 && now - c.lastHeard < 60_000 ? [c.path.endpoint] : [],
      ),
    );
    const key = sources.toSorted().join(' ');
    if (key !== this.#sources) {
      this.#sources = key;
      this.#context.init.plane.setRelaySources(sources);
    }
    for (const [dst, route] of this.#routes) {
      if (now - route.usedAt > ROUTE_LIFE || this.#context.peer(dst) === null) this.#drop(dst);
      else this.#program(dst, now);
    }
  }

  #program(dst: NodeId, now: number): void {
    const route = this.#routes.get(dst);
    if (route === undefined) return;
    const hop = this.#mayRelay() ? this.#nextHop(dst, now) : null;
    if (hop === route.hop) return;
    route.hop = hop;
    this.#context.init.plane.setNextHop(dst, hop);
  }

  #mayRelay(): boolean {
    return this.#context.init.config.relay && this.#context.roster().members.get(this.#context.self)?.mayRelay === true;
  }

  #nextHop(dst: NodeId, now: number): Endpoint | null {
    const straight = this.#near.get(dst);
    // A detour may be quicker by some milliseconds, but that its relay died is noticed late: nobody here waits for answers.
    if (straight !== undefined) return straight;
    const next = this.#context.graph(now).firstHop(this.#context.self, dst);
    return next === null ? null : (this.#context.peer(next)?.directEndpoint ?? null);
  }

  #drop(dst: NodeId): void {
    this.#routes.delete(dst);
    this.#context.init.plane.setNextHop(dst, null);
  }
}
