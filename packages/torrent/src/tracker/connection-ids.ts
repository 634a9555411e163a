/**
 * Connection ids of UDP trackers (BEP 15): proof that a sender receives what is sent to its address, so that nobody can
 * put a stranger's address into a swarm or aim answers at one. An id is stateless:
 *
 *     62 bits   SipHash-2-4 over the sender's address (4 or 16 bytes), under a secret that lives for one minute
 *      2 bits   low bits of the first byte: which minute, so that a check costs one hash
 *
 * An id holds for the minute in which it was given and the two after it; BEP 15 asks for two minutes. The sender's port
 * is not part of it, because NATs change it between two packets.
 */
import { sipHash } from './siphash.ts';

const MINUTE = 60_000;
const KEPT = 3;
const SLOTS = 4;

export class ConnectionIds {
  readonly #random: (length: number) => Uint8Array;
  readonly #keys: Uint32Array[] = Array.from({ length: SLOTS }, () => new Uint32Array(4));
  /** The minute that each key belongs to. */
  readonly #minutes = new Float64Array(SLOTS).fill(-1);
  readonly #expected = new Uint8Array(8);

  constructor(random: (length: number) => Uint8Array) {
    this.#random = random;
  }

  /** Writes the id for `source` (4 or 16 bytes of address) at `at`. */
  issue(source: Uint8Array, now: number, out: Uint8Array, at: number): void {
    const minute = Math.floor(now / MINUTE);
    const slot = minute % SLOTS;
    if (this.#minutes[slot] !== minute) {
      this.#minutes[slot] = minute;
      const bytes = this.#random(16);
      const key = this.#keys[slot] as Uint32Array;
      for (let i = 0; i < 4; i++) {
        key[i] =
          (bytes[4 * i] as number) |
          ((bytes[4 * i + 1] as number) << 8) |
          ((bytes[4 * i + 2] as number) << 16) |
          ((bytes[4 * i + 3] as number) << 24);
      }
    }
    this.#write(source, slot, out, at);
  }

  /** Whether the 8 bytes at `at` are an id that `source` was given lately. */
  check(source: Uint8Array, now: number, packet: Uint8Array, at: number): boolean {
    const slot = (packet[at] as number) & (SLOTS - 1);
    const age = Math.floor(now / MINUTE) - (this.#minutes[slot] as number);
    if (this.#minutes[slot] === -1 || age < 0 || age >= KEPT) return false;
    this.#write(source, slot, this.#expected, 0);
    let difference = 0;
    for (let i = 0; i < 8; i++) difference |= (this.#expected[i] as number) ^ (packet[at + i] as number);
    return difference === 0;
  }

  #write(source: Uint8Array, slot: number, out: Uint8Array, at: number): void {
    sipHash(this.#keys[slot] as Uint32Array, source, out, at);
    out[at] = ((out[at] as number) & ~(SLOTS - 1)) | slot;
  }
}
