import { createHash } from 'node:crypto';
import { Session, type Duplex, type DuplexHandler, type PeerAddress, type SessionOptions } from '@kith/torrent';
import { hashes } from '../metainfo/support.ts';

/** Bytes that one transmission takes: connections of a node take turns. */
const CHUNK = 16_384;
/** Bytes that wait unread at a receiver before the sender's side fills. */
const WINDOW = 262_144;
const LOW_MARK = 65_536;
/** Bytes that the system of a node takes at once. */
const SYSTEM = 4096;

export interface NodeOptions extends Partial<SessionOptions> {
  /** Bytes per second that the node sends at most. */
  readonly up?: number;
  /** Ms to any other node. */
  readonly latency?: number;
  /** It takes connections and never says a word. */
  readonly mute?: boolean;
}

/** Nodes with bandwidth and latency on one virtual clock. Everything follows from the seed. */
export class Network {
  now = 0;
  readonly nodes: SimNode[] = [];
  readonly seed: string;
  #events: { at: number; order: number; run: () => void }[] = [];
  #order = 0;

  constructor(seed: string) {
    this.seed = seed;
  }

  node(options: NodeOptions = {}): SimNode {
    const node = new SimNode(this, this.nodes.length + 1, options);
    this.nodes.push(node);
    return node;
  }

  at(time: number, run: () => void): void {
    this.#push({ at: Math.max(time, this.now), order: this.#order++, run });
  }

  /** Runs until `done`, or throws after `limit` of virtual time (ms) or when nothing will ever happen. */
  async until(done: () => boolean, limit: number, what: string): Promise<void> {
    const end = this.now + limit;
    while (!done()) {
      if (!(await this.#step(end))) throw new Error(`${what} did not happen within ${limit} ms (seed ${this.seed})`);
    }
  }

  async run(time: number): Promise<void> {
    const end = this.now + time;
    while (await this.#step(end));
    this.now = end;
  }

  async #step(end: number): Promise<boolean> {
    const event = this.#events[0];
    if (event === undefined || event.at > end) return false;
    this.#pop();
    this.now = event.at;
    event.run();
    // Stores answer in turns of their own.
    for (let i = 0; i < 6; i++) await Promise.resolve();
    return true;
  }

  #push(event: { at: number; order: number; run: () => void }): void {
    const heap = this.#events;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (!before(event, heap[up]!)) break;
      heap[at] = heap[up]!;
      at = up;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#events;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= heap.length) break;
      if (down + 1 < heap.length && before(heap[down + 1]!, heap[down]!)) down++;
      if (!before(heap[down]!, last)) break;
      heap[at] = heap[down]!;
      at = down;
    }
    heap[at] = last;
  }
}

function before(a: { at: number; order: number }, b: { at: number; order: number }): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** One machine: a session and its line. */
export class SimNode {
  readonly address: PeerAddress;
  readonly session: Session;
  readonly network: Network;
  readonly mute: boolean;
  readonly latency: number;
  /** Takes incoming connections instead of the session. */
  onAccept: ((duplex: Duplex) => void) | undefined;
  /** Connections that the session asked for. */
  dialled = 0;
  /** Bytes that the line carried. */
  sent = 0;
  up: number;
  #lines: SimDuplex[] = [];
  #sending = false;
  #wakeAt = Number.POSITIVE_INFINITY;

  constructor(network: Network, number: number, options: NodeOptions) {
    this.network = network;
    this.address = { ip: `10.${number >> 8}.${number & 255}.1`, port: 6881 };
    this.mute = options.mute === true;
    this.latency = options.latency ?? 10;
    this.up = options.up ?? 10_000_000;
    const draw = drawer(`${network.seed}/${number}`);
    this.session = new Session(
      {
        hashes,
        random: draw,
        peerId: draw(20),
        port: this.address.port,
        ...options,
        wake: (at) => this.#wake(at),
      },
      network.now,
    );
  }

  /** Raw connection to another node, not through the session. */
  dial(to: SimNode): SimDuplex {
    const [here, there] = SimDuplex.pair(this, to);
    this.network.at(this.network.now + this.latency, () => {
      if (to.onAccept !== undefined) to.onAccept(there);
      else if (!to.mute) to.session.accept(there, this.network.now);
      else there.start({ data: () => undefined, drain: () => undefined, closed: () => undefined });
    });
    return here;
  }

  attach(line: SimDuplex): void {
    this.#lines.push(line);
  }

  detach(line: SimDuplex): void {
    this.#lines = this.#lines.filter((other) => other !== line);
  }

