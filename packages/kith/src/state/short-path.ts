/** Unix sockets have paths of at most 107 bytes (unix(7)); deeper folders are reached through a descriptor. */
import { closeSync, openSync } from 'node:fs';
import { basename, dirname } from 'node:path';

const LIMIT = 107;

/** A path for the same file that fits; call `close` once it was bound or connected. */
export function shortPath(path: string): { readonly path: string; close(): void } {
  if (Buffer.byteLength(path) <= LIMIT || process.platform !== 'linux') return { path, close: () => undefined };
  const folder = openSync(dirname(path), 'r');
  return { path: `/proc/self/fd/${folder}/${basename(path)}`, close: () => closeSync(folder) };
}
