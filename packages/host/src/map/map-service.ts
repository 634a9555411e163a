/**
 * The map of the community: routers are asked, what they say is kept over restarts, and the files that maps read are
 * written into a folder after each round and handed out over HTTP by whoever serves them.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  BOOK_LIMITS,
  type BookLimits,
  graphJson,
  type Json,
  meshviewerJson,
  NodeBook,
  nodelistJson,
  nodeMetrics,
  nodesJson,
} from '@kith/gateway';
import { type Clock, SYSTEM_CLOCK } from '../respondd/clock.ts';
import { Collector, type CollectorEvent, type CollectorSnapshot } from '../respondd/collector.ts';
import type { Segment } from '../respondd/links.ts';
import { type Loaded, loadBook, saveBook } from './book-file.ts';
import { writeWhole } from './whole-file.ts';

export interface MapOptions {
  /** Where the book and the files are; made where it is missing. */
  readonly folder: string;
  readonly segments: readonly Segment[];
  /** Milliseconds between two questions to all routers. */
  readonly interval: number;
  readonly limits?: BookLimits;
  readonly clock?: Clock;
  readonly onEvent?: (event: MapEvent) => void;
}

export type MapEvent =
  | CollectorEvent
  /** The files were written. */
  | { readonly type: 'written' }
  /** They could not be; the next round tries again. */
  | { readonly type: 'unwritten'; readonly error: unknown };

/** A router in a list of news. */
export interface NewsItem {
  readonly id: string;
  readonly hostname: string | null;
  /** ms since 1970: when it was seen first, or last. */
  readonly at: number;
}

export interface MapSnapshot {
  readonly known: number;
  readonly online: number;
  /** Seen for the first time within the last day, the latest first. */
  readonly fresh: readonly NewsItem[];
  /** Fallen silent within the last day, the latest first. */
  readonly lost: readonly NewsItem[];
  readonly loaded: Loaded;
  readonly collector: CollectorSnapshot;
}

/** What is served: all in memory, made at most every few seconds. */
export interface Served {
  readonly type: string;
  readonly body: string;
}

const FILES: Readonly<Record<string, (book: NodeBook, wall: number) => Json>> = {
  'nodes.json': nodesJson,
  'graph.json': graphJson,
  'meshviewer.json': meshviewerJson,
  'nodelist.json': nodelistJson,
};

const DAY = 86_400_000;
const MOST_NEWS = 50;
/** The book is saved that often (ms): a router that is new to it may be so once more after a crash. */
const SAVE_EVERY = 300_000;
/** What was made for one reader serves all that come within that time (ms). */
const SERVE_FOR = 5000;

export class MapService {
  readonly #options: MapOptions;
  readonly #clock: Clock;
  readonly #book: NodeBook;
  readonly #loaded: Loaded;
  readonly #collector: Collector;
  readonly #made = new Map<string, { readonly at: number; readonly body: string }>();
  #saved: number;
  #writing: Promise<void> = Promise.resolve();
  #isWriting = false;

  private constructor(options: MapOptions, book: NodeBook, loaded: Loaded) {
    this.#options = options;
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    this.#book = book;
    this.#loaded = loaded;
    this.#saved = this.#clock.now();
    this.#collector = new Collector({
      segments: options.segments,
      interval: options.interval,
      book,
      clock: this.#clock,
      onEvent: (event) => this.#onEvent(event),
    });
  }

  /** Reads what was kept. Nobody is asked before {@link start}. */
  static async open(options: MapOptions): Promise<MapService> {
    const limits = options.limits ?? BOOK_LIMITS;
    const book = new NodeBook(limits);
    await mkdir(options.folder, { recursive: true });
    const wall = (options.clock ?? SYSTEM_CLOCK).wall();
    const loaded = await loadBook(join(options.folder, BOOK), book, limits.most, wall);
    book.prune(wall);
    return new MapService(options, book, loaded);
  }

  start(): void {
    this.#collector.start();
  }

  /** Saves the book; where that fails it is told as an event, as there is nobody left who could mend it. */
  async stop(): Promise<void> {
    await this.#collector.stop();
    await this.#writing;
    try {
      await saveBook(join(this.#options.folder, BOOK), this.#book);
    } catch (error) {
      this.#options.onEvent?.({ type: 'unwritten', error });
    }
  }

  /** @param path of a request: `/nodes.json`, `/graph.json`, `/meshviewer.json`, `/nodelist.json`; null for others */
  serve(path: string): Served | null {
    const name = path.replace(/^\//, '');
    const make = Object.hasOwn(FILES, name) ? FILES[name] : undefined;
    return make === undefined ? null : { type: 'application/json', body: this.#body(name, make) };
  }

  /** The routers' figures, for Prometheus. */
  metrics(): string {
    return nodeMetrics(this.#book, this.#clock.wall());
  }

  snapshot(): MapSnapshot {
    const wall = this.#clock.wall();
    const nodes = this.#book.nodes;
    const online = nodes.filter((node) => this.#book.isOnline(node, wall));
    const silent = nodes.filter((node) => !this.#book.isOnline(node, wall));
    const news = (of: typeof nodes, key: 'firstSeen' | 'lastSeen'): NewsItem[] =>
      of
        .filter((node) => wall - node[key] < DAY)
        .map((node) => ({ id: node.id, hostname: node.nodeinfo?.hostname ?? null, at: node[key] }))
        .sort((a, b) => b.at - a.at)
        .slice(0, MOST_NEWS);
    return {
      known: nodes.length,
      online: online.length,
      fresh: news(online, 'firstSeen'),
      lost: news(silent, 'lastSeen'),
      loaded: this.#loaded,
      collector: this.#collector.snapshot(),
    };
  }

  #body(name: string, make: (book: NodeBook, wall: number) => Json): string {
    const now = this.#clock.now();
    const made = this.#made.get(name);
    if (made !== undefined && now - made.at < SERVE_FOR) return made.body;
    const body = JSON.stringify(make(this.#book, this.#clock.wall()));
    this.#made.set(name, { at: now, body });
    return body;
  }

  #onEvent(event: CollectorEvent): void {
    this.#options.onEvent?.(event);
    // A round that ends while a slow disk still writes the one before it is written with the next.
    if (event.type !== 'round' || this.#isWriting) return;
    this.#isWriting = true;
    this.#writing = this.#write().finally(() => (this.#isWriting = false));
  }

  async #write(): Promise<void> {
    const { folder, onEvent } = this.#options;
    try {
      for (const [name, make] of Object.entries(FILES)) await writeWhole(join(folder, name), [this.#body(name, make)]);
      if (this.#clock.now() - this.#saved >= SAVE_EVERY) {
        await saveBook(join(folder, BOOK), this.#book);
        this.#saved = this.#clock.now();
      }
      onEvent?.({ type: 'written' });
    } catch (error) {
      onEvent?.({ type: 'unwritten', error });
    }
  }
}

const BOOK = 'routers.jsonl';
