/**
 * SipHash-2-4 (Aumasson, Bernstein 2012) with 64 bits of output: the keyed MAC of connection ids, whose secrets live for
 * minutes. It has to cost well below a microsecond for a packet that may come from anybody, so 64-bit words are pairs of
 * 32-bit halves instead of bigints.
 */

/** Words of the state, low and high halves. One hash runs at a time, and none of them outlives a call. */
const v = new Int32Array(8);

/** `key` has 4 words of 32 bits, little endian as its 16 bytes stand. Writes 8 bytes to `out` at `at`. */
export function sipHash(key: Uint32Array, message: Uint8Array, out: Uint8Array, at: number): void {
  v[0] = 0x70736575 ^ (key[0] as number);
  v[1] = 0x736f6d65 ^ (key[1] as number);
  v[2] = 0x6e646f6d ^ (key[2] as number);
  v[3] = 0x646f7261 ^ (key[3] as number);
  v[4] = 0x6e657261 ^ (key[0] as number);
  v[5] = 0x6c796765 ^ (key[1] as number);
  v[6] = 0x79746573 ^ (key[2] as number);
  v[7] = 0x74656462 ^ (key[3] as number);
  const whole = message.length & ~7;
  for (let i = 0; i < whole; i += 8) absorb(word(message, i), word(message, i + 4));
  absorb(word(message, whole), (word(message, whole + 4) & 0xffffff) | (message.length << 24));
  v[4] ^= 0xff;
  for (let i = 0; i < 4; i++) round();
  for (let w = 0; w < 2; w++) {
    const value = (v[w] as number) ^ (v[2 + w] as number) ^ (v[4 + w] as number) ^ (v[6 + w] as number);
    for (let i = 0; i < 4; i++) out[at + 4 * w + i] = value >>> (8 * i);
  }
}

/** 32 bits, little endian; what is past the end reads as zero. */
function word(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
}

function absorb(low: number, high: number): void {
  v[6] = (v[6] as number) ^ low;
  v[7] = (v[7] as number) ^ high;
  round();
  round();
  v[0] = (v[0] as number) ^ low;
  v[1] = (v[1] as number) ^ high;
}

function round(): void {
  half(0, 2, 13);
  swap(0);
  half(4, 6, 16);
  half(0, 6, 21);
  half(4, 2, 17);
  swap(4);
}

/** `a += b; b = rotate(b, bits) ^ a` on the words at `a` and `b`. */
function half(a: number, b: number, bits: number): void {
  const bLow = v[b] as number;
  const bHigh = v[b + 1] as number;
  const sum = ((v[a] as number) >>> 0) + (bLow >>> 0);
  const low = sum | 0;
  const high = ((v[a + 1] as number) + bHigh + (sum > 0xffffffff ? 1 : 0)) | 0;
  v[a] = low;
  v[a + 1] = high;
  v[b] = ((bLow << bits) | (bHigh >>> (32 - bits))) ^ low;
  v[b + 1] = ((bHigh << bits) | (bLow >>> (32 - bits))) ^ high;
}

/** Rotates the word at `a` by 32 bits. */
function swap(a: number): void {
  const low = v[a] as number;
  v[a] = v[a + 1] as number;
  v[a + 1] = low;
}
