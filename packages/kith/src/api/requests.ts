/** Bodies of requests, from unknown JSON into strong types; unknown keys are refused like everywhere in kith. */
import { KithError } from '@kith/core';
import type { ChangeRequest, InviteRequest, PingRequest, RevokeRequest } from './types.ts';

type Rule<T> = (value: unknown, key: string) => T;

function refuse(key: string, what: string): KithError {
  return new KithError('API_REQUEST_INVALID', `"${key}" must be ${what}`);
}

const text: Rule<string> = (value, key) => {
  if (typeof value === 'string' && value.length >= 1 && value.length <= 256) return value;
  throw refuse(key, 'text of 1 to 256 characters');
};

function whole(least: number, most: number): Rule<number> {
  return (value, key) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
    throw refuse(key, `a whole number from ${least} to ${most}`);
  };
}

function nullable<T>(rule: Rule<T>): Rule<T | null> {
  return (value, key) => (value === null || value === undefined ? null : rule(value, key));
}

const texts: Rule<string[]> = (value, key) => {
  if (!Array.isArray(value) || value.length > 32) throw refuse(key, 'a list of at most 32 texts');
  return value.map((entry: unknown) => text(entry, key));
};

const flag: Rule<boolean> = (value, key) => {
  if (typeof value === 'boolean') return value;
  throw refuse(key, 'true or false');
};

function read<T>(body: unknown, rules: { readonly [Key in keyof T]: Rule<T[Key]> }): T {
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

/** Ten years in ms: no invite lives longer unless it has no expiry at all. */
const EXPIRY_LIMIT = 10 * 365 * 86_400_000;

export function readInviteRequest(body: unknown): InviteRequest {
  return read<InviteRequest>(body, {
    name: nullable(text),
    address: nullable(text),
    uses: whole(1, 100),
    expiresIn: nullable(whole(1, EXPIRY_LIMIT)),
    tags: texts,
    via: nullable(texts),
  });
}

export function readRevokeRequest(body: unknown): RevokeRequest {
  return read<RevokeRequest>(body, { target: text });
}

export function readChangeRequest(body: unknown): ChangeRequest {
  return read<ChangeRequest>(body, {
    member: text,
    name: nullable(text),
    address: nullable(text),
    admin: nullable(flag),
    relay: nullable(flag),
  });
}

export function readPingRequest(body: unknown): PingRequest {
  return read<PingRequest>(body, { member: text, timeout: whole(1, 60_000) });
}
