/**
 * JSON that a program of the host wrote, read strictly: every value is asked for with its type and its limits, and what
 * does not fit is refused with the place where it stands. Fields that nobody asks for are passed over, as programs add
 * some from version to version.
 */
import { KithError } from '@kith/core';

/** A value with the place where it stands, and what it is a part of, for the complaint. */
export class Answer {
  readonly #value: unknown;
  readonly #place: string;
  readonly #source: string;

  /**
   * @param source the command or socket that it came from, for people
   * @throws KithError HOST_ANSWER_INVALID when it is no JSON
   */
  static parse(text: string, source: string): Answer {
    try {
      const value: unknown = JSON.parse(text);
      return new Answer(value, '', source);
    } catch (cause) {
      throw new KithError('HOST_ANSWER_INVALID', `${source} answered with something that is no JSON`, { cause });
    }
  }

  private constructor(value: unknown, place: string, source: string) {
    this.#value = value;
    this.#place = place;
    this.#source = source;
  }

  /** @throws KithError HOST_ANSWER_INVALID when it is no object or has no such field */
  field(key: string): Answer {
    return this.optional(key) ?? this.#refuse(`has no "${key}"`);
  }

  /** Null where the field is missing, or null itself. */
  optional(key: string): Answer | null {
    const value = Object.entries(this.#object()).find(([name]) => name === key)?.[1];
    return value === undefined || value === null ? null : new Answer(value, `${this.#place}.${key}`, this.#source);
  }

  /** Whether it is an object with such a field, were it null. */
  has(key: string): boolean {
    return Object.hasOwn(this.#object(), key);
  }

  /** The value as it came, for comparing it with another one. */
  raw(): unknown {
    return this.#value;
  }

  /** @param most elements that are allowed */
  list(most: number): Answer[] {
    const value = this.#value;
    if (!Array.isArray(value)) return this.#refuse('is no list');
    if (value.length > most) return this.#refuse(`has ${value.length} elements, ${most} are the most`);
    return value.map((each: unknown, i) => new Answer(each, `${this.#place}[${i}]`, this.#source));
  }

  /** The fields of an object whose names are data. */
  entries(names: RegExp, most: number): (readonly [string, Answer])[] {
    const all = Object.entries(this.#object());
    if (all.length > most) return this.#refuse(`has ${all.length} fields, ${most} are the most`);
    return all.map(([name, value]) => {
      if (!names.test(name)) return this.#refuse(`has a field "${name.slice(0, 80)}", which it may not`);
      return [name, new Answer(value, `${this.#place}.${name}`, this.#source)];
    });
  }

  matching(pattern: RegExp): string {
    const value = this.#value;
    return typeof value === 'string' && pattern.test(value) ? value : this.#refuse(`is not like ${pattern.source}`);
  }

  /** A text without control characters. */
  text(most: number): string {
    const value = this.#value;
    if (typeof value !== 'string' || value.length > most || /\p{Cc}/u.test(value)) {
      return this.#refuse(`is no text of at most ${most} characters`);
    }
    return value;
  }

  /** A whole number from `least` to `most`. */
  whole(least: number, most: number): number {
    const value = this.#value;
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least || value > most) {
      return this.#refuse(`is no whole number from ${least} to ${most}`);
    }
    return value;
  }

  /** A whole number from 0 on that counts something for as long as a machine runs. */
  count(): number {
    return this.whole(0, Number.MAX_SAFE_INTEGER);
  }

  oneOf<T extends string>(values: readonly T[]): T {
    return values.find((each) => each === this.#value) ?? this.#refuse(`is none of ${values.join(', ')}`);
  }

  flag(): boolean {
    return typeof this.#value === 'boolean' ? this.#value : this.#refuse('is neither true nor false');
  }

  #object(): object {
    const value = this.#value;
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : this.#refuse('is no object');
  }

  #refuse(why: string): never {
    const place = this.#place === '' ? 'it' : `"${this.#place.replace(/^\./, '').slice(0, 120)}"`;
    throw new KithError('HOST_ANSWER_INVALID', `${this.#source} answered with something unexpected: ${place} ${why}`);
  }
}
