/** What the keeper does besides keeping daemons: it follows the file in force, and tells how things are. */
import { join } from 'node:path';
import type { BanView, FindingView, LeaseView, TrafficView } from '@kith/api';
import { type Address, isIPv4, KithError, prefixParts } from '@kith/core';
import type { Gateway } from '@kith/gateway';
import {
  type BanFigures,
  type BanKeeper,
  batmanStatus,
  type DaemonReport,
  type Daemons,
  fastdStatus,
  gatherGateway,
  type GatewayFigures,
  type Grain,
  type KeptBan,
  type KeyBroker,
  metricsText,
  type Served,
  Transactions,
} from '@kith/host';
import { readVersion } from '../version.ts';
import { parseGatewayFile } from './file.ts';
import type { GatewayFolders } from './folders.ts';
import { inspect } from './inspect.ts';
import { findMesh } from './mesh.ts';
import { prospectOf } from './prospect.ts';
import type { BanReport, BansReport, DomainStatus, ExaminationReport, ExitStatus } from './reports.ts';
import type { KeeperStatus, RouterReport, RoutersReport, TrafficReport } from './reports.ts';
import type { RouterChange } from './requests.ts';
import { inDomain, Shift } from './shift.ts';

export interface WorksOptions {
  readonly folders: GatewayFolders;
  readonly daemons: Daemons;
  readonly note: (level: 'info' | 'warn' | 'error', kind: string, text: string) => void;
  /** Brings back what the machine should have; false where that failed. */
  readonly mend: () => Promise<boolean>;
}

export class Works {
  readonly #options: WorksOptions;
  readonly #transactions: Transactions;
  #shift: Shift | null = null;
  /** Changes wait for one another. */
  #turn: Promise<void> = Promise.resolve();
  #findings: { readonly findings: readonly FindingView[]; readonly at: number } | null = null;

  constructor(options: WorksOptions) {
    this.#options = options;
    this.#transactions = new Transactions(options);
  }

