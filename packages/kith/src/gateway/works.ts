/** What the keeper does besides keeping daemons: it follows the file in force, with bans, map, answers to routers, exits. */
import type { BanView, FindingView, LeaseView } from '@kith/api';
import { type Address, KithError, parseAddress, prefixContains } from '@kith/core';
import type { Gateway, GatewayDomain } from '@kith/gateway';
import {
  BanKeeper,
  type DaemonReport,
  type Daemons,
  type InForce,
  type KeptBan,
  MapService,
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
import { readLeases } from './leases.ts';
import { prospectOf } from './prospect.ts';
import type { BanReport, BansReport, DomainStatus, KeeperStatus } from './reports.ts';

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
    const leases = this.#leases();
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

  #bansOf(): BanKeeper {
    const { bans } = this.#need();
    if (bans === null) throw new KithError('GATEWAY_NOT_APPLIED', 'the file says "bans: false": nobody is banned here');
    return bans;
  }

  #need(): Shift {
    if (this.#shift === null) throw new KithError('GATEWAY_NOT_APPLIED', 'no gateway is in force on this machine');
    return this.#shift;
  }

  #leases(): LeaseView[] {
    return this.#shift === null ? [] : readLeases(`${this.#options.folders.state}/dnsmasq.leases`);
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
    return { inForce, gateway, bans, map, responder, exits };
  }

  #responder(gateway: Gateway, segments: readonly Segment[]): Responder {
    const own = new OwnDocuments({
      ...{ gateway, version: readVersion() },
      leases: (domain) => Promise.resolve(this.#leases().filter(({ address }) => inDomain(domain, address)).length),
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
    await Promise.all([shift.bans?.stop(), shift.map?.stop(), shift.responder?.stop(), shift.exits?.close()]);
  }
}

/** Where routers are: in the bridge of each domain. */
function segmentsOf({ domains }: Gateway): Segment[] {
  return domains.map(({ names, domain }) => ({ interface: names.bridge, prefixes: [domain.prefix6] }));
}

function banView({ target, reason, since, until }: KeptBan): BanView {
  return { address: target, reason, since, until };
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
