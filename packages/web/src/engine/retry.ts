/** How long to wait before trying again: twice as long each time, and never all at once. */
const FIRST = 500;
const MOST = 20_000;

export class Retry {
  #next: number = FIRST;
  #timer: ReturnType<typeof setTimeout> | undefined;

  succeeded(): void {
    this.#next = FIRST;
  }

  after(work: () => void): void {
    clearTimeout(this.#timer);
    const dice = crypto.getRandomValues(new Uint8Array(1))[0] ?? 0;
    this.#timer = setTimeout(work, this.#next * (0.75 + dice / 512));
    this.#next = Math.min(this.#next * 2, MOST);
  }

  soon(work: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(work, 0);
  }
}
