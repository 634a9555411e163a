/** A classic client that no browser can reach gives to a page all the same: the node takes from the one what it gives to the other. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createTorrent } from '@kith/share';
import { freePort, transmission } from '../../../../lab/torrent/index.ts';
import { launchBrowser, openPage } from '../../../kith/test/web/browser.ts';
import { engineIn, folderOf, openLink, until, whole } from './stage.ts';

const SIZE = 4_000_000;
/** Transmission looks every 10 s whom it gives to, and may leave out who has only just come, ms. */
const UNCHOKED = 45_000;

const lacks = transmission.missing();
const skip = lacks === null ? false : `needs ${lacks}`;

test('what Transmission seeds reaches a page through a node that has none of it yet', { skip }, async (t) => {
  const browser = await launchBrowser();
  t.after(() => browser.close());
  const folder = await folderOf(t);
  const [content, state, there] = ['content', 'state', 'there'].map((name) => join(folder, name));
  assert.ok(content !== undefined && state !== undefined && there !== undefined);
  for (const each of [content, state]) await mkdir(each);
  await writeFile(join(content, 'data.bin'), randomBytes(SIZE));
  const { torrent } = await createTorrent(join(content, 'data.bin'), { pieceLength: 65_536, version: 'v1' });
  const file = join(folder, 'data.torrent');
  await writeFile(file, torrent);
  const port = await freePort();
  const seed = await transmission.start({ torrent: { file }, content, state, port, seed: true });
  t.after(() => seed.stop());

  const engine = await engineIn(t, folder);
  // So slow that the page is there before the node has much.
  engine.setRates({ down: 100_000 });
  const share = await engine.add({ torrent }, { content: there, peers: [`127.0.0.1:${port}`] });
  await until('the share is open', () => share.door() !== undefined);
  const stage = await openLink(t, engine, share);
  const { page, context, assertClean } = await openPage(browser);
  t.after(() => context.close());
  await page.goto(stage.link);
  await page.getByRole('button', { name: 'Load everything' }).click();
  await until('the page has something', () => stage.given() > 0, UNCHOKED);
  const { done } = share.snapshot();
  assert.ok(done < SIZE, `the node had ${done} bytes when it began to give`);
  engine.setRates({ down: Number.POSITIVE_INFINITY });
  await whole(page);
  await until('the node has everything too', () => share.snapshot().progress === 1);
  assert.ok((await readFile(join(there, 'data.bin'))).equals(await readFile(join(content, 'data.bin'))));
  assertClean();
});
