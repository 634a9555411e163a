/**
 * What becomes of a datagram that claims to be a router's answer: it is believed, or refused for a reason that is
 * counted. Whatever arrives, the work and the memory that it costs are bounded.
 */
import { inflateRawSync } from 'node:zlib';
import { codeOf, KithError, TokenBucket } from '@kith/core';
import {
  type Answer,
  type Documents,
  LONGEST_ANSWER,
  type NodeBook,
  parseAnswer,
  PROVIDERS,
  RESPONDD_PORT,
} from '@kith/gateway';
import { isOnSegment, type Segment } from './links.ts';
import { type Rate, SourceLimits } from './source-limits.ts';

/** Why an answer is not taken; also a label of the figures, so that these words stay. */
export type Refusal =
  /** It comes from another link or another network. */
  | 'source'
  /** It was not sent by a responder. */
  | 'port'
  /** This source answers more often than it is asked. */
  | 'rate'
  /** All sources together, or all that were not heard before, answer more than is worked off. */
  | 'flood'
  /** It is not compressed as answers are. */
  | 'deflate'
  /** Inflated it is longer than any answer. */
  | 'size'
  /** It is no JSON, or not of a router. */
  | 'content'
  /** Another router with the same id speaks already. */
  | 'twin'
  /** The book has no room for it. */
  | 'full';

export interface IntakeLimits {
  readonly eachSource: Rate;
  /** Of those that were never believed. */
  readonly strangers: Rate;
  /** Of those that were: a flood of the others does not silence them. */
  readonly known: Rate;
  /** Bytes of inflated answers. */
  readonly work: Rate;
  /** Sources that are remembered. */
  readonly sources: number;
  /** Bytes of inflated answers that the book is made of. */
  readonly memory: number;
}

/** Ten thousand routers of the usual size, asked twice a minute. One source may be a server that speaks for dozens. */
export const INTAKE_LIMITS: IntakeLimits = {
  eachSource: { rate: 2, burst: 64 },
  strangers: { rate: 100, burst: 2000 },
  known: { rate: 1000, burst: 10_000 },
  work: { rate: 8 << 20, burst: 64 << 20 },
  sources: 16_384,
  memory: 96 << 20,
};

export interface Source {
  readonly address: string;
  readonly port: number;
}

export type Outcome =
  | { readonly taken: 'new' | 'known'; readonly id: string; readonly oddities: readonly string[] }
  | { readonly refused: Refusal; readonly why: string };

export class Intake {
  readonly #book: NodeBook;
  readonly #limits: IntakeLimits;
  readonly #sources: SourceLimits;
  readonly #strangers: TokenBucket;
  readonly #known: TokenBucket;
  readonly #work: TokenBucket;
  /** Addresses that were believed, the one that was silent longest first. */
  readonly #believed = new Set<string>();
  /** Size of what the book holds, by router. */
  readonly #sizes = new Map<string, number>();
  #size = 0;
  /** Bytes that the answer before took to inflate. */
  #owed = 0;

  constructor(book: NodeBook, limits: IntakeLimits = INTAKE_LIMITS) {
    this.#book = book;
    this.#limits = limits;
    this.#sources = new SourceLimits(limits.eachSource, limits.sources);
    this.#strangers = new TokenBucket(limits.strangers.rate, limits.strangers.burst);
    this.#known = new TokenBucket(limits.known.rate, limits.known.burst);
    this.#work = new TokenBucket(limits.work.rate, limits.work.burst);
    for (const node of book.nodes) {
      const size = JSON.stringify(node).length;
      this.#sizes.set(node.id, size);
      this.#size += size;
    }
  }

  /**
   * @param now monotonic, ms
   * @param wall ms since 1970, for the book
   */
  take(datagram: Uint8Array, source: Source, segment: Segment, now: number, wall: number): Outcome {
    if (source.port !== RESPONDD_PORT) return { refused: 'port', why: `sent from port ${source.port}` };
    if (!isOnSegment(source.address, segment)) return { refused: 'source', why: `not of ${segment.interface}` };
    if (!this.#sources.admits(source.address, now))
      return { refused: 'rate', why: 'answers more often than it is asked' };
    const all = this.#believed.has(source.address) ? this.#known : this.#strangers;
    if (!all.take(now)) return { refused: 'flood', why: 'more answers than are worked off' };
    const inflated = this.#inflate(datagram, now);
    if ('refused' in inflated) return inflated;
    const read = parsed(inflated.text);
    return 'refused' in read ? read : this.#enter(read, inflated.text.length, source.address, wall);
  }

  /** The book has forgotten them. */
  forget(ids: readonly string[]): void {
    for (const id of ids) {
      this.#size -= this.#sizes.get(id) ?? 0;
      this.#sizes.delete(id);
    }
  }

  #inflate(datagram: Uint8Array, now: number): { readonly text: string } | Extract<Outcome, { refused: Refusal }> {
    // How long it becomes is known afterwards: each answer pays for the one before it.
    if (!this.#work.take(now, this.#owed)) return { refused: 'flood', why: 'more answers than are worked off' };
    this.#owed = Math.min(LONGEST_ANSWER, datagram.length * LARGEST_RATIO);
    try {
      const bytes = inflateRawSync(datagram, { maxOutputLength: LONGEST_ANSWER });
      this.#owed = bytes.length;
      return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
    } catch (error) {
      const code = codeOf(error);
      if (code === 'ERR_BUFFER_TOO_LARGE')
        return { refused: 'size', why: `inflates to more than ${LONGEST_ANSWER} bytes` };
      if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return { refused: 'content', why: 'is not UTF-8' };
      return { refused: 'deflate', why: `${datagram.length} bytes that are not raw DEFLATE` };
    }
  }

  #enter({ documents, oddities }: Answer, size: number, address: string, wall: number): Outcome {
    const id = idOf(documents);
    const before = this.#sizes.get(id) ?? 0;
    // Of what a part does not tell the book keeps what was told before.
    const isWhole = PROVIDERS.every((provider) => documents[provider] !== undefined);
    const after = isWhole ? size : Math.min(before + size, PROVIDERS.length * LONGEST_ANSWER);
    if (this.#size - before + after > this.#limits.memory) {
      return { refused: 'full', why: `"${id}": what routers say takes ${this.#size} bytes already` };
    }
    const taken = this.#book.take(documents, wall);
    if (taken === 'twin') return { refused: 'twin', why: `"${id}" is the id of another router that speaks` };
    if (taken === 'full') return { refused: 'full', why: `"${id}" is one router too many` };
    this.#sizes.set(id, after);
    this.#size += after - before;
    this.#believe(address);
    return { taken, id, oddities };
  }

  #believe(address: string): void {
    this.#believed.delete(address);
    this.#believed.add(address);
    for (const oldest of this.#believed) {
      if (this.#believed.size <= this.#limits.sources) break;
      this.#believed.delete(oldest);
    }
  }
}

/** No stream of DEFLATE becomes more than that many times as long, RFC 1951: 258 bytes of two bits. */
const LARGEST_RATIO = 1032;

function parsed(text: string): Answer | Extract<Outcome, { refused: Refusal }> {
  try {
    return parseAnswer(text);
  } catch (error) {
    if (error instanceof KithError && error.code === 'RESPONDD_INVALID')
      return { refused: 'content', why: error.message };
    throw error;
  }
}

function idOf({ nodeinfo, statistics, neighbours }: Documents): string {
  return nodeinfo?.node_id ?? statistics?.node_id ?? neighbours?.node_id ?? '';
}
