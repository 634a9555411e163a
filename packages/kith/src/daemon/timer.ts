/** One timer for everything that wants to be woken: always armed for the earliest wish, never more than one. */
import { monotonic } from './clock.ts';

export interface Sleeper {
  /** Monotonic ms; null while there is nothing to wait for. */
  wakeAt(): number | null;
  tick(now: number): void;
}

/** Longest time that setTimeout takes, in ms. */
const MOST = 2 ** 31 - 1;

export class TimerDriver {
  readonly #sleepers: readonly Sleeper[];
  #timer: NodeJS.Timeout | null = null;
  #armedFor: number | null = null;
  #stopped = false;

  constructor(sleepers: readonly Sleeper[]) {
    this.#sleepers = sleepers;
  }

  /** To be called whenever a sleeper may have changed its mind; costs nothing if it has not. */
  rearm(): void {
    if (this.#stopped) return;
    let earliest: number | null = null;
    for (const sleeper of this.#sleepers) {
      const at = sleeper.wakeAt();
      if (at !== null && (earliest === null || at < earliest)) earliest = at;
    }
    if (earliest === this.#armedFor) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#armedFor = earliest;
    this.#timer = null;
    if (earliest === null) return;
    // Rounded up: waking a fraction of a millisecond early would only mean to be armed again at once.
    const delay = Math.min(MOST, Math.max(0, Math.ceil(earliest - monotonic())));
    this.#timer = setTimeout(() => this.#fire(), delay);
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #fire(): void {
    this.#timer = null;
    this.#armedFor = null;
    const now = monotonic();
    for (const sleeper of this.#sleepers) {
      const at = sleeper.wakeAt();
      if (at !== null && at <= now) sleeper.tick(now);
    }
    this.rearm();
  }
}
