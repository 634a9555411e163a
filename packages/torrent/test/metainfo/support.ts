import { createHash } from 'node:crypto';
import { bencode, type Hashes } from '@kith/torrent';

export const hashes: Hashes = {
  sha1: (data) => new Uint8Array(createHash('sha1').update(data).digest()),
  sha256: (data) => new Uint8Array(createHash('sha256').update(data).digest()),
};

/** Bytes that differ from block to block and from seed to seed. */
export function content(length: number, seed = 1): Uint8Array {
  const out = new Uint8Array(length);
  let state = seed >>> 0 || 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    out[i] = state >>> 24;
  }
  return out;
}

/** A v1 torrent with these fields in its info dictionary and pieces of the right number. */
export function v1(info: Record<string, bencode.Encodable | undefined>, pieces = 1): Uint8Array {
  return bencode.encode({
    info: { name: 'folder', 'piece length': 16_384, pieces: new Uint8Array(20 * pieces), ...info },
  });
}

/** A v1 torrent of files of one byte with these paths; strings are text, arrays of numbers raw bytes. */
export function v1Paths(paths: readonly (readonly (string | readonly number[])[])[], name = 'folder'): Uint8Array {
  const files = paths.map((path) => ({
    length: 1,
    path: path.map((component) => (typeof component === 'string' ? component : Uint8Array.from(component))),
  }));
  return v1({ name, files });
}
