import {
  infoHash20,
  Layout,
  type Metainfo,
  PeerWire,
  type Duplex,
  type Encryption,
  type WireHandler,
} from '@kith/torrent';
import { LinkedDuplex } from './linked-duplex.ts';
import { fetchRange, type WebAgents, WebSeedError } from './range-fetch.ts';
import { webSeedUrl } from './web-seed-url.ts';

export interface WebSeedOptions {
  readonly url: string;
  readonly torrent: Metainfo;
  readonly agents: WebAgents;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  /** Monotonic ms. */
  readonly now: () => number;
  /** Stands for the server's address among the peers; 0.0.0.0/8 is nobody's. */
  readonly number: number;
  /** As the session's, where it insists on encryption. */
  readonly encryption?: Encryption;
  /** Ms without a byte after which the server counts as silent: 20,000. */
  readonly silence?: number;
  /** Ms until the first new try, doubled with each: 1,000. */
  readonly backOff?: number;
  /** Failures one after the other until the seed is given up: 6. */
  readonly tries?: number;
  /** The seed is given up, or the swarm has hung up. `lasting`: connecting again would not help. */
  readonly onEnd?: (reason: string, lasting: boolean) => void;
}

interface Block {
  readonly piece: number;
  readonly begin: number;
  readonly length: number;
}

/** Bytes of neighbouring blocks that one request to the server covers at most. */
const RUN = 4 * 1_048_576;
/** Requests to the server under way at a time. */
const PARALLEL = 2;
/** Requests of the swarm that wait; the others are refused. */
const MOST_WAITING = 4096;
const HIGH = 1_048_576;
const LONGEST_WAIT = 300_000;

/**
 * An HTTP server with the torrent's files (BEP 19) as a peer that has everything: give the end that this returns to
 * `Session.accept`. Blocks that the swarm asks for are gathered into ranges of files; what nobody wants any more is not
 * loaded to its end.
 */
