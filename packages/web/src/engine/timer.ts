/** Wakes the engine when it asked to be woken. What is due now waits for what the same turn still brings, and not for a timer. */
const LONGEST = 2 ** 31 - 1;

export class Timer {
  /** When it wants to be woken next, monotonic ms. */
  next: () => number = () => Number.POSITIVE_INFINITY;
  readonly #tick: (now: number) => void;
  readonly #turn: MessageChannel = new MessageChannel();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #due: number = Number.POSITIVE_INFINITY;

  constructor(tick: (now: number) => void) {
    this.#tick = tick;
    this.#turn.port1.addEventListener('message', () => this.#run());
    this.#turn.port1.start();
  }

  /** @param at monotonic ms */
  wake(at: number): void {
    if (at >= this.#due) return;
    this.#due = at;
    clearTimeout(this.#timer);
    const wait = at - performance.now();
    // Browsers hold timers back that set each other; messages they do not.
    if (wait <= 0) this.#turn.port2.postMessage(null);
    else this.#timer = setTimeout(() => this.#run(), Math.min(wait, LONGEST));
  }

  #run(): void {
    clearTimeout(this.#timer);
    this.#due = Number.POSITIVE_INFINITY;
    this.#tick(performance.now());
    this.wake(this.next());
  }
}
