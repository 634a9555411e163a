/**
 * The routers that were heard of: what each said last, since when it is known and whether it still speaks. Times are
 * milliseconds since 1970, because they end up in files that others read.
 */
import type { BatmanNeighbour, Documents, Neighbours, NodeInfo, Statistics } from '../respondd/documents.ts';

export interface BookLimits {
  /** More routers than that are not taken in. */
  readonly most: number;
  /** A router that is silent for so long (ms) is offline. */
  readonly offlineAfter: number;
  /** After that (ms) it is forgotten. */
  readonly forgetAfter: number;
}

/** As the servers of today's maps have them: ten minutes, a week. */
export const BOOK_LIMITS: BookLimits = { most: 10_000, offlineAfter: 600_000, forgetAfter: 7 * 86_400_000 };

export interface NodeRecord {
  readonly id: string;
  readonly nodeinfo: NodeInfo | null;
  readonly statistics: Statistics | null;
  readonly neighbours: Neighbours | null;
  readonly firstSeen: number;
  readonly lastSeen: number;
}

/** What became of an answer. */
export type Taken = 'new' | 'known' | 'twin' | 'full';

export class NodeBook {
  readonly #limits: BookLimits;
  readonly #nodes = new Map<string, NodeRecord>();

  constructor(limits: BookLimits = BOOK_LIMITS) {
    this.#limits = limits;
  }

  /**
   * Takes in what a router said. `twin`: another router with the same id speaks already; it keeps its place until it
   * falls silent, or the map would flicker between the two.
   */
  take(documents: Documents, now: number): Taken {
    const id = documents.nodeinfo?.node_id ?? documents.statistics?.node_id ?? documents.neighbours?.node_id;
    if (id === undefined) return 'known';
    const before = this.#nodes.get(id);
    if (before === undefined && this.#nodes.size >= this.#limits.most) return 'full';
    if (before !== undefined && this.isOnline(before, now) && isTwin(before, documents)) return 'twin';
    this.#nodes.set(id, {
      id,
      nodeinfo: documents.nodeinfo ?? before?.nodeinfo ?? null,
      statistics: documents.statistics ?? before?.statistics ?? null,
      neighbours: documents.neighbours ?? before?.neighbours ?? null,
      firstSeen: before?.firstSeen ?? now,
      lastSeen: now,
    });
    return before === undefined ? 'new' : 'known';
  }

  /** Brings back what was kept over a restart. */
  restore(record: NodeRecord): void {
    this.#nodes.set(record.id, record);
  }

  isOnline(record: NodeRecord, now: number): boolean {
    return now - record.lastSeen < this.#limits.offlineAfter;
  }

  /** Forgets who was silent for too long; their ids. */
  prune(now: number): string[] {
    const gone = this.nodes.filter((each) => now - each.lastSeen >= this.#limits.forgetAfter);
    for (const { id } of gone) this.#nodes.delete(id);
    return gone.map(({ id }) => id);
  }

  /** Sorted by id. */
  get nodes(): readonly NodeRecord[] {
    return [...this.#nodes.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }
}

function isTwin(before: NodeRecord, { nodeinfo }: Documents): boolean {
  const [known, heard] = [before.nodeinfo?.network.mac, nodeinfo?.network.mac];
  return known !== undefined && heard !== undefined && known.toLowerCase() !== heard.toLowerCase();
}

export type LinkType = 'wifi' | 'vpn' | 'other';

/** Two routers that hear each other over one pair of interfaces. */
export interface MapLink {
  readonly type: LinkType;
  readonly source: string;
  readonly target: string;
  readonly sourceMac: string;
  readonly targetMac: string;
  /** 0 to 1: how well the source hears the target, and the other way round; null where one of them says nothing. */
  readonly sourceQuality: number | null;
  readonly targetQuality: number | null;
}

/** Ten for each router of a full book: what goes beyond is invented, and would take memory for nothing. */
const MOST_LINKS = 100_000;

/** The links between routers of the book, each once, sorted. Neighbours that are not in it are left out. */
export function linksOf(nodes: readonly NodeRecord[]): MapLink[] {
  const owners = new Map<string, { id: string; type: LinkType }>();
  for (const node of nodes)
    for (const [mac, type] of macsOf(node)) if (!owners.has(mac)) owners.set(mac, { id: node.id, type });
  const links = new Map<string, MapLink>();
  for (const node of nodes) {
    for (const [mac, { neighbours }] of Object.entries(node.neighbours?.batadv ?? {})) {
      for (const [other, heard] of Object.entries(neighbours)) {
        const owner = owners.get(other);
        if (owner === undefined || owner.id === node.id) continue;
        if (links.size >= MOST_LINKS) return sorted(links);
        add(links, { id: node.id, mac, type: owners.get(mac)?.type ?? 'other' }, { ...owner, mac: other }, heard);
      }
    }
  }
  return sorted(links);
}

function sorted(links: ReadonlyMap<string, MapLink>): MapLink[] {
  return [...links].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, link]) => link);
}

interface End {
  readonly id: string;
  readonly mac: string;
  readonly type: LinkType;
}

function add(links: Map<string, MapLink>, from: End, to: End, heard: BatmanNeighbour): void {
  const forward = from.mac < to.mac;
  const [source, target] = forward ? [from, to] : [to, from];
  const key = `${source.mac} ${target.mac}`;
  const quality = heard.tq === undefined ? null : Math.round((heard.tq / 255) * 1000) / 1000;
  const known = links.get(key);
  const types = [from.type, to.type];
  links.set(key, {
    // One end may not have said of what kind its interface is.
    type: types.includes('vpn') ? 'vpn' : types.includes('wifi') ? 'wifi' : 'other',
    source: source.id,
    target: target.id,
    sourceMac: source.mac,
    targetMac: target.mac,
    sourceQuality: forward ? quality : (known?.sourceQuality ?? null),
    targetQuality: forward ? (known?.targetQuality ?? null) : quality,
  });
}

/** Every hardware address that a router goes by. */
function macsOf({ nodeinfo, neighbours }: NodeRecord): Map<string, LinkType> {
  const macs = new Map<string, LinkType>();
  const put = (list: readonly string[] | undefined, type: LinkType): void => {
    for (const mac of list ?? []) macs.set(mac.toLowerCase(), type);
  };
  put(Object.keys(neighbours?.batadv ?? {}), 'other');
  put(nodeinfo?.network.mac === undefined ? [] : [nodeinfo.network.mac], 'other');
  for (const { interfaces } of Object.values(nodeinfo?.network.mesh ?? {})) {
    put(interfaces.other, 'other');
    put(interfaces.wireless, 'wifi');
    put(interfaces.tunnel, 'vpn');
  }
  return macs;
}

/** Ids of the routers that others use as their way out. */
export function gatewaysIn(nodes: readonly NodeRecord[]): Set<string> {
  const chosen = new Set(nodes.flatMap(({ statistics }) => statistics?.gateway?.toLowerCase() ?? []));
  return new Set(nodes.filter((node) => [...macsOf(node).keys()].some((mac) => chosen.has(mac))).map(({ id }) => id));
}
