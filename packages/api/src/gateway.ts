/** What a page shows of a gateway. */

export interface GatewayReport {
  readonly community: string;
  /** `unconfirmed`: applied, and taken back unless somebody confirms. */
  readonly state: 'running' | 'unconfirmed' | 'draining' | 'none';
  readonly services: readonly ServiceView[];
  readonly leases: readonly LeaseView[];
  readonly bans: readonly BanView[];
  readonly traffic: readonly TrafficView[];
  readonly findings: readonly FindingView[];
  /** When the doctor looked last; null: not yet. */
  readonly examined: number | null;
}

export interface ServiceView {
  readonly name: string;
  readonly state: 'starting' | 'ready' | 'failing' | 'stopping';
  readonly since: number;
  readonly restarts: number;
  /** Last lines of what it said. */
  readonly lastWords: readonly string[];
}

export interface LeaseView {
  readonly address: string;
  readonly mac: string;
  readonly name: string | null;
  /** Null: for good. */
  readonly expires: number | null;
}

export interface BanView {
  readonly address: string;
  readonly reason: string;
  readonly since: number;
  /** Null: for good. */
  readonly until: number | null;
}

export interface TrafficView {
  readonly interface: string;
  readonly receivedRate: number;
  readonly sentRate: number;
  readonly receivedToday: number;
  readonly sentToday: number;
  readonly receivedMonth: number;
  readonly sentMonth: number;
}

/** One fault that the doctor found, with its cause and what mends it. */
export interface FindingView {
  readonly id: string;
  readonly severity: 'error' | 'warning' | 'info';
  /** What fails. */
  readonly what: string;
  /** For whom it fails. */
  readonly whom: string;
  readonly cause: string;
  readonly mend: string;
  /** A command line that mends it. */
  readonly command: string | null;
  /** `FILE:LINE KEY` of the operator's file. */
  readonly line: string | null;
  /** The doctor may mend it by itself. */
  readonly fixable: boolean;
}
