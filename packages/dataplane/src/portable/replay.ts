/**
 * Replay window of a session (RFC 6479's ring of words): remembers which of the last 8192 counters were seen. Counters
 * are integers below 2^53.
 */
const WORDS = 257;

/** Width of the window in counters. */
export const REPLAY_WINDOW: number = (WORDS - 1) * 32;

export class ReplayWindow {
  readonly #ring: Uint32Array = new Uint32Array(WORDS);
  #next = 0;

  /** Whether `counter` is neither seen nor below the window. */
  accepts(counter: number): boolean {
    if (counter >= this.#next) return true;
    if (counter < this.#next - REPLAY_WINDOW) return false;
    return ((this.#ring[Math.floor(counter / 32) % WORDS] as number) & (1 << (counter % 32))) === 0;
  }

  /** Marks an accepted counter as seen; call it only for a counter that was authenticated. */
  mark(counter: number): void {
    const word = Math.floor(counter / 32);
    if (counter >= this.#next) {
      const last = Math.floor((this.#next - 1) / 32);
      for (let i = Math.max(last + 1, word - WORDS + 1); i <= word; i++) this.#ring[i % WORDS] = 0;
      this.#next = counter + 1;
    }
    const at = word % WORDS;
    this.#ring[at] = (this.#ring[at] as number) | (1 << (counter % 32));
  }
}
