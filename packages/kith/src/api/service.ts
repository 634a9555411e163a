/** What stands behind the local API. The daemon implements it; tests put a small one in its place. */
import type {
  ChangeReport,
  ChangeRequest,
  ExitRequest,
  InviteReport,
  InviteRequest,
  InvitesReport,
  LogLine,
  PingReport,
  PingRequest,
  RevokeReport,
  RevokeRequest,
  StatusReport,
  TraceReport,
} from '@kith/api';

/** Every call may throw a KithError, which the caller of the API gets as it is. */
export interface Service {
  status(): StatusReport;
  /** Somebody looks at the network: what breaks shall show at once. */
  attend(): void;
  invites(): InvitesReport;
  invite(request: InviteRequest): InviteReport;
  revoke(request: RevokeRequest): RevokeReport;
  change(request: ChangeRequest): ChangeReport;
  /** Picks the members that this node leaves the network through, and says whether others leave through it. */
  exit(request: ExitRequest): void;
  ping(request: PingRequest): Promise<PingReport>;
  trace(member: string): TraceReport;
  /** The remembered lines after `since`, oldest first. */
  log(since: number): readonly LogLine[];
  /** Calls `listener` for every new line until the returned function is called. */
  followLog(listener: (line: LogLine) => void): () => void;
  /** Ends the daemon soon after it returned. */
  stop(): void;
  /** Tells the network that this node gives up its membership; the daemon ends. */
  leave(): void;
}