export function connectWebSeed(options: WebSeedOptions): Duplex {
  const { number } = options;
  const ip = `0.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;
  const [inner, outer] = LinkedDuplex.pair({ ip, port: 80 }, options.now);
  const seed = new WebSeed(options);
  seed.wire = PeerWire.dialed(inner, seed, {
    handshake: {
      ...{ infoHash: infoHash20(options.torrent), peerId: options.peerId },
      ...{ extensions: false, fast: true, dht: false, v2: options.torrent.version === 'hybrid' },
    },
    // The session may answer for the v2 side of a hybrid.
    ...(options.torrent.infoHashV2 === undefined ? {} : { otherInfoHash: options.torrent.infoHashV2.subarray(0, 20) }),
    ...(options.encryption === undefined ? {} : { encryption: options.encryption }),
  });
  return outer;
}

class WebSeed implements WireHandler {
  wire: PeerWire | undefined;
  readonly #options: WebSeedOptions;
  readonly #layout: Layout;
  #waiting: Block[] = [];
  readonly #runs: Set<Run> = new Set();
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #drained: (() => void)[] = [];
  #ended = false;
  #lasting = false;

  constructor(options: WebSeedOptions) {
    this.#options = options;
    this.#layout = new Layout(options.torrent);
  }

  handshake(): void {
    this.wire?.haveAll();
  }

  interested(): void {
    if (this.#timer === undefined) this.wire?.unchoke();
  }

  request(piece: number, begin: number, length: number): void {
    const { torrent } = this.#options;
    const there = piece < torrent.pieceCount && begin + length <= torrent.pieceSize(piece);
    if (!there || this.#timer !== undefined || this.#waiting.length >= MOST_WAITING)
      this.wire?.reject(piece, begin, length);
    else this.#waiting.push({ piece, begin, length });
  }

  cancel(piece: number, begin: number): void {
    const same = (block: Block): boolean => block.piece === piece && block.begin === begin;
    const found = this.#waiting.find(same);
    this.#waiting = this.#waiting.filter((block) => !same(block));
    if (found !== undefined) this.wire?.reject(piece, begin, found.length);
    for (const run of this.#runs) {
      if (run.blocks.some(same)) run.unwanted.add(`${piece} ${begin}`);
      // Nobody wants any of it: the rest need not come.
      if (run.blocks.every((block) => run.unwanted.has(`${block.piece} ${block.begin}`))) run.abort.abort();
    }
  }

  settled(): void {
    this.#fetch();
  }

  drain(): void {
    for (const go of this.#drained.splice(0)) go();
  }

  closed(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    for (const run of this.#runs) run.abort.abort();
    this.drain();
    this.#options.onEnd?.(reason, this.#lasting);
  }

  /** What else a peer may say means nothing to one that only gives. */
  choke(): void {}
  unchoke(): void {}
  notInterested(): void {}
  have(): void {}
  bitfield(): void {}
  haveAll(): void {}
  haveNone(): void {}
  reject(): void {}
  suggest(): void {}
  allowedFast(): void {}
  port(): void {}
  block(): void {}
  extension(): void {}
  hashes(): void {}
  hashReject(): void {}
  blockStart(): undefined {
    return undefined;
  }
  hashRequest(range: Parameters<WireHandler['hashRequest']>[0]): void {
    this.wire?.hashReject(range);
  }

  #fetch(): void {
    while (this.#runs.size < PARALLEL && this.#waiting.length > 0 && this.#timer === undefined && !this.#ended) {
      const run: Run = { blocks: this.#nextRun(), done: 0, abort: new AbortController(), unwanted: new Set() };
      this.#runs.add(run);
      void this.#load(run);
    }
  }

  /** The block that waited longest and those that follow it in the stream. */
  #nextRun(): Block[] {
    const { pieceLength } = this.#options.torrent;
    const byPlace = new Map(this.#waiting.map((block) => [block.piece * pieceLength + block.begin, block]));
    const [first] = this.#waiting;
    const blocks: Block[] = [];
    let at = first === undefined ? 0 : first.piece * pieceLength + first.begin;
    for (let size = 0; size < RUN;) {
      const block = byPlace.get(at);
      if (block === undefined) break;
      byPlace.delete(at);
      blocks.push(block);
      at += block.length;
      size += block.length;
    }
    const taken = new Set(blocks);
    this.#waiting = this.#waiting.filter((block) => !taken.has(block));
    return blocks;
  }

  async #load(run: Run): Promise<void> {
    try {
      let current = new Uint8Array(run.blocks[0]?.length ?? 0);
      let filled = 0;
      for await (const chunk of this.#bytes(run)) {
        for (let at = 0; at < chunk.length;) {
          const n = Math.min(chunk.length - at, current.length - filled);
          current.set(chunk.subarray(at, at + n), filled);
          at += n;
          filled += n;
          if (filled < current.length) break;
          this.#give(run, current);
          current = new Uint8Array(run.blocks[run.done]?.length ?? 0);
          filled = 0;
        }
        this.wire?.flush();
        if ((this.wire?.pending ?? 0) > HIGH) await new Promise<void>((resolve) => this.#drained.push(resolve));
      }
      this.#failures = 0;
    } catch (error) {
      if (!this.#ended) this.#failed(run, error);
    } finally {
      this.#runs.delete(run);
      this.#fetch();
    }
  }

  async *#bytes(run: Run): AsyncGenerator<Uint8Array> {
    const { torrent, url, agents, silence = 20_000 } = this.#options;
    const [first] = run.blocks;
    if (first === undefined) return;
    const length = run.blocks.reduce((sum, block) => sum + block.length, 0);
    for (const segment of this.#layout.segments(first.piece * torrent.pieceLength + first.begin, length)) {
      const file = torrent.files[segment.file];
      if (file === undefined) {
        yield new Uint8Array(segment.length);
        continue;
      }
      const { begin } = segment;
      const range = { begin, end: begin + segment.length, length: file.length };
      yield* fetchRange({ url: webSeedUrl(url, torrent, file), ...range, agents, silence, signal: run.abort.signal });
    }
  }

  #give(run: Run, bytes: Uint8Array): void {
    const block = run.blocks[run.done++];
    if (block === undefined) return;
    const { piece, begin, length } = block;
    if (run.unwanted.has(`${piece} ${begin}`)) this.wire?.reject(piece, begin, length);
    else this.wire?.piece(piece, begin, bytes);
  }

  /** Refuses what was asked for, and everything else until the server had time to recover. */
  #failed(run: Run, error: unknown): void {
    const { wire } = this;
    for (const { piece, begin, length } of run.blocks.slice(run.done)) wire?.reject(piece, begin, length);
    if (run.abort.signal.aborted) {
      wire?.flush();
      return;
    }
    const { backOff = 1000, tries = 6, url } = this.#options;
    const reason = `web seed ${url}: ${error instanceof Error ? error.message : String(error)}`;
    const known = error instanceof WebSeedError ? error : undefined;
    this.#lasting = known?.lasting === true;
    this.#failures++;
    if (this.#lasting || this.#failures >= tries) {
      wire?.close(reason);
      return;
    }
    for (const { piece, begin, length } of this.#waiting) wire?.reject(piece, begin, length);
    this.#waiting = [];
    wire?.choke();
    wire?.flush();
    const wait = Math.max(backOff * 2 ** (this.#failures - 1), (known?.retryAfter ?? 0) * 1000);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        wire?.unchoke();
        wire?.flush();
      },
      Math.min(LONGEST_WAIT, wait),
    );
    this.#timer.unref();
  }
}

/** Neighbouring blocks that are loaded together. */
interface Run {
  readonly blocks: readonly Block[];
  /** Blocks that were given. */
  done: number;
  readonly abort: AbortController;
  /** `piece begin` of blocks that were cancelled. */
  readonly unwanted: Set<string>;
}
