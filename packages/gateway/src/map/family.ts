/**
 * One family of figures in Prometheus' text format 0.0.4: a name with HELP and TYPE, and its samples, each combination of
 * labels once.
 */

export type Labels = Readonly<Record<string, string>>;

export class Family {
  readonly name: string;
  readonly #head: string;
  readonly #samples = new Map<string, number>();

  /**
   * @param name base units in it, `_total` at the end of a counter's
   * @param help one line
   */
  constructor(name: string, type: 'gauge' | 'counter', help: string) {
    this.name = name;
    this.#head = `# HELP ${name} ${escaped(help, /[\\\n]/g)}\n# TYPE ${name} ${type}\n`;
  }

  /** What is not known has no sample: a zero would be a lie. Of samples with the same labels the last one stays. */
  add(value: number | null | undefined, labels: Labels = {}): this {
    if (value === undefined || value === null || Number.isNaN(value)) return this;
    const parts = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text, /[\\\n"]/g)}"`);
    this.#samples.set(parts.length === 0 ? '' : `{${parts.join(',')}}`, value);
    return this;
  }

  /** Ends with a newline, as texts of families are joined. */
  get text(): string {
    const lines = [...this.#samples].map(([labels, value]) => `${this.name}${labels} ${numberText(value)}\n`);
    return `${this.#head}${lines.join('')}`;
  }
}

function escaped(text: string, marks: RegExp): string {
  return text.replaceAll(marks, (mark) => (mark === '\n' ? '\\n' : `\\${mark}`));
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}
