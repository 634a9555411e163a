/**
 * Copies the bytes `begin` to `end` of `from` to `at` in `to`, which has room for them. A platform may bring its own: V8's
 * `set` goes byte by byte, ten times slower, where memory is shared with other threads and source and target are not
 * aligned alike. Blocks hardly ever are.
 */
export type Copy = (to: Uint8Array, at: number, from: Uint8Array, begin: number, end: number) => void;

export const portableCopy: Copy = (to, at, from, begin, end) => {
  to.set(from.subarray(begin, end), at);
};
