/**
 * What members share: each tells it on its own address in the network, which the tunnel proves to be its own. Nobody
 * collects it, nobody keeps it longer than a page is open.
 */
import type { ShelfItem, ShelfReport } from '@kith/api';
import { KithError } from '@kith/core';
import type { Snapshot } from './sources.ts';

/** Where a member's share process tells what it shares. */
const SHELF_PORT = 6551;

export interface Told {
  readonly id: string;
  readonly name: string;
  readonly size: number;
  readonly files: number;
  readonly link: string;
  readonly magnet: string;
}

/** ms that a member has to answer, and for which its answer is used. */
const PATIENCE = 3_000;
const FRESH = 10_000;
/** Bytes and entries of one member's list. */
const MOST_BYTES = 262_144;
const MOST_ITEMS = 1000;

interface Known {
  readonly at: number;
  readonly told: readonly Told[];
  readonly reason: string | null;
}

export class Shelf {
  readonly #known: Map<string, Known> = new Map();

  /** Asks the members that are online and were not asked just now. */
  async report({ networks, shares }: Snapshot): Promise<ShelfReport> {
    const members = networks.flatMap(({ status }) =>
      (status?.members ?? []).filter(({ self, online }) => online && !self),
    );
    const answers = await Promise.all(
      members.map(async ({ id, name, address4 }) => ({ name, known: await this.#ask(id, address4) })),
    );
    const here = new Map((shares?.shares ?? []).map((share) => [share.id, share.state]));
    const items = new Map<string, ShelfItem>();
    for (const share of shares?.shares ?? []) {
      if (share.path === undefined || share.link === undefined) continue;
      const { id, name, size, files, magnet, state } = share;
      items.set(id, { id, name, size, files, magnet, here: state, members: [] });
    }
    for (const { name, known } of answers) {
      for (const { id, link, ...rest } of known.told) {
        const item = items.get(id) ?? { id, ...rest, here: here.get(id) ?? null, members: [] };
        items.set(id, { ...item, members: [...item.members, { name, link }] });
      }
    }
    return {
      items: [...items.values()].toSorted((a, b) => a.name.localeCompare(b.name)),
      silent: answers.flatMap(({ name, known }) =>
        known.reason === null ? [] : [{ member: name, reason: known.reason }],
      ),
    };
  }

  async #ask(id: string, address: string): Promise<Known> {
    const before = this.#known.get(id);
    const now = Date.now();
    if (before !== undefined && now - before.at < FRESH) return before;
    const base = `http://${address}:${SHELF_PORT}`;
    let known: Known;
    try {
      known = { at: now, told: toldIn(await fetchList(`${base}/shelf.json`), base), reason: null };
    } catch (error) {
      known = { at: now, told: [], reason: reasonOf(error) };
    }
    this.#known.set(id, known);
    return known;
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof KithError) return error.message;
  if (error instanceof Error && error.name === 'TimeoutError') return `no answer within ${PATIENCE / 1000} s`;
  return 'it shares nothing, or its share process does not run';
}

async function fetchList(url: string): Promise<unknown> {
  const response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE), redirect: 'error' });
  if (!response.ok) throw new KithError('API_REQUEST_INVALID', `it answers ${response.status}`);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > MOST_BYTES) throw new KithError('API_REQUEST_INVALID', `its list has more than ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString()) as unknown;
}

/** What a member told, as far as it is what it should be: a link leads to that member and nowhere else. */
export function toldIn(value: unknown, base: string): Told[] {
  if (typeof value !== 'object' || value === null || !('shares' in value) || !Array.isArray(value.shares)) {
    throw new KithError('API_REQUEST_INVALID', 'what it tells is no list of shares');
  }
  return value.shares.slice(0, MOST_ITEMS).flatMap((share: unknown) => {
    const fields = new Map<string, unknown>(Object.entries(typeof share === 'object' && share !== null ? share : {}));
    const [id, name, size, files] = ['id', 'name', 'size', 'files'].map((key) => fields.get(key));
    const [path, magnet] = [fields.get('path'), fields.get('magnet')];
    if (typeof id !== 'string' || !/^[0-9a-f]{40,64}$/.test(id)) return [];
    if (typeof name !== 'string' || name.length > 4096) return [];
    if (!isCount(size) || !isCount(files)) return [];
    if (typeof path !== 'string' || !/^\/s\/[\w-]{22}\/$/.test(path)) return [];
    if (typeof magnet !== 'string' || !magnet.startsWith('magnet:?') || magnet.length > 8192) return [];
    return [{ id, name, size, files, magnet, link: `${base}${path}` }];
  });
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
