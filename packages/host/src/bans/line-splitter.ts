/** Bytes that come in pieces, as lines. A line that is too long is left out, whatever it is. */
export class LineSplitter {
  readonly #longest: number;
  #rest: Buffer = Buffer.alloc(0);
  #skipping = false;

  /** @param longest in bytes */
  constructor(longest: number) {
    this.#longest = longest;
  }

  /** The lines that are complete now. */
  push(bytes: Uint8Array): string[] {
    const lines: string[] = [];
    let data = Buffer.concat([this.#rest, bytes]);
    for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10)) {
      if (!this.#skipping && end <= this.#longest) lines.push(data.toString('utf8', 0, end));
      this.#skipping = false;
      data = data.subarray(end + 1);
    }
    if (data.length > this.#longest) {
      this.#skipping = true;
      data = Buffer.alloc(0);
    }
    // A copy: the rest of a large piece would stay in memory with it.
    this.#rest = this.#skipping ? Buffer.alloc(0) : Buffer.from(data);
    return lines;
  }

  /** Forgets the line that is not complete. */
  clear(): void {
    this.#rest = Buffer.alloc(0);
    this.#skipping = false;
  }
}
