import type { Metainfo } from '../metainfo/metainfo.ts';
import { Layout } from '../storage/layout.ts';

/** Which blocks are padding alone (BEP 47): zeros that nobody has to send. */
export class Padding {
  readonly pieceLength: number;
  /** False for most torrents: no block is. */
  readonly any: boolean;
  readonly #layout: Layout;

  constructor(torrent: Metainfo) {
    this.pieceLength = torrent.pieceLength;
    this.any = torrent.files.some((file) => file.padding);
    this.#layout = new Layout(torrent);
  }

  covers(piece: number, begin: number, length: number): boolean {
    if (!this.any) return false;
    return this.#layout.segments(piece * this.pieceLength + begin, length).every((segment) => segment.file < 0);
  }
}
