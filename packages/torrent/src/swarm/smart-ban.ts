import { equalBytes } from '@kith/core';
import type { PeerNumber } from './partial.ts';

/** Hashes of a piece that was wrong, and who sent each of its blocks. */
interface Failure {
  /** SHA-256 per block, 32 bytes each. */
  readonly hashes: Uint8Array;
  readonly senders: Uint32Array;
}

/** Failures of one piece that are kept. */
const MOST_PER_PIECE = 4;
/** Pieces of which failures are kept, the oldest make room. */
const MOST_PIECES = 256;

/**
 * Who sent the wrong block of a piece that failed. Its blocks are compared when the piece was fetched again and is right:
 * whoever sent one that differs lied. Where one peer sent all of it, there is nothing to compare.
 */
export class SmartBan {
  readonly #failures = new Map<number, Failure[]>();

  /** True where the piece failed before: the hashes of its blocks are wanted when it is right. */
  suspects(piece: number): boolean {
    return this.#failures.has(piece);
  }

  /**
   * @param hashes SHA-256 of each block as it was wrong
   * @param senders who sent each; 0 for blocks that nobody sent
   * @returns the peer that sent all of it, or 0
   */
  failed(piece: number, hashes: Uint8Array, senders: Uint32Array): PeerNumber {
    const sole = soleSender(senders);
    if (sole !== 0) return sole;
    const failures = this.#failures.get(piece) ?? [];
    failures.push({ hashes, senders: senders.slice() });
    if (failures.length > MOST_PER_PIECE) failures.shift();
    this.#failures.delete(piece);
    this.#failures.set(piece, failures);
    if (this.#failures.size > MOST_PIECES) {
      const [oldest] = this.#failures.keys();
      if (oldest !== undefined) this.#failures.delete(oldest);
    }
    return 0;
  }

  /**
   * @param hashes SHA-256 of each block as it is right
   * @returns who sent a block that differs
   */
  passed(piece: number, hashes: Uint8Array | undefined): Set<PeerNumber> {
    const guilty = new Set<PeerNumber>();
    const failures = this.#failures.get(piece);
    this.#failures.delete(piece);
    if (failures === undefined || hashes === undefined) return guilty;
    for (const failure of failures) {
      for (let block = 0; block < failure.senders.length; block++) {
        const sender = failure.senders[block] as number;
        const [from, to] = [block * 32, block * 32 + 32];
        if (sender !== 0 && !equalBytes(failure.hashes.subarray(from, to), hashes.subarray(from, to)))
          guilty.add(sender);
      }
    }
    return guilty;
  }
}

function soleSender(senders: Uint32Array): PeerNumber {
  let sole = 0;
  for (const sender of senders) {
    if (sender === 0 || sender === sole) continue;
    if (sole !== 0) return 0;
    sole = sender;
  }
  return sole;
}
