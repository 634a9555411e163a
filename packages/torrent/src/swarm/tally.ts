import type { Metainfo } from '../metainfo/metainfo.ts';
import type { Bits } from './bits.ts';

/** Bytes of wanted pieces, kept up to date piece by piece: who looks at a thousand torrents looks at no piece of them. */
export class Tally {
  wanted = 0;
  /** Verified ones. */
  done = 0;

  /** Counts anew. */
  count(torrent: Metainfo, priorities: Uint8Array | undefined, have: Bits): void {
    this.wanted = 0;
    this.done = 0;
    for (let piece = 0; piece < torrent.pieceCount; piece++) {
      if (priorities?.[piece] === 0) continue;
      const size = torrent.pieceSize(piece);
      this.wanted += size;
      if (have.has(piece)) this.done += size;
    }
  }
}
