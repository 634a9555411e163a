/** Who is next to this node, and the graph that its links and everybody's published links make. */
import type { NodeId } from '@kith/core';
import type { Context } from './context.ts';
import type { Paths } from './paths.ts';
import type { Peer } from './peer.ts';
import { Graph } from './routes.ts';
import type { Link } from './routes.ts';
import { isOnline } from './status.ts';

/** ms: a graph is not made anew before, and not kept for longer. */
const YOUNG = 250;
const OLD = 1000;

export class Neighbourhood {
  readonly #context: Context;
  readonly #paths: Paths;
  #known: { readonly graph: Graph; readonly at: number; readonly version: number } | null = null;

  constructor(context: Context, paths: Paths) {
    this.#context = context;
    this.#paths = paths;
  }

  /** Met members whose data goes by a live direct path, nearest first. */
  neighbours(now: number): Peer[] {
    const found: Peer[] = [];
    for (const peer of this.#context.met()) {
      const { current } = peer;
      if (peer.isMember && current?.path.kind === 'direct' && this.#paths.isLive(current, now)) found.push(peer);
    }
    return found.toSorted((a, b) => (a.current?.rtt ?? OLD) - (b.current?.rtt ?? OLD) || (a.id < b.id ? -1 : 1));
  }

  /** All that is known of, a pair perhaps twice: as it was published, and as this node measures it. */
  links(now: number): Link[] {
    const { self, presences } = this.#context;
    const links = presences.links();
    for (const { id, current } of this.neighbours(now)) {
      if (current !== null) links.push({ a: self, b: id, rtt: current.rtt ?? 100, loss: current.loss });
    }
    return links;
  }

  graph(now: number): Graph {
    const { version } = this.#context.presences;
    if (this.#known !== null) {
      const age = now - this.#known.at;
      if (age < YOUNG || (age < OLD && this.#known.version === version)) return this.#known.graph;
    }
    const graph = new Graph(this.links(now), this.#relays(now));
    this.#known = { graph, at: now, version };
    return graph;
  }

  /** Own links or the roster changed. */
  changed(): void {
    this.#known = null;
  }

  #relays(now: number): NodeId[] {
    const relays: NodeId[] = [this.#context.self];
    const { members } = this.#context.roster();
    for (const { presence } of this.#context.presences.all()) {
      if (!presence.relay || members.get(presence.id)?.mayRelay !== true) continue;
      if (isOnline(this.#context, presence.id, now)) relays.push(presence.id);
    }
    return relays;
  }
}
