/** What goes on for one file in force: bans, traffic, map, answers to routers, their keys, exits, figures. */
import type { LeaseView } from '@kith/api';
import { parseAddress, prefixContains } from '@kith/core';
import type { Gateway, GatewayDomain } from '@kith/gateway';
import {
  BanKeeper,
  type InForce,
  KeyBroker,
  KeyServer,
  leasesIn,
  MapService,
  OwnDocuments,
  Responder,
  type Segment,
  setDeadEnd,
  TrafficHistory,
} from '@kith/host';
import { readVersion } from '../version.ts';
import { Exits } from './exits.ts';
import { FiguresServer } from './figures.ts';
import { type GatewayFolders, keeperFiles } from './folders.ts';
import { Offer } from './offer.ts';

export interface ShiftOptions {
  readonly folders: GatewayFolders;
  readonly inForce: InForce;
  readonly gateway: Gateway;
  readonly note: (level: 'info' | 'warn' | 'error', kind: string, text: string) => void;
  readonly metrics: () => Promise<string>;
  /** Brings back what the machine should have; false where that failed. */
  readonly mend: () => Promise<boolean>;
}

/** ms between two looks at the counters of interfaces. */
const COUNT_EVERY = 30_000;

export class Shift {
  readonly inForce: InForce;
  readonly gateway: Gateway;
  readonly #options: ShiftOptions;
  readonly #closers: (() => unknown)[] = [];
  /** Null where the file says that nobody is banned. */
  bans: BanKeeper | null = null;
  /** Bans since it began. */
  banned = 0;
  traffic: TrafficHistory | null = null;
  map: MapService | null = null;
  responder: Responder | null = null;
  broker: KeyBroker | null = null;
  exits: Exits | null = null;

  /** What cannot be begun is told, and the rest goes on: a port that is taken must not cost the bans. */
  static async begin(options: ShiftOptions): Promise<Shift> {
    const shift = new Shift(options);
    await shift.#try('bans', () => shift.#beginBans());
    await shift.#try('traffic', () => shift.#beginTraffic());
    await shift.#try('map', () => shift.#beginMap());
    await shift.#try('routers', () => shift.#beginBroker());
    await shift.#try('exit', () => shift.#beginExits());
    await shift.#try('figures', () => shift.#beginFigures());
    return shift;
  }

  private constructor(options: ShiftOptions) {
    this.#options = options;
    this.inForce = options.inForce;
    this.gateway = options.gateway;
  }

  async close(): Promise<void> {
    for (const each of this.#closers.splice(0).toReversed()) await this.#try('stop', async () => void (await each()));
  }

  leases(): Promise<readonly LeaseView[]> {
    return leasesIn(this.#options.folders.state, Date.now());
  }

  async #try(kind: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#options.note('error', kind, error instanceof Error ? error.message : String(error));
    }
  }

  #say(kind: string): (text: string) => void {
    return (text) => this.#options.note('info', kind, text);
  }

  async #beginBans(): Promise<void> {
    const { settings } = this.gateway;
    if (settings.bans === null) return;
    const { bans: book } = keeperFiles(this.#options.folders);
    const bans = new BanKeeper({ settings: settings.bans, book, tell: this.#say('bans') });
    bans.onBan(() => void this.banned++);
    this.#closers.push(() => bans.stop());
    await bans.start();
    this.bans = bans;
  }

  async #beginTraffic(): Promise<void> {
    const { traffic: path } = keeperFiles(this.#options.folders);
    const traffic = new TrafficHistory({ path, tell: this.#say('traffic') });
    let looking = traffic.sample(Date.now());
    const timer = setInterval(() => {
      looking = looking.then(() => this.#try('traffic', () => traffic.sample(Date.now())));
    }, COUNT_EVERY);
    this.#closers.push(async () => {
      clearInterval(timer);
      await looking;
      await traffic.sample(Date.now());
      traffic.close();
    });
    this.traffic = traffic;
    await looking;
  }

  async #beginMap(): Promise<void> {
    const { settings } = this.gateway;
    if (settings.map === null) return;
    const segments = segmentsOf(this.gateway);
    const { map: folder } = keeperFiles(this.#options.folders);
    const map = await MapService.open({ folder, segments, interval: settings.map.interval * 1000 });
    this.#closers.push(() => map.stop());
    map.start();
    this.map = map;
    const own = new OwnDocuments({
      ...{ gateway: this.gateway, version: readVersion() },
      leases: async (domain) => (await this.leases()).filter(({ address }) => inDomain(domain, address)).length,
    });
    const responder = new Responder({
      segments: this.gateway.domains.flatMap((domain, place) => {
        const segment = segments[place];
        return segment === undefined ? [] : [{ ...segment, documents: (providers) => own.of(domain, providers) }];
      }),
    });
    this.#closers.push(() => responder.stop());
    await responder.start();
    this.responder = responder;
  }

  async #beginBroker(): Promise<void> {
    const { vpn } = this.gateway.settings;
    if (vpn.fastd === null && vpn.wireguard === null) return;
    const tell = this.#say('routers');
    const broker = new KeyBroker({ gateway: this.gateway, tell });
    this.#closers.push(() => broker.close());
    this.broker = broker;
    await broker.look(Date.now());
    if (vpn.registration === null) return;
    const server = await KeyServer.open({ broker, port: vpn.registration.port, tell });
    this.#closers.push(() => server.close());
  }

  async #beginExits(): Promise<void> {
    const { exit } = this.gateway.settings;
    const tell = this.#say('exit');
    if (exit.members.length > 0) {
      const block = (isDead: boolean): Promise<void> => setDeadEnd(this.gateway, isDead);
      const exits = new Exits({ members: exit.members, tell, block, mend: this.#options.mend });
      this.#closers.push(() => exits.close());
      this.exits = exits;
      await exits.start();
    }
    if (!exit.offer || this.inForce.draining) return;
    const offer = new Offer({ exit: this.gateway.exit, tell });
    this.#closers.push(() => offer.close());
    await offer.start();
  }

  async #beginFigures(): Promise<void> {
    const { statistics } = this.gateway.settings;
    if (statistics === null) return;
    const figures = new FiguresServer({
      ...{ gateway: this.gateway, port: statistics.port, tell: this.#say('figures') },
      metrics: this.#options.metrics,
      map: (path) => this.map?.serve(path.replace(/^\/map/, '')) ?? null,
    });
    this.#closers.push(() => figures.close());
    await figures.start();
  }
}

export function inDomain({ domain }: GatewayDomain, address: string): boolean {
  return prefixContains(domain.prefix4, parseAddress(address));
}

/** Where routers are: in the bridge of each domain. */
function segmentsOf({ domains }: Gateway): Segment[] {
  return domains.map(({ names, domain }) => ({ interface: names.bridge, prefixes: [domain.prefix6] }));
}
