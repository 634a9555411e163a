/** The typed client of the local API, for the command line. */
import { Caller } from './caller.ts';
import { ROUTES } from './routes.ts';
import type {
  DoneReport,
  InviteReport,
  InviteRequest,
  InvitesReport,
  LogLine,
  LogReport,
  MembersReport,
  PingReport,
  PingRequest,
  RevokeReport,
  RevokeRequest,
  StatusReport,
  ChangeReport,
  ChangeRequest,
  ExitRequest,
  TraceReport,
} from '@kith/api';

/** Calls of a daemon on its Unix socket. Each throws KithError: the daemon's own, or NOT_RUNNING, DAEMON_UNREACHABLE. */
export class Client {
  readonly #caller: Caller;

  constructor(socket: string) {
    this.#caller = new Caller(socket);
  }

  /** @param attend somebody looks on: what breaks shall show at once */
  status(attend: boolean = false): Promise<StatusReport> {
    return this.#caller.json('GET', attend ? `${ROUTES.status}?attend=1` : ROUTES.status);
  }

  members(): Promise<MembersReport> {
    return this.#caller.json('GET', ROUTES.members);
  }

  invites(): Promise<InvitesReport> {
    return this.#caller.json('GET', ROUTES.invites);
  }

  invite(body: InviteRequest): Promise<InviteReport> {
    return this.#caller.json('POST', ROUTES.invites, body);
  }

  revoke(body: RevokeRequest): Promise<RevokeReport> {
    return this.#caller.json('POST', ROUTES.revocations, body);
  }

  change(body: ChangeRequest): Promise<ChangeReport> {
    return this.#caller.json('POST', ROUTES.changes, body);
  }

  exit(body: ExitRequest): Promise<DoneReport> {
    return this.#caller.json('POST', ROUTES.exit, body);
  }

  ping(body: PingRequest): Promise<PingReport> {
    return this.#caller.json('POST', ROUTES.ping, body);
  }

  trace(member: string): Promise<TraceReport> {
    return this.#caller.json('GET', ROUTES.trace.replace(':member', encodeURIComponent(member)));
  }

  log(since: number): Promise<LogReport> {
    return this.#caller.json('GET', `${ROUTES.log}?since=${since}`);
  }

  stop(): Promise<DoneReport> {
    return this.#caller.json('POST', ROUTES.stop);
  }

  leave(): Promise<DoneReport> {
    return this.#caller.json('POST', ROUTES.leave);
  }

  /** Yields the lines of the log after `since` as they come, until the daemon ends. */
  async *followLog(since: number): AsyncGenerator<LogLine> {
    for await (const line of this.#caller.lines('GET', `${ROUTES.log}?since=${since}&follow=1`)) {
      if (line.startsWith('data: ')) yield JSON.parse(line.slice(6)) as LogLine;
    }
  }
}
