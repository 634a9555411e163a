/** `network.json`: the little that a node must remember besides keys and ledger. Written by kith alone, as a whole. */
import {
  type Endpoint,
  KithError,
  type Label,
  type NetworkId,
  type NodeId,
  parseEndpoint,
  parseLabel,
} from '@kith/core';
import type { RememberedEndpoint } from '@kith/mesh';
import { readStateFile, replaceFile } from './files.ts';

export interface NetworkFile {
  /** What the network is called on this machine. */
  readonly label: Label;
  readonly id: NetworkId;
  /** Ways in for the next start, per member. */
  readonly remembered: readonly RememberedEndpoint[];
  /** Highest wall-clock time seen, ms since 1970: the node's time never falls behind it. */
  readonly wall: number;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseRemembered(value: unknown): RememberedEndpoint[] {
  if (!Array.isArray(value)) throw new TypeError('"remembered" is no list');
  return value.map((entry: unknown) => {
    if (!isRecord(entry) || typeof entry['id'] !== 'string' || !/^[0-9a-f]{16}$/.test(entry['id'])) {
      throw new TypeError('"remembered" has an entry without a node id');
    }
    const endpoints: unknown = entry['endpoints'];
    if (!Array.isArray(endpoints)) throw new TypeError('"remembered" has an entry without endpoints');
    return {
      id: entry['id'] as NodeId,
      endpoints: endpoints.map((text: unknown): Endpoint => parseEndpoint(String(text))),
    };
  });
}

/** @throws KithError STATE_CORRUPT and those of `readStateFile` */
export function readNetworkFile(path: string): NetworkFile {
  const text = readStateFile(path, false);
  try {
    const value: unknown = JSON.parse(text);
    if (!isRecord(value)) throw new TypeError('it is no object');
    if (value['version'] !== 1) throw new TypeError(`its version is ${JSON.stringify(value['version'])} instead of 1`);
    const { label, id, wall } = value;
    if (typeof label !== 'string') throw new TypeError('"label" is missing');
    if (typeof id !== 'string' || !/^[0-9a-f]{64}$/.test(id)) throw new TypeError('"id" is no network id');
    if (typeof wall !== 'number' || !Number.isFinite(wall) || wall < 0) throw new TypeError('"wall" is no time');
    return {
      label: parseLabel(label, 'network label'),
      id: id as NetworkId,
      remembered: parseRemembered(value['remembered']),
      wall,
    };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new KithError('STATE_CORRUPT', `${path} is damaged: ${why}`, { cause });
  }
}

export function writeNetworkFile(path: string, file: NetworkFile): void {
  replaceFile(path, `${JSON.stringify({ version: 1, ...file }, null, 2)}\n`);
}
