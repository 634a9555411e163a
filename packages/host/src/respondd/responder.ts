/**
 * Answers the community's questions as a router does: what this gateway is, how it fares and whom it hears. Only what is
 * on a segment is answered, and not often: a small question has a large answer, which a stranger could have sent to
 * somebody else.
 *
 * Three sockets per segment, because Node does not tell where a datagram was sent to: one for each group, which answer
 * after a moment of their own, and one for the link-local address, which answers at once. The group of the site is no
 * matter of one interface to the kernel, so that its socket hears all of them and asks the source which one it is.
 */
import type { RemoteInfo, Socket } from 'node:dgram';
import { randomInt } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import { TokenBucket } from '@kith/core';
import {
  answerText,
  type Documents,
  parseRequest,
  type Provider,
  RESPONDD_LINK_GROUP,
  RESPONDD_PORT,
  RESPONDD_SITE_GROUP,
} from '@kith/gateway';
import { type Clock, SYSTEM_CLOCK } from './clock.ts';
import { isOnSegment, type Link, linkNamed, sameLink, type Segment } from './links.ts';
import { closeSocket, openSocket } from './socket.ts';
import { type Rate, SourceLimits } from './source-limits.ts';

export interface ResponderOptions {
  readonly segments: readonly (Segment & {
    /** What is told on it. */
    readonly documents: (providers: readonly Provider[]) => Promise<Documents>;
  })[];
  /** Most milliseconds that an answer to a group waits, so that not everybody answers in the same moment. */
  readonly jitter?: number;
  readonly limits?: ResponderLimits;
  readonly clock?: Clock;
}

export interface ResponderLimits {
  readonly eachSource: Rate;
  readonly all: Rate;
  /** Sources that are remembered. */
  readonly sources: number;
  /** Answers that wait at the same time. */
  readonly waiting: number;
}

const RESPONDER_LIMITS: ResponderLimits = {
  eachSource: { rate: 1, burst: 8 },
  all: { rate: 30, burst: 60 },
  sources: 1024,
  waiting: 64,
};

export interface ResponderSnapshot {
  readonly interfaces: readonly { readonly name: string; readonly trouble: string | null }[];
  readonly answered: number;
  /** Questions without an answer: of a source elsewhere, too many, or for nothing that is told here. */
  readonly ignored: Readonly<Record<Ignored, number>>;
}

export type Ignored = 'source' | 'rate' | 'question' | 'failed';

/** Interfaces are looked after that often (ms). */
const REFRESH = 1000;
const JITTER = 1000;

interface Answering {
  readonly segment: ResponderOptions['segments'][number];
  link: Link | null;
  sockets: Socket[];
  trouble: string | null;
}

export class Responder {
  readonly #clock: Clock;
  readonly #jitter: number;
  readonly #limits: ResponderLimits;
  readonly #sources: SourceLimits;
  readonly #all: TokenBucket;
  readonly #answering: Answering[];
  readonly #waiting = new Set<NodeJS.Timeout>();
  readonly #ignored: Record<Ignored, number> = { source: 0, rate: 0, question: 0, failed: 0 };
  #answered = 0;
  #timer: NodeJS.Timeout | null = null;
  #refreshing: Promise<void> = Promise.resolve();

  constructor(options: ResponderOptions) {
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    this.#jitter = options.jitter ?? JITTER;
    this.#limits = options.limits ?? RESPONDER_LIMITS;
    this.#sources = new SourceLimits(this.#limits.eachSource, this.#limits.sources);
    this.#all = new TokenBucket(this.#limits.all.rate, this.#limits.all.burst);
    this.#answering = options.segments.map((segment) => ({ segment, link: null, sockets: [], trouble: null }));
  }

  /** Resolves when it answers on all interfaces that are there; on others it does as soon as they are. */
  async start(): Promise<void> {
    if (this.#timer !== null) return;
    this.#timer = setInterval(() => {
      this.#refreshing = this.#refreshing.then(() => this.#refresh());
    }, REFRESH);
    this.#refreshing = this.#refresh();
    await this.#refreshing;
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await this.#refreshing;
    for (const timer of this.#waiting) clearTimeout(timer);
    this.#waiting.clear();
    await Promise.all(this.#answering.map((each) => close(each)));
  }

  snapshot(): ResponderSnapshot {
    return {
      interfaces: this.#answering.map(({ segment, trouble }) => ({ name: segment.interface, trouble })),
      answered: this.#answered,
      ignored: { ...this.#ignored },
    };
  }

  async #refresh(): Promise<void> {
    for (const each of this.#answering) {
      const link = linkNamed(each.segment.interface);
      if (each.sockets.length > 0 && sameLink(link, each.link)) continue;
      await close(each);
      each.link = link;
      each.trouble =
        link === null ? 'is not there, is down, or has no link-local address' : await this.#open(each, link);
    }
  }

  async #open(each: Answering, link: Link): Promise<string | null> {
    const open = async (address: string, groups: readonly string[], jitter: number): Promise<void> => {
      const socket = await openSocket({
        address,
        port: RESPONDD_PORT,
        interface: link.name,
        groups,
        shared: true,
        onMessage: (datagram, source) => this.#hear(each, socket, datagram, source, jitter),
        onError: (error) => {
          each.trouble = error.message;
          void close(each);
        },
      });
      each.sockets.push(socket);
    };
    try {
      await open(`${link.address}%${link.name}`, [], 0);
      await open(`${RESPONDD_LINK_GROUP}%${link.name}`, [RESPONDD_LINK_GROUP], this.#jitter);
      await open(RESPONDD_SITE_GROUP, [RESPONDD_SITE_GROUP], this.#jitter);
      return null;
    } catch (error) {
      await close(each);
      return error instanceof Error ? error.message : String(error);
    }
  }

  #hear(each: Answering, socket: Socket, datagram: Uint8Array, source: RemoteInfo, jitter: number): void {
    if (!isOnSegment(source.address, each.segment)) {
      // The site's group is heard by the sockets of all segments: this one is another's.
      if (!this.#answering.some(({ segment }) => isOnSegment(source.address, segment))) this.#ignored.source++;
      return;
    }
    const request = parseRequest(datagram);
    if (request === null) {
      this.#ignored.question++;
      return;
    }
    const now = this.#clock.now();
    const admitted = this.#sources.admits(source.address, now) && this.#all.take(now);
    if (!admitted || this.#waiting.size >= this.#limits.waiting) {
      this.#ignored.rate++;
      return;
    }
    const timer = setTimeout(
      () => {
        this.#waiting.delete(timer);
        void this.#answer(each, socket, request, source);
      },
      jitter === 0 ? 0 : randomInt(jitter),
    );
    this.#waiting.add(timer);
  }

  async #answer(
    { segment, sockets }: Answering,
    socket: Socket,
    request: NonNullable<ReturnType<typeof parseRequest>>,
    source: RemoteInfo,
  ): Promise<void> {
    try {
      const text = answerText(request, await segment.documents(request.providers));
      if (text === null) {
        this.#ignored.question++;
        return;
      }
      // The interface may have gone in the meantime, and its sockets with it.
      if (!sockets.includes(socket)) return;
      const bytes = request.enveloped ? deflateRawSync(text) : Buffer.from(text);
      socket.send(bytes, source.port, source.address, (error) => {
        if (error === null) this.#answered++;
        else this.#ignored.failed++;
      });
    } catch {
      this.#ignored.failed++;
    }
  }
}

async function close(each: Answering): Promise<void> {
  const sockets = each.sockets.splice(0);
  await Promise.all(sockets.map((socket) => closeSocket(socket)));
}
