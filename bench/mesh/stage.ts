/**
 * Where the systems run: machines in namespaces of their own, joined by bare cables.
 *
 *   pair    a ── b             what is measured directly
 *   trio    a ── m ── b        a and b have no route to one another: only m can carry their packets
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Host, Internet, Lab } from '@kith/lab';

export interface Neighbour {
  readonly node: Node;
  /** The address at which the node owns this neighbour's end of the cable. */
  readonly address: string;
}

export interface Node {
  readonly name: 'a' | 'm' | 'b';
  /** From 1; ends the node's address inside the tunnels. */
  readonly index: number;
  readonly host: Host;
  /** For its configuration and state; empty. */
  readonly folder: string;
  /** The node's own addresses on its cables. */
  readonly addresses: readonly string[];
  readonly neighbours: readonly Neighbour[];
}

/** The ends first and last; what relays stands between them. */
export type Nodes = readonly [Node, Node] | readonly [Node, Node, Node];

export class Stage {
  readonly #lab: Lab;
  readonly #internet: Internet;
  readonly #folder: string;

  constructor(lab: Lab, internet: Internet, folder: string) {
    this.#lab = lab;
    this.#internet = internet;
    this.#folder = folder;
  }

  /** Two machines and a cable. @param label begins their names; not used before */
  async pair(label: string): Promise<readonly [Node, Node]> {
    const [a, b] = [await this.#node(label, 'a', 1), await this.#node(label, 'b', 2)];
    await this.#cable(a, b, '10.90.1');
    return [a, b];
  }

  /** Three machines in a row. @param label as for `pair` */
  async trio(label: string): Promise<readonly [Node, Node, Node]> {
    const a = await this.#node(label, 'a', 1);
    const m = await this.#node(label, 'm', 2);
    const b = await this.#node(label, 'b', 3);
    await this.#cable(a, m, '10.90.1');
    await this.#cable(m, b, '10.90.2');
    return [a, m, b];
  }

  async #node(label: string, name: Node['name'], index: number): Promise<Draft> {
    const host = await this.#lab.host(`${label}-${name}`, { on: this.#internet });
    // The bridge of the lab's internet would be a second way, and a slower one than a cable.
    await host.configure('unplug', { ip: ['link set eth0 down'] });
    const folder = join(this.#folder, `${label}-${name}`);
    mkdirSync(folder, { mode: 0o700 });
    return { name, index, host, folder, addresses: [], neighbours: [] };
  }

  async #cable(left: Draft, right: Draft, subnet: string): Promise<void> {
    const [l, r] = [`${subnet}.1`, `${subnet}.2`];
    await left.host.configure('lay a cable from', {
      ip: [
        `link add to-${right.name} type veth peer name to-${left.name} netns ${right.host.namespace}`,
        `addr add ${l}/30 dev to-${right.name}`,
        `link set to-${right.name} up`,
      ],
    });
    await right.host.configure('lay a cable to', {
      ip: [`addr add ${r}/30 dev to-${left.name}`, `link set to-${left.name} up`],
    });
    left.addresses.push(l);
    right.addresses.push(r);
    left.neighbours.push({ node: right, address: r });
    right.neighbours.push({ node: left, address: l });
  }
}

interface Draft extends Node {
  readonly addresses: string[];
  readonly neighbours: Neighbour[];
}

/** The node that starts a network: the one that everybody reaches. */
export function hub(nodes: Nodes): Node {
  return nodes.length === 3 ? nodes[1] : nodes[0];
}

/** The last node: traffic goes from the first to it. */
export function far(nodes: Nodes): Node {
  return nodes.length === 3 ? nodes[2] : nodes[1];
}
