/**
 * What a shell gives to a mesh node and what it gets from it. The node itself is pure: it is called with `now`
 * (monotonic ms), acts on the plane it was given, tells when to wake it, and reports through {@link MeshEvents}.
 */
import type { Address, Crypto, Endpoint, Label, NetworkId, NodeId, SecretKey } from '@kith/core';
import type { DataPlane } from './plane.ts';

export interface MeshIdentity {
  /** Ed25519 seed of the node key. */
  readonly node: SecretKey;
  /** X25519 static key of WireGuard. */
  readonly tunnel: SecretKey;
}

export interface MeshConfig {
  /** Endpoints that are known to reach this node from outside, from the configuration (`--endpoint`). */
  readonly staticEndpoints: readonly Endpoint[];
  /** The UDP port that the plane is bound to. */
  readonly port: number;
  /** Whether this node forwards for others; the ledger may forbid it besides. */
  readonly relay: boolean;
  /** Where this node stands, for maps; null tells nobody. */
  readonly location: Location | null;
  /** Endpoints remembered from earlier runs or from the invite, per member: the ways in after a start. */
  readonly remembered: readonly RememberedEndpoint[];
  readonly version: string;
  /** This machine's addresses per interface without the mesh's own, refreshed by `handleLocalAddresses`. */
  readonly localAddresses: readonly Address[];
}

export interface RememberedEndpoint {
  readonly id: NodeId;
  readonly endpoints: readonly Endpoint[];
}

/** Degrees: north and east are positive. */
export interface Location {
  readonly latitude: number;
  readonly longitude: number;
}

export interface MeshEvents {
  /** A statement new to the ledger: write it durably before returning, only then is it acknowledged to others. */
  statement(bytes: Uint8Array): void;
  /** The roster changed: members, names or addresses. */
  rosterChanged(): void;
  /** Something a person may want to read in the log. */
  log(entry: MeshLogEntry): void;
  /** Ways in worth remembering for the next start; replaces what was said before. */
  remember(endpoints: readonly RememberedEndpoint[]): void;
  /** This node was revoked: traffic has stopped. */
  revoked(): void;
}

export interface MeshLogEntry {
  readonly level: 'debug' | 'info' | 'warn';
  /** Stable kind: `member-online`, `member-offline`, `path`, `member-joined`, `member-revoked`, `conflict`, `limit` … */
  readonly kind: string;
  readonly member: NodeId | null;
  readonly text: string;
}

export interface MeshInit {
  readonly crypto: Crypto;
  readonly plane: DataPlane;
  readonly identity: MeshIdentity;
  readonly config: MeshConfig;
  readonly events: MeshEvents;
  /** Wall-clock ms since 1970 for `now`; must not go backwards across restarts (the shell keeps a high-water mark). */
  readonly wall: (now: number) => number;
}

/** Whether a member may be left through: an admin made it an exit, and it says that it serves now. */
export type ExitStanding = 'none' | 'granted' | 'serving';

export interface ExitCandidate {
  readonly id: NodeId;
  /** Null for who is no member. */
  readonly name: Label | null;
  /** `returning`: answers, but not for long enough to be gone back to. */
  readonly state: 'used' | 'ready' | 'returning' | 'silent' | 'offline' | 'not-serving' | 'not-granted' | 'gone';
}

/** How a node leaves the network that was told to. */
export interface ExitView {
  readonly used: NodeId | null;
  /** For a person: why this one, or why none. */
  readonly reason: string;
  /** In the order in which they are liked. */
  readonly candidates: readonly ExitCandidate[];
}

/** How data for a member goes at this moment. */
export interface PathView {
  readonly kind: 'direct' | 'relay' | 'none';
  readonly endpoint: Endpoint | null;
  /** Members that forward, nearest first; empty for direct. */
  readonly via: readonly { readonly id: NodeId; readonly name: Label }[];
  /** For a person: `direct 203.0.113.7:6550`, `relayed by externalnyc: fedora's NAT is symmetric`. */
  readonly reason: string;
  /** ms since this path was taken. */
  readonly age: number;
}

