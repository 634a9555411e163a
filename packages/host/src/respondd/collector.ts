/**
 * Asks the routers on each interface for what a map shows, and keeps what they say in the book. Every interval both
 * groups are asked; half an interval later those that are silent are asked one by one, because answers to a group get
 * lost in a crowd. Questions leave from the interface's link-local address, or routers would not answer them
 * (gluon-respondd takes no others but the site's), and the answers come back to a socket of that interface alone.
 */
import type { Socket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { TokenBucket } from '@kith/core';
import { type NodeBook, requestText, RESPONDD_LINK_GROUP, RESPONDD_PORT, RESPONDD_SITE_GROUP } from '@kith/gateway';
import { type Clock, SYSTEM_CLOCK } from './clock.ts';
import { Intake, INTAKE_LIMITS, type IntakeLimits, type Refusal, type Source } from './intake.ts';
import { type Link, linkNamed, sameLink, type Segment } from './links.ts';
import { closeSocket, openSocket } from './socket.ts';

export interface CollectorOptions {
  readonly segments: readonly Segment[];
  /** Milliseconds between two questions to everybody. */
  readonly interval: number;
  readonly book: NodeBook;
  readonly limits?: IntakeLimits;
  readonly clock?: Clock;
  /** Called after the book has changed. */
  readonly onEvent?: (event: CollectorEvent) => void;
}

export type CollectorEvent =
  /** Who answers a question to all has done so. */
  | { readonly type: 'round'; readonly online: number; readonly known: number }
  | { readonly type: 'new' | 'back' | 'lost' | 'forgotten'; readonly id: string }
  | { readonly type: 'refused'; readonly complaint: Complaint };

/** The last refusal of one kind that a source got. */
export interface Complaint {
  readonly reason: Refusal;
  readonly why: string;
  readonly address: string;
  readonly interface: string;
  /** ms since 1970. */
  readonly at: number;
  /** How often it happened. */
  readonly times: number;
}

export interface CollectorSnapshot {
  readonly interfaces: readonly {
    readonly name: string;
    /** Why it is not asked on it; null where it is. */
    readonly trouble: string | null;
  }[];
  /** Datagrams that were sent. */
  readonly questions: number;
  /** Answers that were taken. */
  readonly answers: number;
  readonly refused: Readonly<Record<Refusal, number>>;
  /** The latest ones, the newest first. */
  readonly complaints: readonly Complaint[];
  /** Values that were left out of answers: their paths. */
  readonly oddities: readonly { readonly id: string; readonly paths: readonly string[] }[];
}

const MOST_COMPLAINTS = 50;
const MOST_ODD = 200;
/** Refusals that are told one by one: whoever invents addresses must not fill a log. The counters have all of them. */
const LOUDNESS = { rate: 0.2, burst: 20 } as const;
/** Within that time (ms) a router answers a group, ten seconds of gluon-respondd's and the way. */
const ANSWERED = 12_000;
/** Interfaces are looked after that often (ms). */
const LOOK = 1000;
/** Questions to single routers, at once and then after a break (ms). */
const BATCH = { size: 32, pause: 50 } as const;

interface Asked {
  readonly segment: Segment;
  link: Link | null;
  socket: Socket | null;
  trouble: string | null;
}

interface Home {
  readonly asked: Asked;
  readonly address: string;
  /** Monotonic. */
  heard: number;
}

export class Collector {
  readonly #options: CollectorOptions;
  readonly #clock: Clock;
  readonly #intake: Intake;
  readonly #asked: Asked[];
  readonly #homes = new Map<string, Home>();
  readonly #complaints = new Map<string, Complaint>();
  readonly #oddities = new Map<string, readonly string[]>();
  readonly #refused: Record<Refusal, number> = {
    source: 0,
    port: 0,
    rate: 0,
    flood: 0,
    deflate: 0,
    size: 0,
    content: 0,
    twin: 0,
    full: 0,
  };
  readonly #loud = new TokenBucket(LOUDNESS.rate, LOUDNESS.burst);
  #online = new Set<string>();
  #questions = 0;
  #answers = 0;
  #ending: AbortController | null = null;
  #running: Promise<void> = Promise.resolve();

  constructor(options: CollectorOptions) {
    this.#options = options;
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    this.#intake = new Intake(options.book, options.limits ?? INTAKE_LIMITS);
    this.#asked = options.segments.map((segment) => ({ segment, link: null, socket: null, trouble: null }));
  }

  /** Asks at once and then every interval. Interfaces that are not there are asked on as soon as they are. */
  start(): void {
    if (this.#ending !== null) return;
    this.#ending = new AbortController();
    const wall = this.#clock.wall();
    this.#online = new Set(this.#options.book.nodes.filter((node) => this.#isOnline(node, wall)).map(({ id }) => id));
    this.#running = this.#run(this.#ending.signal);
  }

  async stop(): Promise<void> {
    this.#ending?.abort();
    await this.#running;
    this.#ending = null;
    await Promise.all(this.#asked.map((asked) => close(asked)));
  }

  snapshot(): CollectorSnapshot {
    return {
      interfaces: this.#asked.map(({ segment, trouble }) => ({ name: segment.interface, trouble })),
      questions: this.#questions,
      answers: this.#answers,
      refused: { ...this.#refused },
      complaints: [...this.#complaints.values()].toReversed(),
      oddities: [...this.#oddities].map(([id, paths]) => ({ id, paths })),
    };
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { interval } = this.#options;
    while (!signal.aborted) {
      const began = this.#clock.now();
      await this.#refresh();
      for (const asked of this.#asked) this.#askGroups(asked);
      await this.#wait(began + Math.min(ANSWERED, interval / 2), signal);
      this.#endRound();
      await this.#wait(began + interval / 2, signal);
      await this.#askSilent(began, signal);
      await this.#wait(began + interval, signal);
    }
  }

  /** What comes up in the meantime is asked on at once: a bridge has its address a second or two after it was made. */
  async #wait(until: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      const left = until - this.#clock.now();
      if (left <= 0 || signal.aborted) return;
      await pause(Math.min(left, LOOK), signal);
      if (signal.aborted) return;
      for (const asked of await this.#refresh()) this.#askGroups(asked);
    }
  }

  /** Interfaces appear, vanish and are made anew, each time with another number. Returns those that can be asked on now. */
  async #refresh(): Promise<readonly Asked[]> {
    const opened: Asked[] = [];
    for (const asked of this.#asked) {
      const link = linkNamed(asked.segment.interface);
      if (asked.socket !== null && sameLink(link, asked.link)) continue;
      await close(asked);
      asked.link = link;
      asked.trouble =
        link === null ? 'is not there, is down, or has no link-local address' : await this.#open(asked, link);
      if (asked.socket !== null) opened.push(asked);
    }
    return opened;
  }

  /** What is wrong, null where nothing is. */
  async #open(asked: Asked, link: Link): Promise<string | null> {
    try {
      asked.socket = await openSocket({
        address: `${link.address}%${link.name}`,
        port: 0,
        interface: link.name,
        onMessage: (datagram, source) => this.#take(asked, datagram, source),
        onError: (error) => {
          asked.socket = null;
          asked.trouble = error.message;
        },
      });
      return null;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  #askGroups(asked: Asked): void {
    this.#ask(asked, `${RESPONDD_LINK_GROUP}%${asked.segment.interface}`);
    this.#ask(asked, RESPONDD_SITE_GROUP);
  }

  #ask(asked: Asked, address: string): void {
    const { socket } = asked;
    if (socket === null) return;
    this.#questions++;
    socket.send(requestText(), RESPONDD_PORT, address, (error) => {
      if (error !== null && asked.socket === socket) asked.trouble = error.message;
    });
  }

  async #askSilent(since: number, signal: AbortSignal): Promise<void> {
    const silent = [...this.#homes].filter(([id, home]) => home.heard < since && this.#online.has(id));
    for (let start = 0; start < silent.length && !signal.aborted; start += BATCH.size) {
      for (const [, home] of silent.slice(start, start + BATCH.size)) this.#ask(home.asked, home.address);
      await pause(BATCH.pause, signal);
    }
  }

  #take(asked: Asked, datagram: Uint8Array, source: Source): void {
    const wall = this.#clock.wall();
    const outcome = this.#intake.take(datagram, source, asked.segment, this.#clock.now(), wall);
    if ('refused' in outcome) {
      this.#refuse(outcome.refused, outcome.why, asked, source.address, wall);
      return;
    }
    this.#answers++;
    asked.trouble = null;
    this.#homes.set(outcome.id, { asked, address: source.address, heard: this.#clock.now() });
    this.#noteOdd(outcome.id, outcome.oddities);
    const isBack = outcome.taken === 'known' && !this.#online.has(outcome.id);
    this.#online.add(outcome.id);
    if (outcome.taken === 'new' || isBack) this.#tell({ type: isBack ? 'back' : 'new', id: outcome.id });
  }

  #refuse(reason: Refusal, why: string, asked: Asked, address: string, at: number): void {
    this.#refused[reason]++;
    const key = `${reason} ${address}`;
    const before = this.#complaints.get(key);
    const complaint = { reason, why, address, interface: asked.segment.interface, at, times: (before?.times ?? 0) + 1 };
    this.#complaints.delete(key);
    this.#complaints.set(key, complaint);
    for (const oldest of this.#complaints.keys()) {
      if (this.#complaints.size <= MOST_COMPLAINTS) break;
      this.#complaints.delete(oldest);
    }
    if (before === undefined && this.#loud.take(this.#clock.now())) this.#tell({ type: 'refused', complaint });
  }

  #noteOdd(id: string, oddities: readonly string[]): void {
    this.#oddities.delete(id);
    if (oddities.length > 0 && this.#oddities.size < MOST_ODD) this.#oddities.set(id, oddities);
  }

  #endRound(): void {
    const { book } = this.#options;
    const wall = this.#clock.wall();
    const forgotten = book.prune(wall);
    this.#intake.forget(forgotten);
    for (const id of forgotten) {
      this.#homes.delete(id);
      this.#oddities.delete(id);
      this.#tell({ type: 'forgotten', id });
    }
    const nodes = book.nodes;
    const online = new Set(nodes.filter((node) => this.#isOnline(node, wall)).map(({ id }) => id));
    const lost = [...this.#online].filter((id) => !online.has(id));
    this.#online = online;
    for (const id of lost) this.#tell({ type: 'lost', id });
    this.#tell({ type: 'round', online: online.size, known: nodes.length });
  }

  #isOnline(node: Parameters<NodeBook['isOnline']>[0], wall: number): boolean {
    return this.#options.book.isOnline(node, wall);
  }

  #tell(event: CollectorEvent): void {
    this.#options.onEvent?.(event);
  }
}

async function close(asked: Asked): Promise<void> {
  const { socket } = asked;
  asked.socket = null;
  if (socket !== null) await closeSocket(socket);
}

/** Ends early, without an error, when it is aborted. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
}
