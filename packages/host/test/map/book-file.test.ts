import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { NodeBook, parseAnswer } from '@kith/gateway';
import fc from 'fast-check';
import { loadBook, saveBook } from '../../src/map/book-file.ts';
import { said } from '../respondd/router.ts';

const WALL = 1_790_000_000_000;
const folder = mkdtempSync(join(tmpdir(), 'kith-book-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
function file(content?: string): string {
  const path = join(folder, `book-${++files}`);
  if (content !== undefined) writeFileSync(path, content);
  return path;
}

function bookOf(count: number): NodeBook {
  const book = new NodeBook();
  for (let i = 0; i < count; i++) {
    const mac = `02:00:00:00:00:${(i % 256).toString(16).padStart(2, '0')}`;
    book.take(parseAnswer(JSON.stringify(said(`r${i}`, mac))).documents, WALL + i);
  }
  return book;
}

async function load(path: string, most = 1000, wall = WALL + 10_000) {
  const book = new NodeBook();
  return { ...(await loadBook(path, book, most, wall)), book };
}

test('a book is read as it was saved, and nothing else is left in the folder', async () => {
  const [path, book] = [file(), bookOf(450)];
  await saveBook(path, book);
  const { restored, skipped, book: again } = await load(path);
  assert.deepEqual([restored, skipped], [450, 0]);
  assert.deepEqual(JSON.parse(JSON.stringify(again.nodes)), JSON.parse(JSON.stringify(book.nodes)));
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.endsWith('.new')),
    [],
  );
});

test('where nothing was saved nothing is read', async () => {
  const { restored, skipped } = await load(file());
  assert.deepEqual([restored, skipped], [0, 0]);
});

test('damaged lines are skipped and counted, the others are read', async () => {
  const path = file();
  await saveBook(path, bookOf(3));
  appendFileSync(path, '{"firstSeen":1,"lastSeen":2,"documents":{"nodeinfo":{"node_id":"\n[]\n{"firstSeen":"x"}\n7\n');
  const { restored, skipped } = await load(path);
  assert.deepEqual([restored, skipped], [3, 4]);
});

test('a router that stands there twice counts once, and no more are taken than the book holds', async () => {
  const path = file();
  await saveBook(path, bookOf(5));
  writeFileSync(path, readFileSync(path, 'utf8').repeat(2));
  assert.deepEqual(await load(path).then(({ restored, skipped }) => [restored, skipped]), [5, 5]);
  assert.deepEqual(await load(path, 2).then(({ restored, skipped }) => [restored, skipped]), [2, 8]);
});

test('nobody was seen in the future, whatever the file says', async () => {
  const path = file();
  await saveBook(path, bookOf(2));
  const { book } = await load(path, 10, WALL - 5);
  assert.deepEqual(
    book.nodes.map(({ firstSeen, lastSeen }) => [firstSeen, lastSeen]),
    [
      [WALL - 5, WALL - 5],
      [WALL - 5, WALL - 5],
    ],
  );
});

test('a line without documents is passed over', async () => {
  const path = file('{"firstSeen":0,"lastSeen":0}');
  assert.deepEqual(await load(path).then(({ restored, skipped }) => [restored, skipped]), [0, 1]);
});

test('no file whatever breaks the reader', async () => {
  const line = fc.oneof(
    fc.json(),
    fc.string(),
    fc
      .record({ firstSeen: fc.anything(), lastSeen: fc.anything(), documents: fc.anything() })
      .map((each) => JSON.stringify(each, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value))),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(line), async (lines) => {
      const { restored, skipped } = await load(file(lines.join('\n')));
      assert.ok(restored + skipped <= lines.join('\n').split(/[\n\r\u2028\u2029]/).length);
    }),
    { numRuns: 200 },
  );
});
