import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { NodeBook, parseAnswer } from '@kith/gateway';
import { type MapEvent, MapService } from '@kith/host';
import { saveBook } from '../../src/map/book-file.ts';
import { said } from '../respondd/router.ts';

const WALL = 1_790_000_000_000;
const HOUR = 3_600_000;

/** A folder with three routers: one that spoke a minute ago, one silent for an hour, one silent for a month. */
async function kept(t: TestContext): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'kith-map-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const book = new NodeBook();
  for (const [id, age] of [
    ['near', 60_000],
    ['lost', HOUR],
    ['gone', 720 * HOUR],
  ] as const)
    book.take(parseAnswer(JSON.stringify(said(id, '02:00:00:00:00:01'))).documents, WALL - age);
  await saveBook(join(folder, 'routers.jsonl'), book);
  return folder;
}

function open(folder: string, onEvent: (event: MapEvent) => void = () => {}, interval = 60_000): Promise<MapService> {
  return MapService.open({
    folder,
    segments: [],
    interval,
    clock: { now: () => performance.now(), wall: () => WALL },
    onEvent,
  });
}

test('routers are told as new, lost and forgotten', async (t) => {
  const { known, online, fresh, lost, loaded } = (await open(await kept(t))).snapshot();
  assert.deepEqual([known, online, loaded], [2, 1, { restored: 3, skipped: 0 }]);
  assert.deepEqual(
    [fresh, lost],
    [
      [{ id: 'near', hostname: 'router-near', at: WALL - 60_000 }],
      [{ id: 'lost', hostname: 'router-lost', at: WALL - HOUR }],
    ],
  );
});

test('the four files are served, and nothing else', async (t) => {
  const map = await open(await kept(t));
  for (const name of ['nodes.json', 'graph.json', 'meshviewer.json', 'nodelist.json']) {
    const served = map.serve(`/${name}`);
    assert.equal(served?.type, 'application/json');
    assert.equal(typeof JSON.parse(served.body), 'object');
  }
  for (const path of ['/', '/routers.jsonl', '/../routers.jsonl', '/constructor', '/__proto__', '//nodes.json', ''])
    assert.equal(map.serve(path), null, path);
});

test('the files are written after a round, as they are served', async (t) => {
  const folder = await kept(t);
  const written = Promise.withResolvers<void>();
  const map = await open(folder, ({ type }) => type === 'written' && written.resolve(), 50);
  map.start();
  await written.promise;
  await map.stop();
  for (const name of ['nodes.json', 'graph.json', 'meshviewer.json', 'nodelist.json'])
    assert.equal(readFileSync(join(folder, name), 'utf8'), map.serve(`/${name}`)?.body);
  assert.equal((await open(folder)).snapshot().loaded.restored, 2);
});

test('a folder that cannot be written to is told, and the map goes on', async (t) => {
  const folder = await kept(t);
  const told = Promise.withResolvers<unknown>();
  const map = await open(folder, (event) => event.type === 'unwritten' && told.resolve(event.error), 50);
  rmSync(folder, { recursive: true });
  map.start();
  assert.match(String(await told.promise), /ENOENT/);
  assert.equal(map.snapshot().known, 2);
  await map.stop();
});
