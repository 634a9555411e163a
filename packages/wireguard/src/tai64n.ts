/**
 * TAI64N timestamps of initiations: seconds(8) nanoseconds(4), big endian; seconds count from 2^62 + 10, as every
 * implementation of WireGuard has it (white paper 5.4.2; leap seconds are left out). They order lexicographically.
 */

export const TIMESTAMP_LENGTH = 12;

const EPOCH_SECONDS = 0x4000_0000_0000_000an;
const NANOSECONDS = 1_000_000_000n;
const LATEST = 2n ** 62n * NANOSECONDS;

/** @param nanoseconds since 1970, as a bigint: a double has no room for them */
export function tai64n(nanoseconds: bigint): Uint8Array {
  if (nanoseconds < 0n || nanoseconds >= LATEST) throw new RangeError('time is out of the range of TAI64N');
  const out = new Uint8Array(TIMESTAMP_LENGTH);
  writeBigEndian(out, 0, 8, EPOCH_SECONDS + nanoseconds / NANOSECONDS);
  writeBigEndian(out, 8, 4, nanoseconds % NANOSECONDS);
  return out;
}

/** Stamps that strictly increase, whatever the wall clock does: the receiver refuses any that does not. */
export class TimestampSource {
  #last = 0n;

  /** @param wall ms since 1970; fractions are kept to the microsecond, nonsense counts as 1970 */
  next(wall: number): Uint8Array {
    const sane = Number.isFinite(wall) && wall > 0 ? Math.min(wall, Number.MAX_SAFE_INTEGER / 1000) : 0;
    const reading = BigInt(Math.floor(sane * 1000)) * 1000n;
    this.#last = reading > this.#last ? reading : this.#last + 1n;
    return tai64n(this.#last);
  }
}

function writeBigEndian(out: Uint8Array, at: number, length: number, value: bigint): void {
  for (let i = length - 1, rest = value; i >= 0; i--, rest >>= 8n) out[at + i] = Number(rest & 0xffn);
}
