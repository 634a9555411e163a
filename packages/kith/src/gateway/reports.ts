/** What the keeper answers. */
import type { BanView, FindingView, GatewayReport } from '@kith/api';
import type { RouterEntry } from '@kith/gateway';
import type { DaemonReport, Grain, MapSnapshot, TrafficRow } from '@kith/host';

/** The keeper's first words. */
export interface KeeperReport {
  readonly pid: number;
}

export interface DaemonsReport {
  readonly daemons: readonly DaemonReport[];
}

export interface KeeperStatus extends GatewayReport {
  readonly pid: number;
  /** Name of the file in force as the person gave it; null where none is. */
  readonly file: string | null;
  readonly domains: readonly DomainStatus[];
  readonly exit: ExitStatus | null;
  /** What nobody has confirmed yet: ms that are left, null while it is being changed. */
  readonly pending: { readonly phase: string; readonly left: number | null } | null;
  readonly map: Pick<MapSnapshot, 'known' | 'online' | 'fresh' | 'lost'> | null;
  /** Whether the firewall holds what the list of bans tells; null where nobody is banned. */
  readonly bansInForce: boolean | null;
}

export interface DomainStatus {
  readonly code: string;
  readonly bridge: string;
  readonly address4: string;
  readonly address6: string;
  readonly pool: { readonly first: string; readonly last: string; readonly size: number; readonly leased: number };
}

export interface ExitStatus {
  readonly interface: string;
  /** The member that clients leave through; null where they do not leave through the mesh, or none answers. */
  readonly member: string | null;
  /** Why this one, or why none, for a person; null where they do not leave through the mesh. */
  readonly reason: string | null;
}

export interface ExaminationReport {
  /** What is wrong, or still is, the worst first. */
  readonly findings: readonly FindingView[];
  /** What something was done about. */
  readonly mended: readonly FindingView[];
  /** Milliseconds. */
  readonly took: number;
}

export interface TrafficReport {
  readonly grain: Grain;
  /** Of an interface the oldest first. */
  readonly rows: readonly TrafficRow[];
}

export interface RoutersReport {
  readonly routers: readonly RouterEntry[];
}

export interface RouterReport {
  /** Null for one that is forgotten. */
  readonly router: RouterEntry | null;
}

export interface BansReport {
  readonly bans: readonly BanView[];
  readonly inForce: boolean;
}

export interface LiftReport {
  /** Whether there was a ban. */
  readonly was: boolean;
}

export interface BanReport {
  readonly ban: BanView;
}
