/**
 * The graph of links and shortest paths over it. Costs are symmetric: RTT in ms plus a penalty for loss and a constant
 * per hop. Only members that relay stand inside a path; anybody may stand at its end.
 */
import type { NodeId } from '@kith/core';

/** What one more hop costs in ms beside its RTT: prefers the shorter of two equally quick ways. */
const HOP_COST = 2;
/** Cost in ms of losing everything; loss counts quadratically, so that a little noise does not move paths. */
const LOSS_COST = 1000;

export interface Link {
  readonly a: NodeId;
  readonly b: NodeId;
  /** ms */
  readonly rtt: number;
  /** 0..1 */
  readonly loss: number;
}

export function linkCost(rtt: number, loss: number): number {
  return rtt + HOP_COST + LOSS_COST * loss * loss;
}

/** Distances towards one member, and the next member on the way from each. */
export interface Tree {
  readonly cost: ReadonlyMap<NodeId, number>;
  readonly next: ReadonlyMap<NodeId, NodeId>;
}

export class Graph {
  readonly #edges = new Map<NodeId, Map<NodeId, number>>();
  readonly #relays = new Set<NodeId>();
  readonly #trees = new Map<string, Tree>();

  constructor(links: Iterable<Link>, relays: Iterable<NodeId>) {
    for (const link of links) {
      const cost = linkCost(link.rtt, link.loss);
      this.#connect(link.a, link.b, cost);
      this.#connect(link.b, link.a, cost);
    }
    for (const relay of relays) this.#relays.add(relay);
  }

  /**
   * Shortest paths from everywhere to `target` (Dijkstra from the target; the costs are symmetric). Remembered.
   * @param avoid a member that must not stand inside a path
   */
  towards(target: NodeId, avoid: NodeId | null = null): Tree {
    const key = avoid === null ? target : `${target} ${avoid}`;
    const known = this.#trees.get(key);
    if (known !== undefined) return known;
    const tree = this.#dijkstra(target, avoid);
    this.#trees.set(key, tree);
    return tree;
  }

  /** Members from `from` to `target`, both included; null if there is no way. */
  path(from: NodeId, target: NodeId): readonly NodeId[] | null {
    const tree = this.towards(target);
    const path = [from];
    for (let at = from; at !== target;) {
      const next = tree.next.get(at);
      if (next === undefined || path.length > tree.next.size) return null;
      path.push(next);
      at = next;
    }
    return path;
  }

  /** Whether the two share a link. */
  linked(a: NodeId, b: NodeId): boolean {
    return this.#edges.get(a)?.has(b) === true;
  }

  /** The member after `from` on the way to `target`; null if there is no way. One search serves all targets. */
  firstHop(from: NodeId, target: NodeId): NodeId | null {
    const { next } = this.towards(from);
    let at = target;
    for (let steps = 0; steps <= next.size; steps++) {
      const before = next.get(at);
      if (before === undefined) return null;
      if (before === from) return at;
      at = before;
    }
    return null;
  }

  #connect(from: NodeId, to: NodeId, cost: number): void {
    const edges = this.#edges.get(from) ?? new Map<NodeId, number>();
    this.#edges.set(from, edges);
    edges.set(to, Math.min(cost, edges.get(to) ?? Number.POSITIVE_INFINITY));
  }

  #dijkstra(target: NodeId, avoid: NodeId | null): Tree {
    const cost = new Map<NodeId, number>([[target, 0]]);
    const next = new Map<NodeId, NodeId>();
    const done = new Set<NodeId>();
    const heap = new CostHeap();
    heap.push(0, target);
    for (let top = heap.pop(); top !== null; top = heap.pop()) {
      if (done.has(top)) continue;
      done.add(top);
      // A member that does not relay is reached, but nothing goes on through it.
      if (top !== target && (top === avoid || !this.#relays.has(top))) continue;
      const base = cost.get(top) as number;
      for (const [to, weight] of this.#edges.get(top) ?? []) {
        const through = base + weight;
        const known = cost.get(to);
        // Equal costs are decided by the smaller id: every node then agrees on one of two equal ways.
        const wins = known === undefined || through < known || (through === known && top < (next.get(to) as NodeId));
        if (done.has(to) || !wins) continue;
        cost.set(to, through);
        next.set(to, top);
        heap.push(through, to);
      }
    }
    return { cost, next };
  }
}

/** Binary heap of members by cost; ties by id, so that the order never depends on insertion. */
class CostHeap {
  readonly #items: [number, NodeId][] = [];

  push(cost: number, id: NodeId): void {
    const items = this.#items;
    items.push([cost, id]);
    let at = items.length - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#before(at, parent)) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  pop(): NodeId | null {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (top === undefined || last === undefined) return null;
    if (items.length > 0) {
      items[0] = last;
      let at = 0;
      for (;;) {
        let least = at;
        for (const child of [2 * at + 1, 2 * at + 2])
          if (child < items.length && this.#before(child, least)) least = child;
        if (least === at) break;
        this.#swap(at, least);
        at = least;
      }
    }
    return top[1];
  }

  #before(i: number, j: number): boolean {
    const [a, b] = [this.#items[i] as [number, NodeId], this.#items[j] as [number, NodeId]];
    return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
  }

  #swap(i: number, j: number): void {
    const item = this.#items[i] as [number, NodeId];
    this.#items[i] = this.#items[j] as [number, NodeId];
    this.#items[j] = item;
  }
}
