/** What the demo tells: a line for each step as it goes, and one JSON object for programs. */

/** How one step ended. */
export interface StepOutcome {
  readonly step: string;
  readonly ok: boolean;
  readonly seconds: number;
  /** What was seen, or why it failed. */
  readonly saw: string;
}

/** The JSON object of `--json`. */
export interface Outcome {
  readonly ok: boolean;
  readonly steps: readonly StepOutcome[];
  /** From the first word of `kith gateway init` to a client that has a page of the internet; null where it never had. */
  readonly secondsToSurf: number | null;
  readonly seconds: number;
}

export class Report {
  readonly #began: number = performance.now();
  readonly #steps: StepOutcome[] = [];
  #silent = false;
  #surf: number | null = null;

  get seconds(): number {
    return tenths(performance.now() - this.#began);
  }

  /** A client surfs; counted from `began`, ms of the monotonic clock. */
  surfs(began: number): void {
    this.#surf = tenths(performance.now() - began);
  }

  /** Runs a step. What it throws is its outcome, and the next one runs. @param work returns what was seen */
  async step(step: string, work: () => Promise<string>): Promise<boolean> {
    const began = performance.now();
    this.#print(`\n${step} (${this.seconds.toFixed(1)} s)`);
    let outcome: StepOutcome;
    try {
      const saw = await work();
      outcome = { step, ok: true, seconds: tenths(performance.now() - began), saw };
    } catch (error) {
      const saw = error instanceof Error ? error.message : String(error);
      outcome = { step, ok: false, seconds: tenths(performance.now() - began), saw };
    }
    if (this.#silent) return false;
    this.#steps.push(outcome);
    for (const line of outcome.saw.split('\n')) this.#print(`  ${outcome.ok ? '' : 'FAILED: '}${line}`);
    return outcome.ok;
  }

  get allDone(): boolean {
    return this.#steps.length > 0 && this.#steps.every(({ ok }) => ok);
  }

  summary(): void {
    this.#print(`\nWhat was shown (${this.seconds.toFixed(1)} s)`);
    for (const { step, ok, seconds } of this.#steps) this.#print(`  ${ok ? 'yes' : 'NO '}  ${step}, ${seconds} s`);
    if (this.#surf !== null) this.#print(`  from "kith gateway init" to a client that surfs: ${this.#surf} s`);
  }

  outcome(): Outcome {
    return { ok: this.allDone, steps: this.#steps, secondsToSurf: this.#surf, seconds: this.seconds };
  }

  /** Says nothing any more: what is being torn down has no more to tell. */
  silence(): void {
    this.#silent = true;
  }

  #print(line: string): void {
    if (!this.#silent) process.stdout.write(`${line}\n`);
  }
}

function tenths(ms: number): number {
  return Math.round(ms / 100) / 10;
}