  /** Sends the next chunk of the connection whose turn it is. */
  pump(): void {
    if (this.#sending) return;
    const index = this.#lines.findIndex((line) => line.sendable);
    if (index < 0) return;
    const [line] = this.#lines.splice(index, 1) as [SimDuplex];
    this.#lines.push(line);
    const bytes = line.take(CHUNK);
    this.sent += bytes.length;
    this.#sending = true;
    const { network } = this;
    network.at(network.now + (bytes.length * 1000) / this.up, () => {
      this.#sending = false;
      network.at(network.now + this.latency, () => line.other.receive(bytes));
      line.drained();
      this.pump();
    });
  }

  #wake(at: number): void {
    if (at >= this.#wakeAt) return;
    this.#wakeAt = at;
    this.network.at(at, () => this.#tick(at));
  }

  #tick(at: number): void {
    if (at !== this.#wakeAt) return;
    this.#wakeAt = Number.POSITIVE_INFINITY;
    const { now } = this.network;
    this.session.tick(now);
    for (const { torrent, address } of this.session.dials(now)) {
      this.dialled++;
      const to = this.network.nodes.find(
        (node) => node.address.ip === address.ip && node.address.port === address.port,
      );
      if (to === undefined) {
        this.network.at(now + 3000, () => this.session.dialFailed(torrent, address, this.network.now));
        continue;
      }
      const line = this.dial(to);
      this.network.at(now + 2 * this.latency, () => this.session.connected(line, torrent, this.network.now, address));
    }
    const next = this.session.nextWake();
    if (next !== Number.POSITIVE_INFINITY) this.#wake(next);
  }
}

/** One end of a connection over the two nodes' lines. */
export class SimDuplex implements Duplex {
  readonly kind = 'memory';
  readonly remote: PeerAddress;
  readonly incoming: boolean;
  other!: SimDuplex;
  /** Most that ever waited to be sent, bytes. */
  mostPending = 0;
  pending = 0;
  readonly #node: SimNode;
  #handler: DuplexHandler | undefined;
  #out: Uint8Array[] = [];
  #in: Uint8Array[] = [];
  #unread = 0;
  #paused = false;
  #closed = false;
  #wasHigh = false;

  static pair(from: SimNode, to: SimNode): [SimDuplex, SimDuplex] {
    const here = new SimDuplex(from, to.address, false);
    const there = new SimDuplex(to, { ip: from.address.ip, port: 40_000 + from.address.port }, true);
    here.other = there;
    there.other = here;
    from.attach(here);
    to.attach(there);
    return [here, there];
  }

  private constructor(node: SimNode, remote: PeerAddress, incoming: boolean) {
    this.#node = node;
    this.remote = remote;
    this.incoming = incoming;
  }

  get sendable(): boolean {
    return this.pending > 0 && this.other.#unread < WINDOW;
  }

  start(handler: DuplexHandler): void {
    this.#handler = handler;
    this.#node.network.at(this.#node.network.now, () => this.#read());
  }

  write(chunks: readonly Uint8Array[]): void {
    if (this.#closed) return;
    for (const chunk of chunks) {
      this.#out.push(chunk.slice());
      this.pending += chunk.length;
    }
    this.mostPending = Math.max(this.mostPending, this.pending);
    if (this.pending > LOW_MARK) this.#wasHigh = true;
    this.#node.pump();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#node.network.at(this.#node.network.now, () => this.#read());
  }

  close(reason: string): void {
    if (this.#closed) return;
    // A system sends the little that it took before the end.
    const last = this.pending <= SYSTEM ? this.#out : [];
    this.#end(reason);
    // Behind what is on its way.
    const passing = 1 + (CHUNK * 1000) / this.#node.up;
    this.#node.network.at(this.#node.network.now + this.#node.latency + passing, () => {
      for (const bytes of last) this.other.receive(bytes);
      this.other.#end('closed by the peer');
    });
  }

  take(most: number): Uint8Array {
    const first = this.#out[0] as Uint8Array;
    const bytes = first.subarray(0, most);
    if (bytes.length === first.length) this.#out.shift();
    else this.#out[0] = first.subarray(most);
    this.pending -= bytes.length;
    return bytes;
  }

  drained(): void {
    if (!this.#wasHigh || this.pending > LOW_MARK || this.#closed) return;
    this.#wasHigh = false;
    this.#handler?.drain(this.#node.network.now);
  }

  receive(bytes: Uint8Array): void {
    if (this.#closed) return;
    this.#in.push(bytes);
    this.#unread += bytes.length;
    this.#read();
  }

  #read(): void {
    while (!this.#paused && !this.#closed && this.#handler !== undefined) {
      const bytes = this.#in.shift();
      if (bytes === undefined) break;
      this.#unread -= bytes.length;
      this.#handler.data(bytes.slice(), this.#node.network.now);
    }
    this.other.#node.pump();
  }

  #end(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#out = [];
    this.pending = 0;
    this.#node.detach(this);
    this.#node.network.at(this.#node.network.now, () => this.#handler?.closed(reason, this.#node.network.now));
  }
}

/** Bytes from a seed. */
export function drawer(seed: string): (length: number) => Uint8Array {
  let counter = 0;
  return (length) => {
    const out = new Uint8Array(length);
    for (let at = 0; at < length; at += 32) {
      const block = createHash('sha256').update(`${seed}:${counter++}`).digest();
      out.set(block.subarray(0, Math.min(32, length - at)), at);
    }
    return out;
  };
}
