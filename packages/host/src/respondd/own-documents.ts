/** The documents of this gateway, gathered when somebody asks and kept for as long as routers keep theirs. */
import { statfs } from 'node:fs/promises';
import { availableParallelism, networkInterfaces } from 'node:os';
import {
  type Documents,
  type Gateway,
  type GatewayDomain,
  type Neighbours,
  type NodeInfo,
  type OwnLoad,
  type OwnMachine,
  type OwnMesh,
  ownNeighbours,
  ownNodeinfo,
  ownStatistics,
  type Provider,
  type Statistics,
} from '@kith/gateway';
import { type BatmanStatus, batmanStatus } from '../batman/status.ts';
import { Fresh } from './fresh.ts';
import { interfaceCounts, memoryOf, numbersIn, readText } from '../proc.ts';
import { type Clock, SYSTEM_CLOCK } from './clock.ts';

export interface OwnOptions {
  readonly gateway: Gateway;
  /** Of kith. */
  readonly version: string;
  /** Leases in force in a domain: its clients where no batman-adv counts them; null where that is not known. */
  readonly leases: (domain: GatewayDomain) => Promise<number | null>;
  readonly clock?: Clock;
}

/** Milliseconds; batctl is asked once for several documents. */
const FRESH = { nodeinfo: 60_000, statistics: 5000, neighbours: 10_000, mesh: 5000 } as const;

export class OwnDocuments {
  readonly #options: OwnOptions;
  readonly #clock: Clock;
  readonly #nodeinfo = new Fresh<NodeInfo>(FRESH.nodeinfo);
  readonly #statistics = new Fresh<Statistics>(FRESH.statistics);
  readonly #neighbours = new Fresh<Neighbours>(FRESH.neighbours);
  readonly #meshes = new Fresh<BatmanStatus>(FRESH.mesh);

  constructor(options: OwnOptions) {
    this.#options = options;
    this.#clock = options.clock ?? SYSTEM_CLOCK;
  }

  /** What is told in a domain; documents that cannot be made are missing. */
  async of(domain: GatewayDomain, providers: readonly Provider[]): Promise<Documents> {
    const { gateway } = this.#options;
    const now = this.#clock.now();
    const { code } = domain.domain;
    const [nodeinfo, statistics, neighbours] = await Promise.all([
      providers.includes('nodeinfo') &&
        this.#nodeinfo.of(code, now, async () => {
          const [machine, mesh] = await Promise.all([this.#machine(domain), this.#mesh(domain)]);
          return ownNodeinfo(gateway, domain, machine, meshOf(mesh));
        }),
      providers.includes('statistics') &&
        this.#statistics.of(code, now, async () =>
          ownStatistics(domain, await this.#load(domain, await this.#mesh(domain))),
        ),
      providers.includes('neighbours') &&
        this.#neighbours.of(code, now, async () => ownNeighbours(domain, meshOf(await this.#mesh(domain)))),
    ]);
    return {
      ...(nodeinfo ? { nodeinfo } : {}),
      ...(statistics ? { statistics } : {}),
      ...(neighbours ? { neighbours } : {}),
    };
  }

  /** Null where the domain has no batman-adv, or none that answers. */
  async #mesh({ meshed, names }: GatewayDomain): Promise<BatmanStatus | null> {
    if (!meshed) return null;
    return this.#meshes.of(names.batman, this.#clock.now(), () => batmanStatus(names.batman));
  }

  async #machine({ names }: GatewayDomain): Promise<OwnMachine> {
    const entries = networkInterfaces()[names.bridge] ?? [];
    const model = await firstText('/sys/class/dmi/id/product_name', '/proc/device-tree/model');
    return {
      version: this.#options.version,
      model,
      cores: availableParallelism(),
      addresses: entries.filter(({ family }) => family === 'IPv6').map(({ address }) => address),
    };
  }

  async #load(domain: GatewayDomain, mesh: BatmanStatus | null): Promise<OwnLoad> {
    const { bridge } = domain.names;
    const [uptime, loadavg, memory, root, leases, interfaces] = await Promise.all([
      numbersIn('/proc/uptime'),
      numbersIn('/proc/loadavg'),
      memoryOf(),
      statfs('/'),
      mesh === null ? this.#options.leases(domain) : null,
      interfaceCounts(),
    ]);
    const counts = interfaces.find(({ name }) => name === bridge);
    return {
      time: Math.round(this.#clock.wall() / 1000),
      uptime: uptime[0] ?? 0,
      idle: uptime[1] ?? 0,
      load: loadavg[0] ?? 0,
      processes: { running: loadavg[3] ?? 0, total: loadavg[4] ?? 0 },
      memory,
      rootUsed: root.blocks === 0 ? 0 : 1 - root.bfree / root.blocks,
      clients: mesh === null ? leases : clientsOf(domain, mesh),
      traffic: {
        rx: { bytes: counts?.received.bytes, packets: counts?.received.packets },
        tx: { bytes: counts?.sent.bytes, packets: counts?.sent.packets },
      },
    };
  }
}

function meshOf(status: BatmanStatus | null): OwnMesh | null {
  if (status === null) return null;
  return {
    version: status.mesh.version,
    ports: status.ports,
    // A way to a neighbour that leads over another one says nothing of the link between the two.
    heard: status.originators
      .filter(({ address, nextHop }) => address === nextHop)
      .map(({ address, interface: port, quality, lastSeen, best }) => ({
        port,
        address,
        tq: quality.algorithm === 'BATMAN_IV' ? quality.tq : null,
        lastSeen,
        best,
      })),
  };
}

/** Those behind this gateway's own cables: neither itself nor groups that are listened to. */
function clientsOf({ macs }: GatewayDomain, { local }: BatmanStatus): number {
  const own: readonly string[] = Object.values(macs);
  const clients = local.filter(
    ({ address, lastSeen }) =>
      lastSeen !== null && !own.includes(address) && (parseInt(address.slice(0, 2), 16) & 1) === 0,
  );
  return new Set(clients.map(({ address }) => address)).size;
}

async function firstText(...paths: readonly string[]): Promise<string | null> {
  for (const path of paths) {
    const text = (await readText(path)).replaceAll('\0', '').trim();
    if (text !== '') return text;
  }
  return null;
}
