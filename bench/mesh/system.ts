/** What every system under test offers to the benchmark. */
import type { Nodes, Node } from './stage.ts';

export type SystemName = 'veth' | 'kith-native' | 'kith-portable' | 'tinc' | 'fastd' | 'wireguard-go' | 'nebula';

/** A system that carries packets between the nodes it was started on. */
export interface Running {
  /** Process id on each node, in the order of the nodes; empty where the kernel alone does the work. */
  readonly pids: readonly number[];
  /** The tunnel's address of a node. */
  address(node: Node): string;
  /** Ends its processes, each by its id. */
  stop(): Promise<void>;
}

export interface System {
  readonly name: SystemName;
  /** The configuration in a few words, for the report. */
  readonly settings: string;
  /** Why relayed TCP is not measured; null where it is. */
  readonly noRelay: string | null;
  /** @throws Error where the program is missing */
  version(): string;
  /**
   * Starts it on all nodes. It may return before packets pass: the benchmark pings until they do.
   * @throws Error with what the program complained about
   */
  start(nodes: Nodes): Promise<Running>;
}
