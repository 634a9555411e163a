/** What the face shows comes from the processes of this machine: daemons, the share process, the gateway's keeper. */
import type { ErrorBody, FindingView, GatewayReport, Problem, SharesReport, StatusReport } from '@kith/api';
import { KithError } from '@kith/core';
import { Client } from '../api/client.ts';
import { errorBody } from '../api/socket.ts';
import { everShared, running } from '../share/connect.ts';
import { folderOf, listNetworks } from '../state/networks.ts';
import { fileIn } from '../state/paths.ts';
import type { RouterMap } from './routers.ts';

export interface NetworkState {
  readonly label: string;
  /** Null where the daemon does not answer, which `problem` explains. */
  readonly status: StatusReport | null;
  readonly problem: Problem | null;
  readonly receivedRate: number;
  readonly sentRate: number;
}

export interface Snapshot {
  /** ms since 1970 */
  readonly at: number;
  readonly networks: readonly NetworkState[];
  /** Null where nothing was ever shared, or the process does not run. */
  readonly shares: SharesReport | null;
  /** Null where this machine is no gateway. */
  readonly gateway: GatewayReport | null;
  readonly routers: RouterMap | null;
}

/** The keeper of a gateway, as far as the face needs it. */
export interface GatewaySource {
  /** Null where this machine is no gateway. */
  report(): Promise<GatewayReport | null>;
  routers(): Promise<RouterMap | null>;
  /** Lets the doctor look. @param mend whether it mends what is safe @throws KithError FACE_NO_GATEWAY */
  examine(mend: boolean): Promise<readonly FindingView[]>;
  /** @param seconds null for the usual time @throws KithError FACE_NO_GATEWAY */
  ban(address: string, seconds: number | null): Promise<void>;
  unban(address: string): Promise<void>;
}

/** ms that a look is good for. */
const FRESH = 500;
/** ms for which somebody who looked on is taken to do so. */
const ATTENDED = 2000;

/** What the face needs of them. */
export interface Looking {
  /** @param attend somebody looks on: what breaks shall show at once */
  look(attend?: boolean): Promise<Snapshot>;
  readonly gateway: GatewaySource;
}

export class Sources implements Looking {
  readonly #gateway: GatewaySource;
  #last: Snapshot | null = null;
  #attendedUntil = 0;
  #looking: Promise<Snapshot> | null = null;

  constructor(gateway: GatewaySource) {
    this.#gateway = gateway;
  }

  get gateway(): GatewaySource {
    return this.#gateway;
  }

  /** The latest look, which may be half a second old; those who ask at once share one. */
  look(attend: boolean = false): Promise<Snapshot> {
    if (attend) this.#attendedUntil = Date.now() + ATTENDED;
    if (this.#last !== null && Date.now() - this.#last.at < FRESH) return Promise.resolve(this.#last);
    this.#looking ??= this.#lookNow().finally(() => (this.#looking = null));
    return this.#looking;
  }

  /** Without asking anybody; null before the first look. */
  get last(): Snapshot | null {
    return this.#last;
  }

  async #lookNow(): Promise<Snapshot> {
    const before = this.#last;
    const attend = Date.now() < this.#attendedUntil;
    const [networks, shares, gateway, routers] = await Promise.all([
      Promise.all(listNetworks().map((label) => statusOf(label, attend))),
      sharesHere(),
      this.#gateway.report().catch(() => null),
      this.#gateway.routers().catch(() => null),
    ]);
    const at = Date.now();
    const elapsed = before === null ? 0 : (at - before.at) / 1000;
    this.#last = {
      ...{ at, shares, gateway, routers },
      networks: networks.map(({ label, status, problem }) => {
        const old = before?.networks.find((each) => each.label === label)?.status ?? null;
        return { label, status, problem, ...rates(status, old, elapsed) };
      }),
    };
    return this.#last;
  }
}

async function statusOf(
  label: string,
  attend: boolean,
): Promise<{ readonly label: string; readonly status: StatusReport | null; readonly problem: Problem | null }> {
  try {
    return { label, status: await clientFor(label).status(attend), problem: null };
  } catch (error) {
    const body: ErrorBody = errorBody(error);
    return { label, status: null, problem: body.error };
  }
}

/** @throws KithError NETWORK_UNKNOWN */
export function clientFor(label: string): Client {
  if (!listNetworks().includes(label)) {
    throw new KithError('NETWORK_UNKNOWN', `no network ${JSON.stringify(label)} on this machine`);
  }
  return new Client(fileIn(folderOf(label), 'socket'));
}

async function sharesHere(): Promise<SharesReport | null> {
  if (!everShared()) return null;
  try {
    return await (await running()).shares();
  } catch {
    // It ends when nothing is shared, and comes back when something is.
    return null;
  }
}

function rates(
  now: StatusReport | null,
  before: StatusReport | null,
  seconds: number,
): { readonly receivedRate: number; readonly sentRate: number } {
  if (now === null || before === null || now.pid !== before.pid || seconds <= 0)
    return { receivedRate: 0, sentRate: 0 };
  const sum = (status: StatusReport, key: 'receivedBytes' | 'sentBytes'): number =>
    status.members.reduce((all, member) => all + member[key], 0);
  const rate = (key: 'receivedBytes' | 'sentBytes'): number =>
    Math.max(0, (sum(now, key) - sum(before, key)) / seconds);
  return { receivedRate: rate('receivedBytes'), sentRate: rate('sentBytes') };
}
