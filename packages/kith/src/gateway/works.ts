/** What the keeper does besides keeping daemons: it follows the file in force, with bans, map, answers to routers, exits. */
import { join } from 'node:path';
import type { BanView, FindingView, LeaseView } from '@kith/api';
import { type Address, isIPv4, KithError, parseAddress, prefixContains, prefixParts } from '@kith/core';
import type { Gateway, GatewayDomain } from '@kith/gateway';
import {
  type BanFigures,
  BanKeeper,
  batmanStatus,
  type DaemonReport,
  type Daemons,
  fastdStatus,
  gatherGateway,
  type InForce,
  type KeptBan,
  leasesIn,
  MapService,
  metricsText,
  OwnDocuments,
  Responder,
  type Segment,
  type Served,
  Transactions,
} from '@kith/host';
import { readVersion } from '../version.ts';
import { Exits } from './exits.ts';
import { parseGatewayFile } from './file.ts';
import { type GatewayFolders, keeperFiles } from './folders.ts';
import { FiguresServer } from './figures.ts';
import { inspect } from './inspect.ts';
import { findMesh } from './mesh.ts';
import { prospectOf } from './prospect.ts';
import type { BanReport, BansReport, DomainStatus, ExaminationReport, KeeperStatus } from './reports.ts';

export interface WorksOptions {
  readonly folders: GatewayFolders;
  readonly daemons: Daemons;
  readonly note: (level: 'info' | 'warn' | 'error', kind: string, text: string) => void;
}

/** What goes on for one file in force. */
interface Shift {
  readonly inForce: InForce;
  readonly gateway: Gateway;
  readonly bans: BanKeeper | null;
  readonly map: MapService | null;
  readonly responder: Responder | null;
  readonly exits: Exits | null;
  readonly figures: FiguresServer | null;
}

export class Works {
  readonly #options: WorksOptions;
  readonly #transactions: Transactions;
  #shift: Shift | null = null;
  /** Since the keeper was started. */
  #banned = 0;
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
    const leases = await this.#leases();
    return {
      ...{ pid: process.pid, file: shift?.inForce.file ?? null, pending, leases },
      community: shift?.gateway.settings.community.name ?? '',
      state:
        pending !== null ? 'unconfirmed' : shift === null ? 'none' : shift.inForce.draining ? 'draining' : 'running',
      services: daemons.map(({ name, state, since, restarts, lastWords }) => ({
        name,
        state,
        since,
        restarts,
        lastWords,
      })),
      bans: shift?.bans?.list().map(banView) ?? [],
      bansInForce: shift?.bans?.inForce ?? null,
      traffic: [],
      findings: this.#findings?.findings ?? [],
      examined: this.#findings?.at ?? null,
      domains: shift === null ? [] : domainsOf(shift.gateway, leases),
      exit: shift === null ? null : { interface: shift.gateway.exit, member: shift.exits?.member ?? null },
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
    const daemons = await this.#options.daemons.list();
    const mesh = shift === null ? null : await findMesh(shift.gateway.settings.exit.members);
    return metricsText({
      version: readVersion(),
      gateway:
        shift === null
          ? null
          : await gatherGateway(
              {
                ...{ gateway: shift.gateway, daemons, bans: banFigures(shift.bans, this.#banned) },
                batman: (domain) => batmanStatus(domain.names.batman).catch(() => null),
                fastd: (domain) =>
                  fastdStatus(join(this.#options.folders.run, `fastd-${domain.domain.code}.sock`)).catch(() => null),
              },
              Date.now(),
            ),
      map: shift?.map ?? null,
      responder: shift?.responder?.snapshot() ?? null,
      mesh: mesh === null ? null : [await mesh.client.status()],
      share: null,
    });
  }

  #bansOf(): BanKeeper {
    const { bans } = this.#need();
    if (bans === null) throw new KithError('GATEWAY_NOT_APPLIED', 'the file says "bans: false": nobody is banned here');
    return bans;
  }

  #need(): Shift {
    if (this.#shift === null) throw new KithError('GATEWAY_NOT_APPLIED', 'no gateway is in force on this machine');
    return this.#shift;
  }

  async #leases(): Promise<readonly LeaseView[]> {
    return this.#shift === null ? [] : leasesIn(this.#options.folders.state, Date.now());
  }

  async #follow(): Promise<void> {
    const inForce = this.#transactions.inForce();
    if (JSON.stringify(inForce) === JSON.stringify(this.#shift?.inForce ?? null)) {
      await this.#shift?.bans?.refill();
      return;
    }
    await this.#end();
    if (inForce === null) return;
    const { folders } = this.#options;
    const file = parseGatewayFile(inForce.text, inForce.file);
    const { gateway } = await prospectOf(file, { folders, as: undefined, draining: inForce.draining });
    this.#shift = await this.#begin(inForce, gateway);
  }

  async #begin(inForce: InForce, gateway: Gateway): Promise<Shift> {
    const { folders, note } = this.#options;
    const { settings } = gateway;
    const files = keeperFiles(folders);
    const say = (kind: string) => (text: string) => note('info', kind, text);
    const bans =
      settings.bans === null ? null : new BanKeeper({ settings: settings.bans, book: files.bans, tell: say('bans') });
    bans?.onBan(() => void this.#banned++);
    await bans?.start();
    const segments = segmentsOf(gateway);
    const map =
      settings.map === null
        ? null
        : await MapService.open({ folder: files.map, segments, interval: settings.map.interval * 1000 });
    map?.start();
    const responder = settings.map === null ? null : this.#responder(gateway, segments);
    await responder?.start();
    const exits = settings.exit.members.length === 0 ? null : new Exits(settings.exit.members, say('exit'));
    await exits?.start();
    const figures =
      settings.statistics === null
        ? null
        : new FiguresServer({
            ...{ gateway, port: settings.statistics.port, tell: say('figures') },
            metrics: () => this.metrics(),
            map: (path) => map?.serve(path.replace(/^\/map/, '')) ?? null,
          });
    await figures?.start();
    return { inForce, gateway, bans, map, responder, exits, figures };
  }

  #responder(gateway: Gateway, segments: readonly Segment[]): Responder {
    const own = new OwnDocuments({
      ...{ gateway, version: readVersion() },
      leases: async (domain) => (await this.#leases()).filter(({ address }) => inDomain(domain, address)).length,
    });
    return new Responder({
      segments: gateway.domains.flatMap((domain, place) => {
        const segment = segments[place];
        return segment === undefined ? [] : [{ ...segment, documents: (providers) => own.of(domain, providers) }];
      }),
    });
  }

  async #end(): Promise<void> {
    const shift = this.#shift;
    this.#shift = null;
    if (shift === null) return;
    await Promise.all([
      shift.bans?.stop(),
      shift.map?.stop(),
      shift.responder?.stop(),
      shift.exits?.close(),
      shift.figures?.close(),
    ]);
  }
}

/** Where routers are: in the bridge of each domain. */
function segmentsOf({ domains }: Gateway): Segment[] {
  return domains.map(({ names, domain }) => ({ interface: names.bridge, prefixes: [domain.prefix6] }));
}

function banView({ target, reason, since, until }: KeptBan): BanView {
  return { address: target, reason, since, until };
}

function banFigures(bans: BanKeeper | null, total: number): BanFigures | null {
  if (bans === null) return null;
  const all = bans.list();
  const ipv4 = all.filter(({ target }) => isIPv4(prefixParts(target).address)).length;
  return { ipv4, ipv6: all.length - ipv4, total };
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

function inDomain({ domain }: GatewayDomain, address: string): boolean {
  return prefixContains(domain.prefix4, parseAddress(address));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
