/** What the parts of a mesh node share. Each part is handed this and its neighbours' functions, never the node itself. */
import type { Address, Endpoint, NetworkId, NodeId } from '@kith/core';
import type { MeshInit, MeshLogEntry } from './api.ts';
import type { Control } from './control.ts';
import type { Ledger, Roster } from './ledger/index.ts';
import type { NatObserver } from './nat.ts';
import type { Peer } from './peer.ts';
import type { Path } from './plane.ts';
import type { PresenceBook } from './presence-book.ts';
import type { Graph } from './routes.ts';
import type { Fingerprint } from './trie.ts';

export interface Context {
  readonly init: MeshInit;
  readonly network: NetworkId;
  readonly self: NodeId;
  readonly ledger: Ledger;
  readonly presences: PresenceBook;
  readonly nat: NatObserver;
  localAddresses: readonly Address[];
  /** This node lets members out of the network now. */
  servesAsExit: boolean;
  /** Until then somebody looks at the network, and wants to see at once what breaks. */
  attendedUntil: number;
  roster(): Roster;
  /** Everybody a session may be held with, in order of handle. */
  peers(): Iterable<Peer>;
  peer(id: NodeId): Peer | null;
  /** Peers with a session. */
  met(): Iterable<Peer>;
  /** Met members with a live direct path, nearest first: next hops and partners of gossip. */
  neighbours(now: number): readonly Peer[];
  graph(now: number): Graph;
  /** Seals a control message for a peer; by its own path where `path` is null. False if there is no session or path. */
  send(peer: Peer, message: Control, path: Path | null, now: number): boolean;
  /** Pings a peer by its own path: says at once what pings say. */
  ping(peer: Peer, now: number): void;
  /** Starts a handshake unless one is under way. */
  initiate(peer: Peer, now: number): void;
  fingerprints(): { readonly ledger: Fingerprint; readonly presence: Fingerprint };
  /** This node's own public record should be made anew. */
  presenceChanged(now: number): void;
  /** Endpoints remembered for a member from earlier runs or from an invite. */
  remembered(id: NodeId): readonly Endpoint[];
  log(level: MeshLogEntry['level'], kind: string, member: NodeId | null, text: string): void;
}
