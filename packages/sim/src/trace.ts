/**
 * The packet trace: a ring of what became of the last packets, and a hash over all of them, by which two runs are told
 * to be the same.
 */
import type { Endpoint } from '@kith/core';
import type { BoxDrop } from './box.ts';
import type { LinkDrop } from './link.ts';

/** What became of a packet. */
export type Fate =
  | 'delivered'
  | LinkDrop
  | BoxDrop
  | 'no route'
  | 'no socket'
  | 'partitioned'
  | 'sender offline'
  | 'sender asleep'
  | 'receiver offline'
  | 'receiver asleep'
  | 'swallowed';

export interface PacketRecord {
  /** When it was sent and when its fate was sealed, in virtual ms. */
  readonly sent: number;
  readonly time: number;
  /** Name of the host that sent it. */
  readonly source: string;
  /** Name of the host that it was for, where that is known. */
  readonly target: string | null;
  /** As the sender wrote them. */
  readonly from: Endpoint;
  readonly to: Endpoint;
  /** The source as the place of the packet's fate saw it, behind every NAT on the way. */
  readonly seenAs: Endpoint;
  readonly size: number;
  /** The first bytes, at most {@link HEAD}. */
  readonly head: Uint8Array;
  readonly fate: Fate;
  /** The box at which it happened, where it was one. */
  readonly place: string | null;
}

/** Names a message for the trace from its first bytes (at most {@link HEAD}) and its whole size. */
export type Describe = (head: Uint8Array, size: number) => string;

/** Bytes that are kept of each packet. */
export const HEAD = 64;

function firstByte(head: Uint8Array): string {
  return head.length === 0 ? 'empty' : `0x${(head[0] as number).toString(16).padStart(2, '0')}`;
}

/** `0:12.345`: minutes, seconds and milliseconds. */
function clockText(ms: number): string {
  const seconds = (ms % 60_000) / 1000;
  return `${Math.floor(ms / 60_000)}:${seconds.toFixed(3).padStart(6, '0')}`;
}

/** One step of a 32-bit hash in the manner of FNV-1a. */
function mix(hash: number, value: number): number {
  const next = Math.imul(hash ^ value, 0x01000193);
  return next ^ (next >>> 15);
}

export class Trace {
  /** Names messages in {@link format}. */
  describe: Describe;
  readonly #capacity: number;
  readonly #records: Omit<PacketRecord, 'head'>[] = [];
  /** The first bytes of each record, {@link HEAD} apart: no memory is asked for per packet. */
  readonly #heads: Uint8Array;
  readonly #fates = new Map<Fate, number>();
  #count = 0;
  #hash = 0x811c9dc5;

  /** @param capacity packets that are remembered */
  constructor(capacity: number, describe: Describe = firstByte) {
    if (!Number.isInteger(capacity) || capacity < 1)
      throw new RangeError(`trace: capacity ${capacity} must be 1 or more`);
    this.#capacity = capacity;
    this.#heads = new Uint8Array(capacity * HEAD);
    this.describe = describe;
  }

  /** Packets recorded since the beginning, forgotten ones included. */
  get count(): number {
    return this.#count;
  }

  /** How many packets met a fate since the beginning. */
  countOf(fate: Fate): number {
    return this.#fates.get(fate) ?? 0;
  }

  /** Eight hexadecimal digits over time, ends, size, first bytes and fate of every packet since the beginning. */
  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0');
  }

  /**
   * @param bytes the whole datagram
   * @param endpoints hash of the text of `from`, `to` and `seenAs`
   */
  add(record: Omit<PacketRecord, 'head'>, bytes: Uint8Array, endpoints: number): void {
    const slot = this.#count % this.#capacity;
    this.#records[slot] = record;
    this.#count++;
    const kept = Math.min(HEAD, bytes.length);
    for (let i = 0, at = slot * HEAD; i < kept; i++, at++) this.#heads[at] = bytes[i] as number;
    const fates = (this.#fates.get(record.fate) ?? 0) + 1;
    this.#fates.set(record.fate, fates);
    let hash = mix(mix(mix(this.#hash, Math.round(record.time * 1000)), endpoints), record.size);
    hash = mix(mix(hash, fates), record.fate.length);
    for (let i = 0; i < kept; i++) hash = mix(hash, bytes[i] as number);
    this.#hash = hash;
  }

  /** The remembered packets, oldest first; with `hosts`, those that one of them sent or should have got. */
  records(hosts: readonly string[] = []): PacketRecord[] {
    const out: PacketRecord[] = [];
    for (let n = Math.max(0, this.#count - this.#capacity); n < this.#count; n++) {
      const slot = n % this.#capacity;
      const record = this.#records[slot];
      if (record === undefined) continue;
      const { source, target } = record;
      if (hosts.length > 0 && !hosts.includes(source) && (target === null || !hosts.includes(target))) continue;
      const start = slot * HEAD;
      out.push({ ...record, head: this.#heads.slice(start, start + Math.min(HEAD, record.size)) });
    }
    return out;
  }

  /** The last packets as a table for people, oldest first. */
  format(last: number, hosts: readonly string[] = []): string {
    const records = this.records(hosts).slice(-last);
    if (records.length === 0) return '  (no packets)';
    return records.map((record) => `  ${this.#line(record)}`).join('\n');
  }

  #line(record: PacketRecord): string {
    const { source, target, from, to, seenAs, size, head, fate, place } = record;
    const route = `${source} ${from} > ${to}${target === null ? '' : ` ${target}`}`;
    const end = `${fate}${place === null ? '' : ` at ${place}`}${seenAs === from ? '' : `, seen as ${seenAs}`}`;
    return `${clockText(record.sent)} +${(record.time - record.sent).toFixed(1)} ms  ${route}  ${size} B ${this.describe(head, size)}  ${end}`;
  }
}
