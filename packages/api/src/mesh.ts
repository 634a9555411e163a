/** The API of a network's daemon. */
import type { Address, Prefix } from '@kith/core';
import type { LinkView, MeshLogEntry, MeshStatus, MemberView, PingResult, TraceHop } from '@kith/mesh';

export interface StatusReport extends MeshStatus {
  /** Links between members as both ends vouch for them, and this node's own. */
  readonly links: readonly LinkView[];
  /** The network's label on this machine. */
  readonly label: string;
  readonly version: string;
  readonly pid: number;
  /** ms since the daemon started. */
  readonly uptime: number;
  readonly port: number;
  /** Which data plane moves packets, and why this one. */
  readonly plane: { readonly kind: 'native' | 'portable'; readonly reason?: string };
  /** Null when the daemon runs without one (`--no-tun`, or revoked). */
  readonly interface: { readonly name: string; readonly mtu: number; readonly addresses: readonly Address[] } | null;
  readonly prefix: Prefix;
  /** False once this node was revoked, or lost its place in a conflict of the ledger. */
  readonly member: boolean;
  /** Name or id of the admin who revoked this node, or `itself`; null if nobody did. */
  readonly revokedBy: string | null;
}

export interface MembersReport {
  readonly members: readonly MemberView[];
}

export interface InviteRequest {
  /** DNS label that the new member gets; null lets it choose. */
  readonly name: string | null;
  readonly address: string | null;
  /** How often it may be redeemed, 1..100. */
  readonly uses: number;
  /** ms from now; null: never expires. */
  readonly expiresIn: number | null;
  readonly tags: readonly string[];
  /** Members that the token names as ways in; null: those that are reachable best. */
  readonly via: readonly string[] | null;
}

export interface InviteReport {
  /** The bearer token: whoever has it can join. */
  readonly token: string;
  /** What the ledger knows the invite by; not secret. */
  readonly id: string;
  /** Names of the members that the token names as ways in. */
  readonly via: readonly string[];
  /** ms since 1970; null: never. */
  readonly expires: number | null;
  readonly uses: number;
}

export interface InviteView {
  readonly id: string;
  readonly by: string;
  readonly name: string | null;
  readonly uses: number;
  readonly used: number;
  readonly expires: number | null;
  readonly state: 'open' | 'used-up' | 'expired' | 'revoked';
}

export interface InvitesReport {
  readonly invites: readonly InviteView[];
}

export interface RevokeRequest {
  /** Name, id or address of a member, or id of an invite. */
  readonly target: string;
}

export interface RevokeReport {
  readonly kind: 'member' | 'invite';
  readonly id: string;
  /** Name of the member; id of the invite. */
  readonly name: string;
}

/** What an admin changes about a member; null leaves a thing as it is. */
export interface ChangeRequest {
  readonly member: string;
  readonly name: string | null;
  readonly address: string | null;
  readonly admin: boolean | null;
  readonly relay: boolean | null;
  /** Whether others may send through it what belongs to no member. */
  readonly exit: boolean | null;
}

export interface ChangeReport {
  readonly id: string;
  readonly name: string;
  /** In words, one per statement that was signed. */
  readonly changes: readonly string[];
}

/** How a node and its network go together with what lies outside; null leaves a thing as it is. */
export interface ExitRequest {
  /** Names of members, 8 at most: what belongs to no member goes to the first of them that answers. None: nowhere. */
  readonly members: readonly string[] | null;
  /** Whether this node lets members out now. It counts where an admin made it an exit. */
  readonly serves: boolean | null;
}

export interface PingRequest {
  readonly member: string;
  /** ms until the ping counts as lost, 1..60000. */
  readonly timeout: number;
}

export interface PingReport extends PingResult {
  readonly member: { readonly id: string; readonly name: string; readonly address: Address };
}

export interface TraceReport {
  readonly member: { readonly id: string; readonly name: string; readonly address: Address };
  readonly hops: readonly TraceHop[];
}

/** A line of the log. */
export interface LogLine extends Omit<MeshLogEntry, 'level'> {
  /** Counts from 1 in one run of the daemon. */
  readonly seq: number;
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
}

export interface LogReport {
  readonly lines: readonly LogLine[];
}

export interface DoneReport {
  readonly done: true;
}
