/** Which routers asked to be let in, and what became of it: `routers.json` in the gateway's state folder. */
import { join } from 'node:path';
import { type Address, parseAddress } from '@kith/core';
import { kindOfKey, type RouterEntry } from '@kith/gateway';
import { fieldsOf, RecordFile } from '../apply/record.ts';

export type RouterFile = RecordFile<readonly RouterEntry[]>;

export function routerFile(state: string): RouterFile {
  return new RecordFile(join(state, 'routers.json'), 'kith gateway routers', parse);
}

/** Those that were let in: what is wanted of the gateway has them among its peers. @throws KithError GATEWAY_RECORD_CORRUPT */
export function admittedRouters(state: string): RouterEntry[] {
  return (routerFile(state).read() ?? []).filter(({ standing }) => standing === 'admitted');
}

function parse(body: unknown): readonly RouterEntry[] | null {
  const list = fieldsOf(body)?.['routers'];
  if (!Array.isArray(list)) return null;
  const entries = list.map(parseEntry);
  return entries.some((entry) => entry === null) ? null : entries.filter((entry) => entry !== null);
}

function parseEntry(value: unknown): RouterEntry | null {
  const fields = fieldsOf(value);
  if (fields === null) return null;
  const { key, domain, name, standing, by, from, since, seen } = fields;
  if (typeof key !== 'string' || typeof domain !== 'string') return null;
  if (name !== null && typeof name !== 'string') return null;
  if (standing !== 'waiting' && standing !== 'admitted' && standing !== 'refused') return null;
  if (by !== 'operator' && by !== 'policy') return null;
  if (typeof since !== 'number' || typeof seen !== 'number') return null;
  const [kind, address] = [kindOfKey(key), addressOf(from)];
  if (kind === null || address === undefined) return null;
  return { kind, key, domain, name, standing, by, from: address, since, seen };
}

/** Undefined for what is neither an address nor null. */
function addressOf(value: unknown): Address | null | undefined {
  if (value === null) return null;
  try {
    return typeof value === 'string' ? parseAddress(value) : undefined;
  } catch {
    return undefined;
  }
}
