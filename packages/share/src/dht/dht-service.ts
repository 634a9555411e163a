/**
 * Gives the nodes of the DHT, one for each family, what they lack: sockets, the clock, a timer and a file. It talks to those
 * alone whom its filter allows, and to nobody before it is given nodes to begin with.
 */
import { randomBytes } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { performance } from 'node:perf_hooks';
import { dht, type PeerAddress } from '@kith/torrent';
import type { PeerFilter } from '../net/peer-filter.ts';
import { nodeHashes } from '../node-hashes.ts';
import { DhtSocket } from './dht-socket.ts';
import { nodeSignatures } from './node-signatures.ts';
import { loadStates, saveStates } from './state-file.ts';

/** A node to begin with; `host` may be a name. */
export interface BootstrapNode {
  readonly host: string;
  readonly port: number;
}

/** Nodes that keep themselves ready for newcomers of the public DHT. */
export const PUBLIC_BOOTSTRAP: readonly BootstrapNode[] = [
  { host: 'dht.libtorrent.org', port: 25_401 },
  { host: 'dht.transmissionbt.com', port: 6881 },
  { host: 'router.bittorrent.com', port: 6881 },
];

export interface DhtServiceOptions {
  /** UDP; the number of the TCP port, which others expect. 0 for any free one. */
  readonly port: number;
  /** Addresses to bind, one of each family at most; all of both families without it. */
  readonly addresses?: readonly string[];
  /** Whom to talk to. */
  readonly filter: PeerFilter;
  /** None by default. */
  readonly bootstrap?: readonly BootstrapNode[];
  /** Where nodes are remembered. */
  readonly file?: string;
  readonly onPeers?: (infoHash: Uint8Array, peers: readonly PeerAddress[]) => void;
  /** Hears everything, of both families. */
  readonly listener?: (event: dht.DhtEvent) => void;
  /** See `DhtNodeOptions`. */
  readonly readOnly?: boolean;
  readonly onlySecure?: boolean;
  readonly exemptLocal?: boolean;
  readonly limits?: Partial<dht.DhtLimits>;
}

type Hear = (family: dht.Family, bytes: Uint8Array, from: PeerAddress) => void;

const SAVE_EVERY = 600_000;
const RESOLVE_EVERY = 60_000;
/** Longest time that Node's timers take, ms. */
const LONGEST = 2 ** 31 - 1;
const ATTEMPTS = 16;

export class DhtService {
  readonly #options: DhtServiceOptions;
  readonly #sockets: readonly DhtSocket[];
  readonly #nodes: readonly dht.DhtNode[];
  readonly #saving: NodeJS.Timeout;
  #resolving: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** @throws KithError SHARE_PORT_UNUSABLE */
  static async start(options: DhtServiceOptions): Promise<DhtService> {
    const states = await loadStates(options.file);
    let hear: Hear = () => undefined;
    const sockets = await bindAll(options, (family, bytes, from) => hear(family, bytes, from));
    const service = new DhtService(options, sockets, states);
    hear = (family, bytes, from) => service.#heard(family, bytes, from);
    return service;
  }

