/** Counters of a host: UDP payload bytes and packets, overall and per interval of virtual time. */

export interface TrafficCounts {
  readonly sentBytes: number;
  readonly sentPackets: number;
  readonly receivedBytes: number;
  readonly receivedPackets: number;
}

type Counts = { -readonly [Name in keyof TrafficCounts]: TrafficCounts[Name] };

function zero(): Counts {
  return { sentBytes: 0, sentPackets: 0, receivedBytes: 0, receivedPackets: 0 };
}

export class Traffic {
  readonly #interval: number;
  readonly #total: Counts = zero();
  readonly #intervals: Counts[] = [];

  /** @param interval length of an interval in ms; 0 keeps totals only */
  constructor(interval: number) {
    this.#interval = interval;
  }

  get total(): TrafficCounts {
    return { ...this.#total };
  }

  /** One entry per interval since time 0, up to the last one with traffic; quiet ones are zero. */
  get intervals(): readonly TrafficCounts[] {
    return this.#intervals.map((counts) => ({ ...counts }));
  }

  sent(bytes: number, now: number): void {
    this.#total.sentBytes += bytes;
    this.#total.sentPackets++;
    const counts = this.#at(now);
    if (counts === null) return;
    counts.sentBytes += bytes;
    counts.sentPackets++;
  }

  received(bytes: number, now: number): void {
    this.#total.receivedBytes += bytes;
    this.#total.receivedPackets++;
    const counts = this.#at(now);
    if (counts === null) return;
    counts.receivedBytes += bytes;
    counts.receivedPackets++;
  }

  #at(now: number): Counts | null {
    if (this.#interval <= 0) return null;
    const index = Math.floor(now / this.#interval);
    while (this.#intervals.length <= index) this.#intervals.push(zero());
    return this.#intervals[index] as Counts;
  }
}
