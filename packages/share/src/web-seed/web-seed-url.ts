import type { Metainfo, TorrentFile } from '@kith/torrent';

/**
 * Where a web seed has a file (BEP 19): a torrent of one file is at the address itself, or below it under the torrent's
 * name where the address ends with a slash; files of any other torrent are below it, under the torrent's name and theirs.
 */
export function webSeedUrl(base: string, torrent: Metainfo, file: TorrentFile): URL {
  const path = file.original ?? file.path;
  const real = torrent.files.filter((each) => !each.padding);
  if (real.length === 1 && path.length === 1 && !base.endsWith('/')) return new URL(base);
  return new URL(path.map(encodeURIComponent).join('/'), base.endsWith('/') ? base : `${base}/`);
}
