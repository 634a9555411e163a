/** The calls of the local API on a running daemon. */
import { KithError, type NodeId } from '@kith/core';
import type { Member, PingResult, TraceHop } from '@kith/mesh';
import type { Service } from '../api/service.ts';
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
import type { Membership } from '../membership/membership.ts';
import type { LogBook } from './log.ts';

/** ms between the answer to `stop` or `leave` and the end: the answer and the last statements get out first. */
const FAREWELL = 100;

export interface ServiceInit {
  readonly daemon: { readonly log: LogBook; status(): StatusReport; stop(): void };
  readonly membership: Membership;
  readonly useExits: (order: readonly NodeId[]) => void;
  readonly serveAsExit: (serves: boolean) => void;
  readonly attend: () => void;
  readonly ping: (id: NodeId, timeout: number, done: (result: PingResult) => void) => void;
  readonly trace: (id: NodeId) => readonly TraceHop[];
}

function brief({ id, name, address4 }: Member): PingReport['member'] {
  return { id, name, address: address4 };
}

export class DaemonService implements Service {
  readonly #init: ServiceInit;

  constructor(init: ServiceInit) {
    this.#init = init;
  }

  status(): StatusReport {
    return this.#init.daemon.status();
  }

  attend(): void {
    this.#init.attend();
  }

  invites(): InvitesReport {
    return this.#init.membership.invites();
  }

  invite(request: InviteRequest): InviteReport {
    return this.#init.membership.invite(request);
  }

  revoke(request: RevokeRequest): RevokeReport {
    return this.#init.membership.revoke(request);
  }

  change(request: ChangeRequest): ChangeReport {
    return this.#init.membership.change(request);
  }

  exit({ members, serves }: ExitRequest): void {
    this.#requireMembership();
    if (members !== null) {
      // Who is no member any more must not cost the others.
      const known = members.flatMap((name) => this.#init.membership.known(name) ?? []);
      const [first] = members;
      if (known.length === 0 && first !== undefined) this.#init.membership.find(first);
      this.#init.useExits(known.map(({ id }) => id));
    }
    if (serves !== null) this.#init.serveAsExit(serves);
  }

  ping(request: PingRequest): Promise<PingReport> {
    this.#requireMembership();
    const target = this.#init.membership.find(request.member);
    const member = brief(target);
    const self = this.status().members.find(({ id }) => id === target.id);
    if (self?.self === true) return Promise.resolve({ member, rttMs: 0, path: self.path });
    return new Promise((resolve) => {
      this.#init.ping(target.id, request.timeout, (result) => resolve({ member, ...result }));
    });
  }

  trace(member: string): TraceReport {
    this.#requireMembership();
    const target = this.#init.membership.find(member);
    return { member: brief(target), hops: this.#init.trace(target.id) };
  }

  log(since: number): readonly LogLine[] {
    return this.#init.daemon.log.lines(since);
  }

  followLog(listener: (line: LogLine) => void): () => void {
    return this.#init.daemon.log.follow(listener);
  }

  stop(): void {
    setTimeout(() => this.#init.daemon.stop(), FAREWELL);
  }

  leave(): void {
    if (this.status().member) this.#init.membership.leave();
    this.stop();
  }

  /** A node that was revoked asks nobody any more. */
  #requireMembership(): void {
    const { member, name } = this.status();
    if (!member) throw new KithError('NODE_REVOKED', `this node is no member of ${name} any more`);
  }
}
