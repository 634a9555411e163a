/** What somebody hands over to be shared: torrent files, magnet links, addresses of torrent files. */
import { readFile, stat } from 'node:fs/promises';
import { codeOf, KithError } from '@kith/core';
import { type Magnet, parseMagnet } from '@kith/torrent';
import { nodeHashes } from '../node-hashes.ts';
import { type Metainfo, type NameRules, parseInfo, parseTorrent } from '@kith/torrent';

export type ShareSource =
  /** A torrent file; `from` is what messages call it. */
  | { readonly torrent: Uint8Array; readonly from?: string }
  | { readonly magnet: string }
  /** Where a torrent file is, over http or https. Whoever names it has it fetched, wherever that is. */
  | { readonly url: string }
  /** Path of a torrent file. */
  | { readonly file: string };

export type Named =
  | { readonly kind: 'torrent'; readonly bytes: Uint8Array; readonly from: string }
  | { readonly kind: 'magnet'; readonly magnet: Magnet; readonly link: string };

const MOST_BYTES = 64 << 20;
const PATIENCE = 30_000;

/** @throws KithError SHARE_SOURCE, MAGNET_* */
export async function readSource(source: ShareSource): Promise<Named> {
  if ('magnet' in source) return { kind: 'magnet', magnet: parseMagnet(source.magnet), link: source.magnet };
  if ('torrent' in source) return { kind: 'torrent', bytes: source.torrent, from: source.from ?? 'torrent' };
  if ('file' in source) return { kind: 'torrent', bytes: await readTorrentFile(source.file), from: source.file };
  return { kind: 'torrent', bytes: await fetched(source.url), from: source.url };
}

/** @throws KithError SHARE_SOURCE */
async function readTorrentFile(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size > MOST_BYTES)
      throw new KithError('SHARE_SOURCE', `${path} has ${size} bytes: no torrent file is that large`);
    return await readFile(path);
  } catch (cause) {
    if (cause instanceof KithError) throw cause;
    throw new KithError('SHARE_SOURCE', `cannot read ${path}: ${reasonOf(cause)}`, { cause });
  }
}

async function fetched(url: string): Promise<Uint8Array> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE) });
    if (!response.ok) throw new Error(`the server says ${response.status} ${response.statusText}`.trimEnd());
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response.body ?? []) {
      size += chunk.length;
      if (size > MOST_BYTES) throw new Error(`more than ${MOST_BYTES} bytes: no torrent file is that large`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (cause) {
    throw new KithError('SHARE_SOURCE', `cannot fetch ${url}: ${reasonOf(cause)}`, { cause });
  }
}

/** What a torrent of the resume file is. */
export function metainfoOf(bytes: Uint8Array, bare: boolean, names: NameRules, source: string): Metainfo {
  return bare ? parseInfo(bytes, nodeHashes, { names, source }) : parseTorrent(bytes, nodeHashes, { names, source });
}

export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = codeOf(error);
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  if (code === 'EISDIR') return 'it is a folder; to share it: `kith share`';
  // fetch hides what happened behind "fetch failed".
  return error.cause instanceof Error ? reasonOf(error.cause) : error.message;
}
