/** A file in memory behind the contract of streaming, whose bytes come when the test says so. */
import type { StreamFile, StreamReader } from '@kith/torrent';

export class MemoryFile implements StreamFile {
  readonly name: string;
  readonly length: number;
  readonly etag: string = 'abc-0';
  readonly bytes: Uint8Array;
  readers: number = 0;
  reads: number[] = [];
  /** Reads from here on wait until `release`. */
  held: number = Infinity;
  #waiting: (() => void)[] = [];

  constructor(name: string, bytes: Uint8Array) {
    this.name = name;
    this.bytes = bytes;
    this.length = bytes.length;
  }

  release(): void {
    this.held = Infinity;
    for (const go of this.#waiting.splice(0)) go();
  }

  open(): StreamReader {
    this.readers++;
    let open = true;
    return {
      read: async (begin, most) => {
        this.reads.push(begin);
        if (begin >= this.held) await new Promise<void>((resolve) => this.#waiting.push(resolve));
        // Never more than 100,000 at a time, as a piece ends somewhere.
        return this.bytes.subarray(begin, begin + Math.min(most, 100_000));
      },
      close: () => {
        if (open) this.readers--;
        open = false;
      },
    };
  }
}