  private constructor(
    options: DhtServiceOptions,
    sockets: readonly DhtSocket[],
    states: ReadonlyMap<dht.Family, dht.NodeState>,
  ) {
    this.#options = options;
    this.#sockets = sockets;
    const now = performance.now();
    this.#nodes = sockets.map(({ family }) => {
      const state = states.get(family);
      const { readOnly = false, onlySecure = false, exemptLocal = false } = options;
      return new dht.DhtNode(
        {
          ...{ family, readOnly, onlySecure, exemptLocal, hashes: nodeHashes, crypto: nodeSignatures },
          random: (length) => randomBytes(length),
          permits: (ip) => options.filter.allows(ip),
          listener: (event) => this.#happened(event),
          ...(state === undefined ? {} : { state }),
          ...(options.limits === undefined ? {} : { limits: options.limits }),
        },
        now,
      );
    });
    const [first, second] = this.#nodes;
    if (first !== undefined && second !== undefined) first.pair(second);
    this.#saving = setInterval(() => void this.#save(), SAVE_EVERY);
    this.#saving.unref();
    void this.#bootstrap(options.bootstrap ?? []);
    this.#flush();
  }

  /** UDP. */
  get port(): number {
    return this.#sockets[0]?.port ?? 0;
  }

  /** One for each family that this machine has. */
  get nodes(): readonly dht.DhtNode[] {
    return this.#nodes;
  }

  /** Looks for peers of a torrent, and announces this node, again and again. Calling it again changes how. */
  track(tracked: dht.Tracked): void {
    const now = performance.now();
    for (const node of this.#nodes) node.track(tracked, now);
    this.#flush();
  }

  untrack(infoHash: Uint8Array): void {
    for (const node of this.#nodes) node.untrack(infoHash);
  }

  /** There may be a node: a peer said so. */
  addNode(address: PeerAddress): void {
    if (this.#closed) return;
    for (const node of this.#nodes) node.addNode(address, performance.now());
    this.#flush();
  }

  /** The value at `target` (BEP 44), the newest of what is found over both families; undefined where there is none. */
  async get(target: Uint8Array, salt: Uint8Array = new Uint8Array(0)): Promise<dht.DhtItem | undefined> {
    const found = await this.#onEach<dht.DhtItem | undefined>((node, done) => node.get(target, salt, done));
    const sequence = (item: dht.DhtItem) => (dht.isMutable(item) ? item.sequence : 0);
    return found.filter((item) => item !== undefined).toSorted((a, b) => sequence(b) - sequence(a))[0];
  }

  /**
   * Stores a value (BEP 44). How many nodes took it.
   * @param cas the sequence number that it is to replace
   */
  async put(item: dht.DhtItem, cas?: number): Promise<number> {
    const outcomes = await this.#onEach<dht.SearchOutcome | undefined>((node, done) => node.put(item, cas, done));
    return outcomes.reduce((sum, outcome) => sum + (outcome?.stored ?? 0), 0);
  }

  /** Writes down which nodes are known, and ends. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#saving);
    clearTimeout(this.#resolving);
    clearTimeout(this.#timer);
    await this.#save();
    await Promise.all(this.#sockets.map((socket) => socket.close()));
  }

  async #onEach<T>(
    work: (node: dht.DhtNode, done: (result: T | undefined) => void) => boolean,
  ): Promise<(T | undefined)[]> {
    const all = this.#nodes.map(
      (node) =>
        new Promise<T | undefined>((resolve) => {
          if (!work(node, resolve)) resolve(undefined);
        }),
    );
    this.#flush();
    return Promise.all(all);
  }

  #happened(event: dht.DhtEvent): void {
    if (event.kind === 'peers') this.#options.onPeers?.(event.infoHash, event.peers);
    this.#options.listener?.(event);
  }

  #heard(family: dht.Family, bytes: Uint8Array, from: PeerAddress): void {
    if (this.#closed) return;
    const now = performance.now();
    for (const node of this.#nodes) if (node.family === family) node.handle(bytes, from, now);
    this.#flush();
  }

  /** Sends what waits, and sets the timer. */
  #flush(): void {
    if (this.#closed) return;
    const now = performance.now();
    let next = Number.POSITIVE_INFINITY;
    for (const node of this.#nodes) {
      const socket = this.#sockets.find(({ family }) => family === node.family);
      for (let out = node.pollSend(); out !== undefined; out = node.pollSend()) socket?.send(out.bytes, out.to);
      next = Math.min(next, node.nextWake(now));
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#tick(), Math.min(Math.max(1, next - now), LONGEST));
  }

  #tick(): void {
    const now = performance.now();
    for (const node of this.#nodes) node.tick(now);
    this.#flush();
  }

  async #bootstrap(wanted: readonly BootstrapNode[]): Promise<void> {
    const failed: BootstrapNode[] = [];
    for (const node of wanted) {
      try {
        const found = await lookup(node.host, { all: true });
        if (this.#closed) return;
        const addresses = found.map(({ address }) => ({ ip: address.replace(/%.*$/, ''), port: node.port }));
        for (const each of this.#nodes) each.bootstrap(addresses, performance.now());
        this.#flush();
      } catch {
        failed.push(node);
      }
    }
    // Without names there may be no network yet.
    if (failed.length > 0 && !this.#closed) {
      this.#resolving = setTimeout(() => void this.#bootstrap(failed), RESOLVE_EVERY);
      this.#resolving.unref();
    }
  }

  async #save(): Promise<void> {
    const { file } = this.#options;
    const states = new Map(this.#nodes.map((node) => [node.family, node.exportState()]));
    // Who knows nobody yet keeps what an earlier run knew.
    if (file === undefined || this.#nodes.every(({ nodes }) => nodes === 0)) return;
    // Without it the next start takes longer, that is all.
    await saveStates(file, states).catch(() => undefined);
  }
}

/** A socket for each address. With port 0 the port that is free for one may be taken for another: others are tried. */
async function bindAll(options: DhtServiceOptions, heard: Hear): Promise<DhtSocket[]> {
  const addresses = options.addresses ?? ['0.0.0.0', '::'];
  for (let attempt = 1; ; attempt++) {
    const sockets: DhtSocket[] = [];
    try {
      for (const address of addresses) {
        const family = address.includes(':') ? 6 : 4;
        const port = sockets[0]?.port ?? options.port;
        const optional = options.addresses === undefined && family === 6;
        const socket = await DhtSocket.bind(address, port, optional, (bytes, from) => heard(family, bytes, from));
        if (socket !== undefined) sockets.push(socket);
      }
      return sockets;
    } catch (error) {
      await Promise.all(sockets.map((socket) => socket.close()));
      if (options.port !== 0 || sockets.length === 0 || attempt >= ATTEMPTS) throw error;
    }
  }
}
