/** The hashes of BitTorrent in a browser: at once in JavaScript, and later by the browser's own code, which is faster. */
import { sha1 } from '@noble/hashes/legacy.js';
import { sha256 } from '@noble/hashes/sha2.js';
import type { Hashes, LaterHashes } from '@kith/torrent';

export const hashes: Hashes = { sha1: (data) => sha1(data), sha256: (data) => sha256(data) };

/** Without a secure context there is no `crypto.subtle`. */
export const laterHashes: LaterHashes =
  'subtle' in crypto
    ? { sha1: (data) => digest('SHA-1', data), sha256: (data) => digest('SHA-256', data) }
    : { sha1: (data) => Promise.resolve(sha1(data)), sha256: (data) => Promise.resolve(sha256(data)) };

async function digest(name: string, data: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest(name, owned(data)));
}

/** Nothing here shares its memory with another thread. */
function owned(data: Uint8Array): Uint8Array<ArrayBuffer> {
  return data.buffer instanceof ArrayBuffer
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : Uint8Array.from(data);
}
