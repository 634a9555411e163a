/** What kith owns on a host and what was there before, as records hold it. */
import { isDaemonValue } from '../supervisor/record.ts';
import { type Item, type ItemKey, keyOf, type Kind, type Owned } from '@kith/gateway';
import { type Fields, fieldsOf } from './record.ts';

/** The file that a gateway was made from, so that it can be made again after a start of the machine. */
export interface InForce {
  /** Name of the file as the person gave it. */
  readonly file: string;
  readonly text: string;
  /** The name that this machine has in the file's list of gateways, where it is not its host name. */
  readonly as?: string;
  /** It is being taken out: a later apply keeps it so. */
  readonly draining: boolean;
}

/** In the order in which things were made. */
export type Holdings = readonly (readonly [ItemKey, Owned])[];

const KINDS: ReadonlySet<string> = new Set<Kind>([
  'module',
  'directory',
  'link',
  'batman',
  'wireguard',
  'forwarding',
  'address',
  'table',
  'route',
  'rule',
  'sysctl',
  'file',
  'daemon',
]);

/** The kind and the shape are checked; that values of a kind are whole is what the record's digest stands for. */
export function isItem(value: unknown): value is Item {
  const fields = fieldsOf(value);
  if (fields === null || typeof fields['kind'] !== 'string' || typeof fields['name'] !== 'string') return false;
  if (!KINDS.has(fields['kind']) || fieldsOf(fields['value']) === null) return false;
  return fields['kind'] !== 'daemon' || isDaemonValue(fields['value']);
}

function isItemKey(value: unknown): value is ItemKey {
  if (typeof value !== 'string') return false;
  const at = value.indexOf(' ');
  return at > 0 && at < value.length - 1 && KINDS.has(value.slice(0, at));
}

/** Null for what is no list of holdings. */
export function holdingsOf(value: unknown): Holdings | null {
  if (!Array.isArray(value)) return null;
  const entries = value.map((entry: unknown): readonly [ItemKey, Owned] | null => {
    if (!Array.isArray(entry) || entry.length !== 2) return null;
    const key: unknown = entry[0];
    const fields = fieldsOf(entry[1]);
    if (!isItemKey(key) || fields === null) return null;
    const { original, needs } = fields;
    if (original !== null && !(isItem(original) && keyOf(original) === key)) return null;
    return Array.isArray(needs) && needs.every(isItemKey) ? [key, { original, needs }] : null;
  });
  return allOf(entries);
}

/** The list, unless something of it is missing. */
export function allOf<T>(values: readonly (T | null)[]): T[] | null {
  const there = values.filter((value) => value !== null);
  return there.length === values.length ? there : null;
}

/** Null for what is no mapping of texts. */
export function textsOf(value: unknown): Readonly<Record<string, string>> | null {
  const fields = fieldsOf(value);
  if (fields === null) return null;
  const entries = Object.entries(fields).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return entries.length === Object.keys(fields).length ? Object.fromEntries(entries) : null;
}

/** Undefined for what is neither null nor such a thing. */
export function inForceOf(value: unknown): InForce | null | undefined {
  if (value === null) return null;
  const fields: Fields = fieldsOf(value) ?? {};
  const { file, text, draining, as } = fields;
  if (typeof file !== 'string' || typeof text !== 'string' || typeof draining !== 'boolean') return undefined;
  return { file, text, draining, ...(typeof as === 'string' ? { as } : {}) };
}
