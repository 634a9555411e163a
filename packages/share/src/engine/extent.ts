import type { Metainfo } from '@kith/torrent';

/** How much a torrent has to show for: files and bytes, padding not counted. */
export interface Extent {
  readonly files: number;
  readonly size: number;
}

const NOTHING: Extent = { files: 0, size: 0 };
/** Somebody who watches asks many times a second, and a torrent may have a hundred thousand files. */
const known = new WeakMap<Metainfo, Extent>();

export function extentOf(metainfo: Metainfo | undefined): Extent {
  if (metainfo === undefined) return NOTHING;
  let extent = known.get(metainfo);
  if (extent === undefined) {
    const files = metainfo.files.filter((file) => !file.padding);
    extent = { files: files.length, size: files.reduce((sum, { length }) => sum + length, 0) };
    known.set(metainfo, extent);
  }
  return extent;
}
