/** The XOR metric of Kademlia (Maymounkov, Mazières 2002) on ids of 20 bytes. */
import { ID_LENGTH } from './contact.ts';

/** Negative where `a` is closer to `target` than `b`. */
export function compareDistance(target: Uint8Array, a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < ID_LENGTH; i++) {
    const t = target[i] as number;
    const difference = ((a[i] as number) ^ t) - ((b[i] as number) ^ t);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Leading bits that both have: 0..160. */
export function commonPrefix(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < ID_LENGTH; i++) {
    const difference = (a[i] as number) ^ (b[i] as number);
    if (difference !== 0) return 8 * i + Math.clz32(difference) - 24;
  }
  return 8 * ID_LENGTH;
}

/** A random id that has exactly `bits` leading bits (0..159) in common with `id`. */
export function idBeside(id: Uint8Array, bits: number, random: (length: number) => Uint8Array): Uint8Array {
  const out = new Uint8Array(random(ID_LENGTH));
  const whole = bits >> 3;
  out.set(id.subarray(0, whole));
  const keep = (0xff00 >> (bits & 7)) & 0xff;
  const flipped = 0x80 >> (bits & 7);
  const source = id[whole] as number;
  const rest = ~(keep | flipped) & 0xff;
  out[whole] = (source & keep) | (~source & flipped) | ((out[whole] as number) & rest);
  return out;
}
