/** Takes typed values out of JSON that strangers made: what has the wrong type or size is left out and named. */

/** Complaints are for people: enough to see what is wrong, not one for each of a flood. */
const MOST_ODDITIES = 20;

export class Picker {
  readonly #fields: ReadonlyMap<string, unknown>;
  readonly #path: string;
  /** Paths of what was left out. */
  readonly oddities: string[];

  constructor(value: unknown, path = '', oddities: string[] = []) {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    this.#fields = new Map(isObject ? Object.entries(value) : []);
    this.#path = path;
    this.oddities = oddities;
    if (!isObject && value !== undefined) this.#odd('');
  }

  get isEmpty(): boolean {
    return this.#fields.size === 0;
  }

  #odd(key: string): undefined {
    if (this.oddities.length < MOST_ODDITIES) this.oddities.push(`${this.#path}${key}`.replace(/\.$/, ''));
    return undefined;
  }

  /** Without what a terminal or a page could take for anything but text. */
  text(key: string, longest: number): string | undefined {
    const value = this.#fields.get(key);
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'string' || value.length > longest) return this.#odd(key);
    return value.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, '');
  }

  matching(key: string, pattern: RegExp): string | undefined {
    const value = this.#fields.get(key);
    if (value === undefined || value === null) return undefined;
    return typeof value === 'string' && pattern.test(value) ? value : this.#odd(key);
  }

  number(key: string, least: number, most: number): number | undefined {
    const value = this.#fields.get(key);
    if (value === undefined || value === null) return undefined;
    return typeof value === 'number' && value >= least && value <= most ? value : this.#odd(key);
  }

  flag(key: string): boolean | undefined {
    const value = this.#fields.get(key);
    if (value === undefined || value === null) return undefined;
    return typeof value === 'boolean' ? value : this.#odd(key);
  }

  texts(key: string, pattern: RegExp, most: number): string[] | undefined {
    const value = this.#fields.get(key);
    if (value === undefined || value === null) return undefined;
    if (!Array.isArray(value)) return this.#odd(key);
    if (value.length > most) this.#odd(key);
    return value.slice(0, most).filter((each) => typeof each === 'string' && pattern.test(each));
  }

  object(key: string): Picker {
    return new Picker(this.#fields.get(key), `${this.#path}${key}.`, this.oddities);
  }

  /** The objects below keys that match, the first ones only. */
  entries(pattern: RegExp, most: number): [key: string, value: Picker][] {
    const keys = [...this.#fields.keys()];
    const fitting = keys.filter((key) => pattern.test(key));
    if (fitting.length < keys.length || fitting.length > most) this.#odd('');
    return fitting.slice(0, most).map((key) => [key, this.object(key)]);
  }
}
