/** Own queries that wait for their answers. An answer counts only from the endpoint that was asked. */
import { readUint32BE, writeUint32BE } from '@kith/core';
import { endpointKey, type NodeAddress } from './contact.ts';
import type { Answer, Refusal } from './krpc.ts';

export interface Asker {
  answered(answer: Answer, now: number): void;
  /** It takes longer than usual. */
  slow?(now: number): void;
  /** No answer came in time, or a refusal did. */
  failed(refusal: Refusal | undefined, now: number): void;
}

interface Question {
  readonly to: NodeAddress;
  readonly asker: Asker;
  readonly slowAt: number;
  readonly failAt: number;
  told: boolean;
}

export interface QuestionsOptions {
  readonly outstanding: number;
  readonly slow: number;
  readonly timeout: number;
  readonly random: (length: number) => Uint8Array;
}

export class Questions {
  readonly #options: QuestionsOptions;
  /** By transaction, the oldest first: all have the same patience. */
  readonly #open = new Map<number, Question>();
  readonly #asked = new Map<string, number>();

  constructor(options: QuestionsOptions) {
    this.#options = options;
  }

  get full(): boolean {
    return this.#open.size >= this.#options.outstanding;
  }

  /** Whether something is expected from there. */
  expects(from: NodeAddress): boolean {
    return this.#asked.has(endpointKey(from));
  }

  /** The transaction of a new question. */
  open(to: NodeAddress, asker: Asker, now: number): Uint8Array {
    let number = 0;
    do number = readUint32BE(this.#options.random(4), 0);
    while (this.#open.has(number));
    const { slow, timeout } = this.#options;
    this.#open.set(number, { to, asker, slowAt: now + slow, failAt: now + timeout, told: false });
    const key = endpointKey(to);
    this.#asked.set(key, (this.#asked.get(key) ?? 0) + 1);
    const transaction = new Uint8Array(4);
    writeUint32BE(transaction, 0, number);
    return transaction;
  }

  /** Who asked; undefined for what nobody asked `from`. */
  close(transaction: Uint8Array, from: NodeAddress): Asker | undefined {
    if (transaction.length !== 4) return undefined;
    const number = readUint32BE(transaction, 0);
    const question = this.#open.get(number);
    if (question === undefined || question.to.ip !== from.ip || question.to.port !== from.port) return undefined;
    this.#forget(number, question);
    return question.asker;
  }

  /** Tells those whose patience ends. `lost` hears of each that is over. */
  tick(now: number, lost: (to: NodeAddress) => void): void {
    for (const [number, question] of this.#open) {
      if (question.failAt <= now) {
        this.#forget(number, question);
        lost(question.to);
        question.asker.failed(undefined, now);
      } else if (question.slowAt <= now) {
        if (question.told) continue;
        question.told = true;
        question.asker.slow?.(now);
      } else break;
    }
  }

  nextWake(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { told, slowAt, failAt } of this.#open.values()) {
      next = Math.min(next, told ? failAt : slowAt);
      if (!told) break;
    }
    return next;
  }

  #forget(number: number, { to }: Question): void {
    this.#open.delete(number);
    const key = endpointKey(to);
    const left = (this.#asked.get(key) ?? 1) - 1;
    if (left === 0) this.#asked.delete(key);
    else this.#asked.set(key, left);
  }
}
