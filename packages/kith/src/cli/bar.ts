/** How far long work is: one line that changes on a terminal, a line now and then elsewhere. Silent with `--json`. */
import type { WriteStream } from 'node:tty';

/** ms between two lines where there is no terminal. */
const PLAIN_EVERY = 5_000;
const WIDTH = 24;

export class Bar {
  readonly #out: WriteStream | undefined;
  #told = Number.NEGATIVE_INFINITY;
  #last = '';
  #shown = false;

  /** Goes to standard error: what a verb prints in the end stays alone on standard output. */
  constructor(silent: boolean) {
    this.#out = silent ? undefined : process.stderr;
  }

  get terminal(): boolean {
    return this.#out?.isTTY === true;
  }

  /** @param fraction 0..1, or undefined where nobody knows */
  show(label: string, fraction: number | undefined, rest: string): void {
    const out = this.#out;
    if (out === undefined) return;
    const percent = fraction === undefined ? '' : `${Math.floor(fraction * 100)} %`.padStart(5);
    if (!this.terminal) {
      const line = [label, percent.trim(), rest].filter((part) => part !== '').join('  ');
      if (line === this.#last || performance.now() - this.#told < PLAIN_EVERY) return;
      this.#told = performance.now();
      this.#last = line;
      out.write(`${line}\n`);
      return;
    }
    const filled = Math.round((fraction ?? 0) * WIDTH);
    const bar = fraction === undefined ? '' : `${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)} ${percent}`;
    const line = [label, bar, rest].filter((part) => part !== '').join('  ');
    this.#shown = true;
    out.write(`\r\u001b[K${line.slice(0, Math.max(20, out.columns - 1))}`);
  }

  /** Takes the line away. */
  end(): void {
    if (this.#shown) this.#out?.write('\r\u001b[K');
    this.#shown = false;
  }
}
