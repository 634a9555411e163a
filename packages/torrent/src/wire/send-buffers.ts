/**
 * Memory of blocks on their way out, used again and again: a block that is sent leaves no garbage behind. All connections
 * share it, so that one which has nothing to send holds nothing.
 */

/** Bytes of a buffer: four blocks with their heads, and room for what is said between them. */
export const SEND_BUFFER: number = 65_536 + 1024;
/** Buffers that are kept while nobody needs them: what four busy connections have under way. */
const KEPT = 64;

class SendBuffers {
  readonly #spare: Uint8Array[] = [];

  take(): Uint8Array {
    return this.#spare.pop() ?? new Uint8Array(SEND_BUFFER);
  }

  /** Nobody may hold on to it. */
  giveBack(buffer: Uint8Array): void {
    if (this.#spare.length < KEPT) this.#spare.push(buffer);
  }
}

export const sendBuffers: SendBuffers = new SendBuffers();