  /** Does what the file in force wants from now on; to be called whenever another one is. */
  follow(): Promise<void> {
    this.#turn = this.#turn
      .then(() => this.#follow())
      .catch((error: unknown) => this.#options.note('error', 'keeper', messageOf(error)));
    return this.#turn;
  }

  async close(): Promise<void> {
    await this.#turn;
    await this.#end();
  }

  async status(daemons: readonly DaemonReport[]): Promise<KeeperStatus> {
    await this.#turn;
    const shift = this.#shift;
    const pending = this.#transactions.pending();
    const leases = (await shift?.leases()) ?? [];
    return {
      ...{ pid: process.pid, file: shift?.inForce.file ?? null, pending, leases },
      community: shift?.gateway.settings.community.name ?? '',
      state: stateOf(shift, pending !== null),
      services: daemons.map(({ name, state, since, restarts, lastWords }) => ({
        ...{ name, state, since, restarts, lastWords },
      })),
      bans: shift?.bans?.list().map(banView) ?? [],
      bansInForce: shift?.bans?.inForce ?? null,
      traffic: shift === null ? [] : trafficViews(shift),
      findings: this.#findings?.findings ?? [],
      examined: this.#findings?.at ?? null,
      domains: shift === null ? [] : domainsOf(shift.gateway, leases),
      exit: shift === null ? null : exitOf(shift),
      map: shift?.map?.snapshot() ?? null,
    };
  }

  bans(): BansReport {
    const { bans } = this.#need();
    return { bans: bans?.list().map(banView) ?? [], inForce: bans?.inForce ?? false };
  }

  async ban(address: Address, seconds: number | null): Promise<BanReport> {
    return { ban: banView(await this.#bansOf().ban(address, seconds)) };
  }

  /** False where there was no ban. */
  lift(address: Address): Promise<boolean> {
    return this.#bansOf().unban(address);
  }

  /** @param name of one interface; of all when not given */
  async traffic(name: string | undefined, grain: Grain): Promise<TrafficReport> {
    const { traffic } = this.#need();
    if (traffic === null) return { grain, rows: [] };
    await traffic.sample(Date.now());
    const names = traffic.interfaces();
    if (name !== undefined && !names.includes(name))
      throw new KithError('USAGE', `nothing is known of an interface "${name}", there are ${names.join(', ')}`);
    return { grain, rows: (name === undefined ? names : [name]).flatMap((each) => traffic.rows(each, grain)) };
  }

  routers(): RoutersReport {
    return { routers: this.#brokerOf().list() };
  }

  async changeRouter({ action, key, domain }: RouterChange): Promise<RouterReport> {
    const broker = this.#brokerOf();
    if (action === 'approve') return { router: await broker.approve(key, domain ?? undefined) };
    if (action === 'refuse') return { router: await broker.refuse(key) };
    await broker.forget(key);
    return { router: null };
  }

  /** One of the map's files; null where there is none. */
  mapFile(name: string): Served | null {
    return this.#need().map?.serve(`/${name}`) ?? null;
  }

  /** Lets the doctor look, and remembers what was found. */
  async examine(mend: boolean): Promise<ExaminationReport> {
    const { folders, daemons } = this.#options;
    const report = await inspect({ folders, daemons, mend });
    this.#findings = { findings: report.findings, at: Date.now() };
    if (report.mended.length > 0) await this.follow();
    return report;
  }

  /** For Prometheus. */
  async metrics(): Promise<string> {
    const shift = this.#shift;
    const mesh = shift === null ? null : await findMesh(shift.gateway.settings.exit.members);
    return metricsText({
      version: readVersion(),
      gateway: shift === null ? null : await this.#figures(shift),
      map: shift?.map ?? null,
      responder: shift?.responder?.snapshot() ?? null,
      mesh: mesh === null ? null : [await mesh.client.status()],
      share: null,
    });
  }

  async #figures({ gateway, bans, banned }: Shift): Promise<GatewayFigures> {
    const { folders, daemons } = this.#options;
    return gatherGateway(
      {
        ...{ gateway, daemons: await daemons.list(), bans: bans === null ? null : banFigures(bans, banned) },
        batman: ({ names }) => batmanStatus(names.batman).catch(() => null),
        fastd: ({ domain }) => fastdStatus(join(folders.run, `fastd-${domain.code}.sock`)).catch(() => null),
      },
      Date.now(),
    );
  }

  #bansOf(): BanKeeper {
    const { bans } = this.#need();
    if (bans !== null) return bans;
    throw new KithError('GATEWAY_NOT_APPLIED', 'the file says "bans: false": nobody is banned here');
  }

  #brokerOf(): KeyBroker {
    const { broker } = this.#need();
    if (broker !== null) return broker;
    throw new KithError('GATEWAY_NOT_APPLIED', 'the file has no "vpn": there are no tunnels for routers');
  }

  #need(): Shift {
    if (this.#shift === null) throw new KithError('GATEWAY_NOT_APPLIED', 'no gateway is in force on this machine');
    return this.#shift;
  }

  async #follow(): Promise<void> {
    const inForce = this.#transactions.inForce();
    if (JSON.stringify(inForce) === JSON.stringify(this.#shift?.inForce ?? null)) {
      await this.#shift?.bans?.refill();
      return;
    }
    await this.#end();
    if (inForce === null) return;
    const { folders, note, mend } = this.#options;
    const file = parseGatewayFile(inForce.text, inForce.file);
    const { gateway } = await prospectOf(file, { folders, as: inForce.as, draining: inForce.draining });
    this.#shift = await Shift.begin({ folders, inForce, gateway, note, mend, metrics: () => this.metrics() });
  }

  async #end(): Promise<void> {
    const shift = this.#shift;
    this.#shift = null;
    await shift?.close();
  }
}

function stateOf(shift: Shift | null, pending: boolean): KeeperStatus['state'] {
  if (pending) return 'unconfirmed';
  if (shift === null) return 'none';
  return shift.inForce.draining ? 'draining' : 'running';
}

function exitOf({ gateway, exits }: Shift): ExitStatus {
  return { interface: gateway.exit, member: exits?.way.member ?? null, reason: exits?.way.reason ?? null };
}

function banView({ target, reason, since, until }: KeptBan): BanView {
  return { address: target, reason, since, until };
}

function banFigures(bans: BanKeeper, total: number): BanFigures {
  const all = bans.list();
  const ipv4 = all.filter(({ target }) => isIPv4(prefixParts(target).address)).length;
  return { ipv4, ipv6: all.length - ipv4, total };
}

/** Of the interfaces that are the gateway's own. */
function trafficViews({ traffic, gateway: { exit, domains } }: Shift): TrafficView[] {
  if (traffic === null) return [];
  const now = Date.now();
  return [exit, ...domains.map(({ names }) => names.bridge)].map((name) => {
    const rate = traffic.rate(name);
    const latest = (grain: Grain): { readonly received: number; readonly sent: number } => {
      const row = traffic.rows(name, grain, 1).at(-1);
      return row !== undefined && now < row.end ? row : { received: 0, sent: 0 };
    };
    const [day, month] = [latest('days'), latest('months')];
    return {
      ...{ interface: name, receivedRate: rate?.received ?? 0, sentRate: rate?.sent ?? 0 },
      ...{ receivedToday: day.received, sentToday: day.sent },
      ...{ receivedMonth: month.received, sentMonth: month.sent },
    };
  });
}

function domainsOf({ domains }: Gateway, leases: readonly LeaseView[]): DomainStatus[] {
  return domains.map((each) => ({
    code: each.domain.code,
    bridge: each.names.bridge,
    address4: each.address4,
    address6: each.address6,
    pool: { ...each.pool, leased: leases.filter(({ address }) => inDomain(each, address)).length },
  }));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
