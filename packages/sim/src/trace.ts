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

export class Trace {
  /** Names messages in {@link format}. */
  describe: Describe;
  readonly #capacity: number;
  readonly #records: PacketRecord[] = [];
  readonly #fates = new Map<Fate, number>();
  #count = 0;
  #hash = 0x811c9dc5;

  /** @param capacity packets that are remembered */
  constructor(capacity: number, describe: Describe = firstByte) {
    if (!Number.isInteger(capacity) || capacity < 1)
      throw new RangeError(`trace: capacity ${capacity} must be 1 or more`);
    this.#capacity = capacity;
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

  /** @param endpoints hash of the text of `from`, `to` and `seenAs` */
  add(record: PacketRecord, endpoints: number): void {
    this.#records[this.#count % this.#capacity] = record;
    this.#count++;
    const fates = (this.#fates.get(record.fate) ?? 0) + 1;
    this.#fates.set(record.fate, fates);
    this.#mix(Math.round(record.time * 1000));
    this.#mix(endpoints);
    this.#mix(record.size);
    this.#mix(fates);
    for (let i = 0; i < record.fate.length; i += 3) this.#mix(record.fate.charCodeAt(i));
    for (const byte of record.head) this.#mix(byte);
  }

  /** The remembered packets, oldest first; with `hosts`, those that one of them sent or should have got. */
  records(hosts: readonly string[] = []): PacketRecord[] {
    const start = this.#count % this.#capacity;
    const inOrder = [...this.#records.slice(start), ...this.#records.slice(0, start)];
    const all = this.#count <= this.#capacity ? this.#records : inOrder;
    if (hosts.length === 0) return [...all];
    return all.filter((r) => hosts.includes(r.source) || (r.target !== null && hosts.includes(r.target)));
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

  #mix(value: number): void {
    this.#hash = Math.imul(this.#hash ^ (value & 0xffffffff), 0x01000193);
    this.#hash ^= this.#hash >>> 15;
  }
}
