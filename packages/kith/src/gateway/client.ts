/** Typed calls of the keeper. */
import type { DaemonValue } from '@kith/gateway';
import type { DaemonReport, Daemons, Grain } from '@kith/host';
import { Caller } from '../api/caller.ts';
import type { DoneReport, LogReport } from '@kith/api';
import type {
  BanReport,
  BansReport,
  DaemonsReport,
  ExaminationReport,
  KeeperStatus,
  LiftReport,
  RouterReport,
  RoutersReport,
  TrafficReport,
} from './reports.ts';
import type {
  BanRequest,
  ExaminationRequest,
  LiftRequest,
  RouterChange,
  StartDaemonRequest,
  StopDaemonRequest,
} from './requests.ts';
import { KEEPER_ROUTES } from './routes.ts';

/** Each call throws KithError: the keeper's own, or NOT_RUNNING, DAEMON_UNREACHABLE. */
export class KeeperClient implements Daemons {
  readonly #caller: Caller;

  constructor(socket: string) {
    this.#caller = new Caller(socket);
  }

  status(): Promise<KeeperStatus> {
    return this.#caller.json('GET', KEEPER_ROUTES.status);
  }

  async list(): Promise<readonly DaemonReport[]> {
    return (await this.#caller.json<DaemonsReport>('GET', KEEPER_ROUTES.daemons)).daemons;
  }

  async start(name: string, value: DaemonValue, again: boolean = false): Promise<void> {
    const body: StartDaemonRequest = { name, value, again };
    await this.#caller.json<DoneReport>('POST', KEEPER_ROUTES.startDaemon, body);
  }

  async stop(name: string): Promise<void> {
    const body: StopDaemonRequest = { name };
    await this.#caller.json<DoneReport>('POST', KEEPER_ROUTES.stopDaemon, body);
  }

  /** Tells it that another file, or none, is in force. */
  applied(): Promise<DoneReport> {
    return this.#caller.json('POST', KEEPER_ROUTES.applied);
  }

  /** Lets the doctor look, which takes some ten seconds. */
  examine(body: ExaminationRequest): Promise<ExaminationReport> {
    return this.#caller.json('POST', KEEPER_ROUTES.examination, body);
  }

  bans(): Promise<BansReport> {
    return this.#caller.json('GET', KEEPER_ROUTES.bans);
  }

  ban(body: BanRequest): Promise<BanReport> {
    return this.#caller.json('POST', KEEPER_ROUTES.bans, body);
  }

  lift(body: LiftRequest): Promise<LiftReport> {
    return this.#caller.json('POST', KEEPER_ROUTES.lift, body);
  }

  traffic(name: string | undefined, grain: Grain): Promise<TrafficReport> {
    const words = new URLSearchParams({ grain, ...(name === undefined ? {} : { interface: name }) });
    return this.#caller.json('GET', `${KEEPER_ROUTES.traffic}?${words.toString()}`);
  }

  routers(): Promise<RoutersReport> {
    return this.#caller.json('GET', KEEPER_ROUTES.routers);
  }

  changeRouter(body: RouterChange): Promise<RouterReport> {
    return this.#caller.json('POST', KEEPER_ROUTES.routers, body);
  }

  /** One of the map's files, as it is. */
  map(file: string): Promise<unknown> {
    return this.#caller.json('GET', KEEPER_ROUTES.map.replace(':file', encodeURIComponent(file)));
  }

  log(since: number): Promise<LogReport> {
    return this.#caller.json('GET', `${KEEPER_ROUTES.log}?since=${since}`);
  }

  /** @param daemons whether the daemons end too */
  quit(): Promise<DoneReport> {
    return this.#caller.json('POST', KEEPER_ROUTES.stop);
  }
}
