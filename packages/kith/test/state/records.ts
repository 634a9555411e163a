/** Record `number` of the tests: its own length and content, so that a lost, torn or swapped one shows. */
export function recordOf(number: number): Uint8Array {
  return Uint8Array.from({ length: 1 + ((number * 37) % 300) }, (_, i) => (number * 31 + i * 7) & 255);
}
