import type { Metainfo } from '../metainfo/metainfo.ts';
import { piecesOf } from '../storage/layout.ts';
import { NORMAL_PRIORITY } from './piece-picker.ts';

/** Which files are wanted how much, and which pieces follow from that. */
export class Selection {
  readonly #torrent: Metainfo;
  readonly #files: Uint8Array;

  constructor(torrent: Metainfo) {
    this.#torrent = torrent;
    this.#files = new Uint8Array(torrent.files.length).fill(NORMAL_PRIORITY);
  }

  /** 0..7, 0 for not wanted. */
  priority(file: number): number {
    return this.#files[file] ?? 0;
  }

  set(file: number, priority: number): void {
    this.#files[file] = Math.max(0, Math.min(7, priority));
  }

  /** Priority per piece: that of the most wanted file that it has bytes of. */
  pieces(): Uint8Array {
    const priorities = new Uint8Array(this.#torrent.pieceCount);
    for (const [index, file] of this.#torrent.files.entries()) {
      const { first, end } = piecesOf(this.#torrent, file);
      const priority = this.#files[index] as number;
      for (let piece = first; piece < end; piece++) {
        if ((priorities[piece] as number) < priority) priorities[piece] = priority;
      }
    }
    return priorities;
  }
}
