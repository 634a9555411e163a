/** The API of the face: what the dashboard shows of this machine's networks, gateway and shares. */
import type { Address, ErrorCode } from '@kith/core';
import type { Location, NatClass } from '@kith/mesh';
import type { ShareReport } from './share.ts';

/** Where the page is. */
export interface FaceProcessReport {
  readonly pid: number;
  readonly port: number;
  /** With the token, for the owner's browser. */
  readonly url: string;
  /** Without it. */
  readonly places: readonly string[];
}

export interface Problem {
  readonly code: ErrorCode;
  readonly message: string;
  readonly advice: string;
}

/** Who asks, and what they may do. */
export interface SessionReport {
  /** `owner`: on this machine, with its token; the others come through a network. */
  readonly who: 'owner' | 'admin' | 'member';
  /** Name of the member who asks. */
  readonly member: string | null;
  readonly mayAct: boolean;
  readonly version: string;
  /** Labels. */
  readonly networks: readonly string[];
  /** Address pattern of map tiles, where the owner chose a server for them. */
  readonly tiles: string | null;
}

export interface NetworkSummary {
  readonly label: string;
  /** Why nothing more is known, where the daemon does not answer. */
  readonly problem: Problem | null;
  readonly members: number;
  readonly online: number;
  readonly direct: number;
  readonly relayed: number;
  readonly receivedRate: number;
  readonly sentRate: number;
  readonly nat: NatClass;
  readonly natReason: string;
}

export interface Alert {
  readonly severity: 'error' | 'warning' | 'info';
  readonly about: 'network' | 'gateway' | 'shares';
  readonly text: string;
  /** What to do. */
  readonly mend: string;
}

export interface OverviewReport {
  readonly time: number;
  readonly networks: readonly NetworkSummary[];
  readonly shares: {
    readonly count: number;
    readonly active: number;
    readonly downRate: number;
    readonly upRate: number;
  };
  /** Null where this machine is none. */
  readonly gateway: {
    readonly community: string;
    readonly clients: number;
    readonly routers: number;
    readonly findings: number;
  } | null;
  readonly alerts: readonly Alert[];
}

/** `router`: a node of the gateway's mesh that answers respondd. */
export type NodeKind = 'member' | 'router';

export interface TopologyNode {
  readonly id: string;
  readonly name: string;
  readonly kind: NodeKind;
  readonly online: boolean;
  readonly self: boolean;
  readonly relay: boolean;
  readonly nat: NatClass;
  readonly location: Location | null;
}

export interface TopologyLink {
  readonly a: string;
  readonly b: string;
  /** `relayed`: this node's way to a member through others; the links it takes are there besides. */
  readonly kind: 'direct' | 'relayed';
  readonly rttMs: number | null;
  /** 0..1 */
  readonly loss: number;
  /** How good it is, 0..1: of members by RTT and loss, of routers as batman-adv measures it. */
  readonly quality: number;
  /** Why this node's own way is as it is; null for links between others. */
  readonly reason: string | null;
  /** Ids of the members that forward, nearest first. */
  readonly via: readonly string[];
}

/** One graph: of a network of members, or of a gateway's routers. */
export interface TopologyReport {
  readonly nodes: readonly TopologyNode[];
  readonly links: readonly TopologyLink[];
}

export interface NodeRow {
  readonly id: string;
  readonly name: string;
  readonly kind: NodeKind;
  /** Label of the network, or code of the domain. */
  readonly place: string;
  readonly online: boolean;
  readonly firstSeen: number | null;
  /** Null: never in this run. */
  readonly lastSeen: number | null;
  readonly addresses: readonly Address[];
  readonly path: 'self' | 'direct' | 'relay' | 'none' | 'mesh';
  readonly reason: string;
  readonly rttMs: number | null;
  readonly loss: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** Of a router: how many use it. */
  readonly clients: number | null;
  readonly version: string | null;
  readonly model: string | null;
  readonly location: Location | null;
  readonly admin: boolean;
}

export interface NodesReport {
  readonly nodes: readonly NodeRow[];
}

export type HistorySpan = 'hour' | 'day' | 'month';

/** Averages over `step` each; times without a point had nobody who measured. */
export interface HistoryReport {
  readonly id: string;
  readonly span: HistorySpan;
  /** ms */
  readonly step: number;
  readonly points: readonly {
    readonly time: number;
    readonly rttMs: number | null;
    readonly loss: number;
    /** Share of the step in which it was online. */
    readonly online: number;
    readonly receivedRate: number;
    readonly sentRate: number;
  }[];
}

export interface ShelfItem {
  readonly id: string;
  readonly name: string;
  readonly size: number;
  readonly files: number;
  /** Members who have it, with the page of each where it is seen and played. */
  readonly members: readonly { readonly name: string; readonly link: string }[];
  readonly magnet: string;
  /** It is here already, or on its way. */
  readonly here: ShareReport['state'] | null;
}

/** What members share. */
export interface ShelfReport {
  readonly items: readonly ShelfItem[];
  /** Online members that did not tell, with the reason. */
  readonly silent: readonly { readonly member: string; readonly reason: string }[];
}

/** What changed since the last event: the reports to ask for again. */
export interface ChangeEvent {
  readonly topics: readonly Topic[];
}

export type Topic = 'overview' | 'topology' | 'nodes' | 'gateway' | 'shares' | 'shelf';
