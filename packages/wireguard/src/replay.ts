/**
 * The window that refuses replayed transport messages (white paper 5.4.6, algorithm of RFC 6479): one bit per counter
 * in a ring of words, of which one more exists than the window needs, so that sliding clears whole words only.
 *
 * Counters are numbers, not bigints: exact up to 2^53, cheap per packet. The wire's 64 bits are cut to that range when a
 * header is read (see transport.ts); no session reaches it, since it lives three minutes.
 */

/** Counters this far behind the greatest one are still accepted once. */
export const REPLAY_WINDOW = 8192;

const WORD_BITS = 32;
const RING: number = REPLAY_WINDOW / WORD_BITS + 1;

/** One per receiving session. Ask {@link isFresh} before opening a message, call {@link accept} once it is authentic. */
export class ReplayWindow {
  readonly #words: Uint32Array = new Uint32Array(RING);
  /** One more than the greatest counter accepted; 0 before the first. */
  #next = 0;

  /** Whether `counter` is within the window or ahead of it, and was not accepted before. Changes nothing. */
  isFresh(counter: number): boolean {
    if (!Number.isSafeInteger(counter) || counter < 0) return false;
    if (counter >= this.#next) return true;
    if (this.#next - counter > REPLAY_WINDOW) return false;
    const word = this.#words[Math.floor(counter / WORD_BITS) % RING] as number;
    return ((word >>> (counter % WORD_BITS)) & 1) === 0;
  }

  /** Takes `counter` in. False, and nothing changes, where {@link isFresh} is false. */
  accept(counter: number): boolean {
    if (!this.isFresh(counter)) return false;
    const block = Math.floor(counter / WORD_BITS);
    if (counter >= this.#next) {
      const top = this.#next === 0 ? -1 : Math.floor((this.#next - 1) / WORD_BITS);
      const steps = Math.min(block - top, RING);
      for (let i = 0; i < steps; i++) this.#words[(block - i) % RING] = 0;
      this.#next = counter + 1;
    }
    const at = block % RING;
    this.#words[at] = ((this.#words[at] as number) | (1 << (counter % WORD_BITS))) >>> 0;
    return true;
  }
}
