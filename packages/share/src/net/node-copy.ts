import type { Copy } from '@kith/torrent';

/** As C moves memory, shared or not. */
export const nodeCopy: Copy = (to, at, from, begin, end) => {
  copy.call(from, to, at, begin, end);
};

// What it needs is a Uint8Array, whatever its type says.
const copy: (this: Uint8Array, to: Uint8Array, at: number, begin: number, end: number) => number =
  Buffer.prototype.copy;
