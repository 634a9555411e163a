/**
 * Which pieces were here at the last visit. Two slots are written in turn, so that a page that is closed in the middle of a
 * write leaves the older one. Big-endian:
 *
 *     slot    magic "KH1\n"  u32 sequence  u32 pieces  bitfield as in BEP 3  SHA-256 of all before it
 *     file    slot, slot
 */
import { equalBytes } from '@kith/core';
import { Bits, type Hashes } from '@kith/torrent';
import type { SyncHandle } from './disk.ts';

const MAGIC = 0x4b48310a;
const HEAD = 12;
const SUM = 32;

export class HaveRecord {
  readonly #handle: SyncHandle;
  readonly #pieces: number;
  readonly #hashes: Hashes;
  readonly #slot: number;
  #sequence = 0;

  constructor(handle: SyncHandle, pieces: number, hashes: Hashes) {
    this.#handle = handle;
    this.#pieces = pieces;
    this.#hashes = hashes;
    this.#slot = HEAD + Math.ceil(pieces / 8) + SUM;
  }

  /** None where nothing whole was written. */
  load(): Bits {
    let best: Bits | undefined;
    for (const index of [0, 1]) {
      const slot = new Uint8Array(this.#slot);
      if (this.#handle.read(slot, { at: index * this.#slot }) !== this.#slot) continue;
      const view = new DataView(slot.buffer);
      const body = slot.subarray(0, this.#slot - SUM);
      const sequence = view.getUint32(4);
      if (view.getUint32(0) !== MAGIC || view.getUint32(8) !== this.#pieces || sequence <= this.#sequence) continue;
      if (!equalBytes(this.#hashes.sha256(body), slot.subarray(this.#slot - SUM))) continue;
      const bits = Bits.fromWire(body.subarray(HEAD), this.#pieces);
      if (bits === undefined) continue;
      this.#sequence = sequence;
      best = bits;
    }
    return best ?? new Bits(this.#pieces);
  }

  save(have: Bits): void {
    const slot = new Uint8Array(this.#slot);
    const view = new DataView(slot.buffer);
    view.setUint32(0, MAGIC);
    view.setUint32(4, ++this.#sequence);
    view.setUint32(8, this.#pieces);
    slot.set(have.toWire(), HEAD);
    slot.set(this.#hashes.sha256(slot.subarray(0, this.#slot - SUM)), this.#slot - SUM);
    this.#handle.write(slot, { at: (this.#sequence % 2) * this.#slot });
    this.#handle.flush();
  }

  close(): void {
    this.#handle.close();
  }
}
