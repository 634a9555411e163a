/**
 * The book of routers over a restart: lines of JSON, the first one `{"version":1}`, then one per router with when it was
 * seen and its documents as they came over the wire. What is read is checked as answers are, for files get damaged.
 */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { KithError, codeOf } from '@kith/core';
import { type NodeBook, type NodeRecord, parseAnswer } from '@kith/gateway';
import { writeWhole } from './whole-file.ts';

const HEAD = '{"version":1}';

/** Pieces that are written at once: a book of thousands of routers must not hold up everything else. */
const BATCH = 200;

export async function saveBook(path: string, book: NodeBook): Promise<void> {
  await writeWhole(path, linesOf(book.nodes));
}

function* linesOf(nodes: readonly NodeRecord[]): Iterable<string> {
  yield `${HEAD}\n`;
  for (let start = 0; start < nodes.length; start += BATCH) {
    yield nodes
      .slice(start, start + BATCH)
      .map(lineOf)
      .join('');
  }
}

function lineOf({ nodeinfo, statistics, neighbours, firstSeen, lastSeen }: NodeRecord): string {
  return `${JSON.stringify({ firstSeen, lastSeen, documents: { nodeinfo, statistics, neighbours } })}\n`;
}

export interface Loaded {
  readonly restored: number;
  /** Lines that are damaged. */
  readonly skipped: number;
}

/**
 * Brings back what was saved; nothing where nothing was.
 *
 * @param most routers that are taken
 * @param wall ms since 1970: nobody was seen later, whatever the file says
 */
export async function loadBook(path: string, book: NodeBook, most: number, wall: number): Promise<Loaded> {
  const [seen, loaded] = [new Set<string>(), { restored: 0, skipped: 0 }];
  try {
    const lines = createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Infinity });
    for await (const line of lines) {
      if (line === HEAD || line === '') continue;
      const record = seen.size < most ? recordOf(line, wall) : null;
      if (record === null || seen.has(record.id)) loaded.skipped++;
      else {
        seen.add(record.id);
        book.restore(record);
        loaded.restored++;
      }
    }
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  return loaded;
}

function recordOf(line: string, wall: number): NodeRecord | null {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null) return null;
    const [firstSeen, lastSeen, said] = ['firstSeen', 'lastSeen', 'documents'].map((key) => Reflect.get(value, key));
    if (!isTime(firstSeen) || !isTime(lastSeen) || said === undefined) return null;
    const { documents } = parseAnswer(JSON.stringify(said));
    const id = documents.nodeinfo?.node_id ?? documents.statistics?.node_id ?? documents.neighbours?.node_id;
    if (id === undefined) return null;
    return {
      id,
      nodeinfo: documents.nodeinfo ?? null,
      statistics: documents.statistics ?? null,
      neighbours: documents.neighbours ?? null,
      firstSeen: Math.min(firstSeen, lastSeen, wall),
      lastSeen: Math.min(lastSeen, wall),
    };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof KithError) return null;
    throw error;
  }
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
