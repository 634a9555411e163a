/** What was measured so far, and why something was not. */

/** One line of a result. The median of an even number of rounds lies between its two middle values. */
export interface Row {
  readonly system: string;
  readonly measure: string;
  readonly unit: string;
  readonly median: number | null;
  readonly min: number | null;
  readonly max: number | null;
  /** How many rounds brought a value. */
  readonly rounds: number;
  /** Why there is no value, or what went wrong in one of the rounds. */
  readonly reason?: string;
}

export class Samples {
  readonly #units: Readonly<Record<string, string>>;
  readonly #values = new Map<string, number[]>();
  readonly #reasons = new Map<string, string>();

  /** @param units of every measure there is */
  constructor(units: Readonly<Record<string, string>>) {
    this.#units = units;
  }

  add(system: string, found: Readonly<Record<string, number>>): void {
    for (const [measure, value] of Object.entries(found)) {
      const key = `${system} ${measure}`;
      const values = this.#values.get(key) ?? [];
      if (Number.isFinite(value)) values.push(value);
      this.#values.set(key, values);
    }
  }

  /** Keeps the first reason of each. */
  fail(system: string, measures: Iterable<string>, reason: string): void {
    for (const measure of measures) {
      const key = `${system} ${measure}`;
      if (!this.#reasons.has(key)) this.#reasons.set(key, reason.trim().split('\n').slice(0, 3).join(' '));
    }
  }

  row(system: string, measure: string): Row {
    const key = `${system} ${measure}`;
    const values = [...(this.#values.get(key) ?? [])].sort((a, b) => a - b);
    const reason = this.#reasons.get(key);
    const [low, high] = [values[(values.length - 1) >> 1], values[values.length >> 1]];
    return {
      system,
      measure,
      unit: this.#units[measure] ?? '',
      median: low === undefined || high === undefined ? null : round((low + high) / 2),
      min: values.length === 0 ? null : round(values[0] ?? NaN),
      max: values.length === 0 ? null : round(values.at(-1) ?? NaN),
      rounds: values.length,
      ...(reason === undefined ? (values.length === 0 ? { reason: 'not measured' } : {}) : { reason }),
    };
  }
}

/** Four significant digits: the rest is noise. */
function round(value: number): number {
  return Number(value.toPrecision(4));
}
