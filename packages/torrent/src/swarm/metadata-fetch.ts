import type { PeerNumber } from './partial.ts';

/** Bytes of a piece of metadata (BEP 9). */
export const METADATA_PIECE = 16_384;
/** Pieces asked of one peer at a time. */
const AHEAD = 4;
const TIMEOUT = 8000;

export interface MetadataSource {
  readonly number: PeerNumber;
  /** Bytes, as the peer says. */
  readonly metadataSize: number;
  sendMetadataRequest(piece: number): void;
}

/** `wrong` names those who are surely to blame. */
export type MetadataOutcome = 'more' | { readonly done: Uint8Array } | { readonly wrong: readonly PeerNumber[] };

interface Attempt {
  readonly bytes: Uint8Array;
  /** Who was asked for a piece, 0 for nobody; and when. */
  readonly asked: Uint32Array;
  readonly askedAt: Float64Array;
  readonly sender: Uint32Array;
  received: number;
  /** Only from this peer: after a failure with several, so that the next one has a culprit. 0 for all. */
  readonly only: PeerNumber;
}

/**
 * The info dictionary of a magnet link, from many peers at once (BEP 9). Only the whole can be checked: where it is wrong
 * and several sent it, it is fetched again from one after the other.
 */
export class MetadataFetch {
  readonly #right: (bytes: Uint8Array) => boolean;
  readonly #sources = new Map<PeerNumber, MetadataSource>();
  /** Peers that rejected or did not answer: asked again when nobody else is left. */
  readonly #unwilling = new Set<PeerNumber>();
  #attempt: Attempt | undefined;
  #alone = false;

  /** @param right whether bytes hash to what the link says */
  constructor(right: (bytes: Uint8Array) => boolean) {
    this.#right = right;
  }

  /** A peer that says how long the metadata is; the caller checked that against its limit. */
  offer(source: MetadataSource, now: number): void {
    this.#sources.set(source.number, source);
    this.fill(now);
  }

  release(number: PeerNumber, now: number): void {
    this.#sources.delete(number);
    this.#unwilling.delete(number);
    this.#forgetRequests(number);
    this.fill(now);
  }

  rejected(number: PeerNumber, now: number): void {
    this.#unwilling.add(number);
    this.#forgetRequests(number);
    this.fill(now);
  }

  received(number: PeerNumber, piece: number, size: number, bytes: Uint8Array, now: number): MetadataOutcome {
    const attempt = this.#attempt;
    // What comes late, or was not asked for, is nobody's crime.
    if (attempt === undefined || attempt.asked[piece] !== number || attempt.sender[piece] !== 0) return 'more';
    const total = attempt.bytes.length;
    const length = Math.min(METADATA_PIECE, total - piece * METADATA_PIECE);
    if (size !== total || bytes.length !== length) return { wrong: [number] };
    attempt.bytes.set(bytes, piece * METADATA_PIECE);
    attempt.sender[piece] = number;
    if (++attempt.received < attempt.sender.length) {
      this.fill(now);
      return 'more';
    }
    this.#attempt = undefined;
    if (this.#right(attempt.bytes)) return { done: attempt.bytes };
    const senders = [...new Set(attempt.sender)];
    this.#alone = senders.length > 1;
    return { wrong: this.#alone ? [] : senders };
  }

  /** Asks whoever may be asked; called once in a while too, for those that do not answer. */
  fill(now: number): void {
    this.#expire(now);
    const attempt = (this.#attempt ??= this.#begin());
    if (attempt === undefined) return;
    for (const source of this.#sources.values()) {
      if (!this.#fits(attempt, source)) continue;
      let ahead = 0;
      for (const [piece, asked] of attempt.asked.entries()) {
        if (asked === source.number && attempt.sender[piece] === 0) ahead++;
      }
      for (let piece = 0; piece < attempt.asked.length && ahead < AHEAD; piece++) {
        if (attempt.asked[piece] !== 0) continue;
        attempt.asked[piece] = source.number;
        attempt.askedAt[piece] = now;
        source.sendMetadataRequest(piece);
        ahead++;
      }
    }
  }

  #begin(): Attempt | undefined {
    let willing = [...this.#sources.values()].filter((source) => !this.#unwilling.has(source.number));
    if (willing.length === 0) {
      this.#unwilling.clear();
      willing = [...this.#sources.values()];
    }
    const first = willing[0];
    if (first === undefined) return undefined;
    const count = Math.ceil(first.metadataSize / METADATA_PIECE);
    return {
      bytes: new Uint8Array(first.metadataSize),
      asked: new Uint32Array(count),
      askedAt: new Float64Array(count),
      sender: new Uint32Array(count),
      received: 0,
      only: this.#alone ? first.number : 0,
    };
  }

  #fits(attempt: Attempt, source: MetadataSource): boolean {
    if (this.#unwilling.has(source.number) || source.metadataSize !== attempt.bytes.length) return false;
    return attempt.only === 0 || attempt.only === source.number;
  }

  #expire(now: number): void {
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    for (let piece = 0; piece < attempt.asked.length; piece++) {
      const asked = attempt.asked[piece] as number;
      if (asked === 0 || attempt.sender[piece] !== 0 || now - (attempt.askedAt[piece] as number) < TIMEOUT) continue;
      this.#unwilling.add(asked);
      this.#forgetRequests(asked);
    }
    if (![...this.#sources.values()].some((source) => this.#fits(attempt, source))) this.#attempt = undefined;
  }

  #forgetRequests(number: PeerNumber): void {
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    for (let piece = 0; piece < attempt.asked.length; piece++) {
      if (attempt.asked[piece] === number && attempt.sender[piece] === 0) attempt.asked[piece] = 0;
    }
  }
}
