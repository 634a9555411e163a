/**
 * The virtual clock: a queue of events in a binary heap. Time jumps from one event to the next; events of one instant
 * run in the order in which they were scheduled, so that a run depends on its inputs alone.
 */

/** An event in the queue. Hand it to {@link VirtualClock.cancel}; everything else about it belongs to the clock. */
export interface ScheduledEvent {
  readonly at: number;
  readonly order: number;
  run: (() => void) | null;
}

function earlier(a: ScheduledEvent, b: ScheduledEvent): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Cancelled events are swept out of the heap once they are at least this many and half of it. */
const SWEEP_FROM = 1024;

export class VirtualClock {
  #now = 0;
  #heap: ScheduledEvent[] = [];
  #inserted = 0;
  #cancelled = 0;
  #executed = 0;

  /** Virtual time in ms since the simulation began. */
  get now(): number {
    return this.#now;
  }

  /** Events run so far. */
  get executed(): number {
    return this.#executed;
  }

  /** Events that wait to be run. */
  get pending(): number {
    return this.#heap.length - this.#cancelled;
  }

  /**
   * @param at virtual time in ms; a time in the past means now, after the events that already wait for now
   * @throws RangeError if `at` is no number
   */
  schedule(at: number, run: () => void): ScheduledEvent {
    if (Number.isNaN(at)) throw new RangeError('an event was scheduled at NaN');
    const event: ScheduledEvent = { at: at < this.#now ? this.#now : at, order: this.#inserted++, run };
    this.#heap.push(event);
    this.#up(this.#heap.length - 1);
    return event;
  }

  /** An event that ran or was cancelled before is left alone. */
  cancel(event: ScheduledEvent): void {
    if (event.run === null) return;
    event.run = null;
    this.#cancelled++;
    if (this.#cancelled >= SWEEP_FROM && this.#cancelled * 2 > this.#heap.length) this.#sweep();
  }

  /** Runs every event up to and including `until` (virtual ms), then stands at `until`. */
  run(until: number): void {
    for (let event = this.#next(until); event !== null; event = this.#next(until)) this.#execute(event);
    if (until > this.#now) this.#now = until;
  }

  /**
   * Runs until `condition` holds or `deadline` (virtual ms) has come. The condition is looked at first, then after the
   * events of each instant, but at most once per `every` ms of virtual time, and a last time at the deadline.
   * @returns whether the condition held; if so, the clock stands at the moment that was seen
   */
  runUntil(condition: () => boolean, deadline: number, every = 0): boolean {
    if (condition()) return true;
    let lookAt = this.#now + every;
    for (let event = this.#next(deadline); event !== null; event = this.#next(deadline)) {
      if (event.at > this.#now && this.#now >= lookAt) {
        if (condition()) return true;
        lookAt = this.#now + every;
      }
      this.#execute(event);
    }
    if (condition()) return true;
    if (deadline > this.#now) this.#now = deadline;
    return condition();
  }

  /** The earliest live event up to `until`, still in the heap. */
  #next(until: number): ScheduledEvent | null {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined) return null;
      if (first.run === null) {
        this.#pop();
        this.#cancelled--;
      } else {
        return first.at <= until ? first : null;
      }
    }
  }

  /** Runs the first event of the heap. */
  #execute(event: ScheduledEvent): void {
    const { run } = event;
    this.#pop();
    this.#now = event.at;
    event.run = null;
    this.#executed++;
    run?.();
  }

  #pop(): void {
    const last = this.#heap.pop() as ScheduledEvent;
    if (this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#down(0);
  }

  #up(from: number): void {
    const heap = this.#heap;
    const event = heap[from] as ScheduledEvent;
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above] as ScheduledEvent;
      if (!earlier(event, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = event;
  }

  #down(from: number): void {
    const heap = this.#heap;
    const { length } = heap;
    const event = heap[from] as ScheduledEvent;
    let at = from;
    for (let child = 2 * at + 1; child < length; child = 2 * at + 1) {
      if (child + 1 < length && earlier(heap[child + 1] as ScheduledEvent, heap[child] as ScheduledEvent)) child++;
      if (!earlier(heap[child] as ScheduledEvent, event)) break;
      heap[at] = heap[child] as ScheduledEvent;
      at = child;
    }
    heap[at] = event;
  }

  #sweep(): void {
    this.#heap = this.#heap.filter((event) => event.run !== null);
    this.#cancelled = 0;
    for (let at = (this.#heap.length >> 1) - 1; at >= 0; at--) this.#down(at);
  }
}