export type NatClass = 'public' | 'none' | 'easy' | 'symmetric' | 'unknown';

export interface MemberView {
  readonly id: NodeId;
  readonly name: Label;
  readonly address4: Address;
  readonly address6: Address;
  readonly self: boolean;
  readonly admin: boolean;
  readonly online: boolean;
  /** ms since anything was heard of the member; null for never in this run. */
  readonly lastSeen: number | null;
  readonly path: PathView;
  /** Smoothed round-trip time of the current path in ms; null while unknown. */
  readonly rttMs: number | null;
  /** Share of unanswered probes, 0..1. */
  readonly loss: number;
  /** Probes of the current path that went unanswered since the last answer. */
  readonly unanswered: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly nat: NatClass;
  readonly relay: boolean;
  readonly exit: ExitStanding;
  readonly endpoints: readonly Endpoint[];
  readonly version: string | null;
  /** As the member says; null where it does not. */
  readonly location: Location | null;
}

/** A link between two members as both ends vouch for it, or one of this node's own. */
export interface LinkView {
  readonly a: NodeId;
  readonly b: NodeId;
  readonly rttMs: number;
  /** 0..1 */
  readonly loss: number;
}

export interface MeshStatus {
  readonly network: NetworkId;
  readonly name: Label;
  readonly self: NodeId;
  /** Own NAT class with the reason for a person. */
  readonly nat: NatClass;
  readonly natReason: string;
  readonly endpoints: readonly Endpoint[];
  readonly members: readonly MemberView[];
  /** Null where it was not told to leave the network, see {@link Mesh.useExits}. */
  readonly exit: ExitView | null;
  readonly relayedPackets: number;
  readonly relayedBytes: number;
  readonly ledgerSize: number;
  /** Conflicts and equivocations of the ledger in words. */
  readonly warnings: readonly string[];
}

/** Result of `kith ping`: one answer over the mesh's own control messages, not ICMP. */
export interface PingResult {
  readonly rttMs: number | null;
  readonly path: PathView;
}

/** Result of `kith trace`: every hop with what this node knows of it. */
export interface TraceHop {
  readonly id: NodeId;
  readonly name: Label;
  /** Measured or announced RTT of the link that leads to this hop, in ms. */
  readonly rttMs: number | null;
}

/** The calls that a shell makes; `MeshNode` is the implementation. It also receives the plane's events. */
export interface Mesh {
  start(now: number): void;
  /** Says goodbye to neighbours so that nobody waits for a timeout. */
  stop(now: number): void;
  wakeAt(): number | null;
  tick(now: number): void;
  /** The machine's addresses changed: known paths are proved again at once. */
  handleLocalAddresses(addresses: readonly Address[], now: number): void;
  /** The machine slept (monotonic and wall clock drifted apart): everything is proved again at once. */
  handleResume(now: number): void;
  /** Puts a statement of this node into the ledger and spreads it. @throws KithError if the ledger refuses it */
  publish(statement: Uint8Array, now: number): void;
  /**
   * Lets what belongs to no member go to the first of these that is an exit by the ledger, says that it serves, and
   * answers; with none it goes nowhere. From another member nothing comes in that is not from a member.
   */
  useExits(order: readonly NodeId[], now: number): void;
  /** Says to all that this node lets members out now, or not. It counts where an admin made it an exit. */
  serveAsExit(serves: boolean, now: number): void;
  /** Somebody looks at the network: for some seconds links in use are proved every second, not now and then. */
  attend(now: number): void;
  status(now: number): MeshStatus;
  /** All links that are known of, every pair at most once: more work than the rest of the status in a large network. */
  links(now: number): readonly LinkView[];
  /** One ping; `done` is called exactly once, with a null RTT after `timeout` ms. */
  ping(member: NodeId, timeout: number, now: number, done: (result: PingResult) => void): void;
  trace(member: NodeId, now: number): readonly TraceHop[];
}
