/** What bodies of requests are made of, from unknown JSON into strong types; unknown keys are refused. */
import { KithError } from '@kith/core';

export type Rule<T> = (value: unknown, key: string) => T;

function refuse(key: string, what: string): KithError {
  return new KithError('API_REQUEST_INVALID', `"${key}" must be ${what}`);
}

/** Text of 1 to `most` characters. */
export function longText(most: number): Rule<string> {
  return (value, key) => {
    if (typeof value === 'string' && value.length >= 1 && value.length <= most) return value;
    throw refuse(key, `text of 1 to ${most} characters`);
  };
}

/** 1 to 256 characters. */
export const text: Rule<string> = longText(256);

/** A list of at most `most`; absent and null are an empty one. */
export function listOf<T>(rule: Rule<T>, most: number): Rule<T[]> {
  return (value, key) => {
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value) || value.length > most) throw refuse(key, `a list of at most ${most}`);
    return value.map((entry: unknown) => rule(entry, key));
  };
}

export function oneOf<T extends string>(...words: readonly T[]): Rule<T> {
  return (value, key) => {
    const found = words.find((word) => word === value);
    if (found !== undefined) return found;
    throw refuse(key, `one of ${words.join(', ')}`);
  };
}

export function whole(least: number, most: number): Rule<number> {
  return (value, key) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
    throw refuse(key, `a whole number from ${least} to ${most}`);
  };
}

/** Absent and null are the same. */
export function nullable<T>(rule: Rule<T>): Rule<T | null> {
  return (value, key) => (value === null || value === undefined ? null : rule(value, key));
}

/** At most 32 of them. */
export const texts: Rule<string[]> = (value, key) => {
  if (!Array.isArray(value) || value.length > 32) throw refuse(key, 'a list of at most 32 texts');
  return value.map((entry: unknown) => text(entry, key));
};

export const flag: Rule<boolean> = (value, key) => {
  if (typeof value === 'boolean') return value;
  throw refuse(key, 'true or false');
};

/** @throws KithError API_REQUEST_INVALID */
export function read<T>(body: unknown, rules: { readonly [Key in keyof T]: Rule<T[Key]> }): T {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new KithError('API_REQUEST_INVALID', 'the body must be a JSON object');
  }
  const given = new Map<string, unknown>(Object.entries(body));
  for (const key of given.keys()) {
    if (!Object.hasOwn(rules, key)) throw new KithError('API_REQUEST_INVALID', `unknown key "${key.slice(0, 64)}"`);
  }
  const out: Partial<T> = {};
  for (const key of Object.keys(rules) as (keyof T & string)[]) out[key] = rules[key](given.get(key), key);
  return out as T;
}
