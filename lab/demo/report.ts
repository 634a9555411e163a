/** What the demo tells: lines for a person as it goes, a short table at the end, and one JSON object for programs. */

/** One direction between two machines, as the first one's `kith status` describes it. */
export interface PathRow {
  readonly from: string;
  readonly to: string;
  readonly kind: string;
  /** Names of the members that forward, nearest first. */
  readonly via: readonly string[];
  readonly reason: string;
  readonly rttMs: number | null;
}

/** The JSON object of `--json`. */
export interface Outcome {
  readonly pings: { readonly ok: number; readonly total: number };
  readonly paths: readonly PathRow[];
  readonly service: boolean;
  readonly firewall: boolean;
  readonly survivesLossOfPublicNode: boolean;
  readonly revoked: boolean;
  readonly seconds: number;
}

/** What the demo promises, in the order of its table. */
const PROMISES = {
  pings: 'everybody reaches everybody',
  paths: 'the paths are the expected ones',
  service: "a service on pi is reached from externalblr by pi's mesh address",
  firewall: "a port that pi's firewall closes stays closed",
  loss: 'the others go on talking without the public node',
  back: 'the public node comes back by itself',
  revoked: 'a revoked machine is cut off everywhere within 5 s',
} as const;

export type Promised = keyof typeof PROMISES;

function isPromised(key: string): key is Promised {
  return Object.hasOwn(PROMISES, key);
}

export function milliseconds(ms: number | null): string {
  return ms === null ? 'no answer' : `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}

/** Lines with their columns one below the other, two spaces apart. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

export class Report {
  readonly #began: number = performance.now();
  readonly #kept = new Map<Promised, boolean>();
  #pings: Outcome['pings'] = { ok: 0, total: 0 };
  #paths: readonly PathRow[] = [];
  #silent = false;

  /** Seconds since the demo began, to a tenth. */
  get seconds(): number {
    return Math.round((performance.now() - this.#began) / 100) / 10;
  }

  /** Whether every promise was kept. One that was never looked at counts as broken. */
  get allKept(): boolean {
    return Object.keys(PROMISES).every((key) => isPromised(key) && this.#kept.get(key) === true);
  }

  /** A headline, with the time at which its scene begins. */
  scene(title: string): void {
    this.#print(`\n${title} (${this.seconds.toFixed(1)} s)`);
  }

  say(line: string): void {
    this.#print(`  ${line}`);
  }

  lines(lines: readonly string[]): void {
    for (const line of lines) this.say(line);
  }

  /** Records whether a promise was kept; one broken once stays broken. */
  promise(key: Promised, kept: boolean): void {
    this.#kept.set(key, kept && this.#kept.get(key) !== false);
  }

  pings(ok: number, total: number): void {
    this.#pings = { ok, total };
    this.promise('pings', ok === total && total > 0);
  }

  paths(rows: readonly PathRow[]): void {
    this.#paths = rows;
  }

  /** The table at the end. */
  summary(): void {
    this.scene('What was promised');
    const rows = Object.entries(PROMISES).map(([key, text]) => {
      const count = key === 'pings' ? ` (${this.#pings.ok} of ${this.#pings.total} pings)` : '';
      return [isPromised(key) && this.#kept.get(key) === true ? 'yes' : 'NO', `${text}${count}`];
    });
    this.lines(columns(rows));
  }

  outcome(): Outcome {
    const kept = (key: Promised) => this.#kept.get(key) === true;
    return {
      pings: this.#pings,
      paths: this.#paths,
      service: kept('service'),
      firewall: kept('firewall'),
      survivesLossOfPublicNode: kept('loss'),
      revoked: kept('revoked'),
      seconds: this.seconds,
    };
  }

  /** Says nothing any more: what is being torn down has no more to tell. */
  silence(): void {
    this.#silent = true;
  }

  #print(line: string): void {
    if (this.#silent) return;
    process.stdout.write(`${line}\n`);
  }
}
