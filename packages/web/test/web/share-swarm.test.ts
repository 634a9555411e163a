/** Browsers that opened one link help each other, whatever becomes of the node. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, test, type TestContext } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser, openPage } from '../../../kith/test/web/browser.ts';
import type { PageFile } from '@kith/share';
import { webtorrent } from '../../../../lab/torrent/index.ts';
import { folderOf, pages, RTC, shareOf, until, whole } from './stage.ts';

const SIZE = 6_000_000;
/** So much that one sees it come. */
const LARGE = 40_000_000;
const LAB = fileURLToPath(new URL('../../../../lab/torrent', import.meta.url));

let browser: Browser;
before(async () => {
  browser = await launchBrowser(undefined, RTC);
});
after(() => browser.close());

/** Bytes that came from the node, and from browsers. */
async function came(page: Page): Promise<{ node: number; browser: number }> {
  const rows = await page
    .locator('tr[data-kind]')
    .evaluateAll((all) =>
      all.map((row) => ({ kind: row.getAttribute('data-kind'), down: Number(row.getAttribute('data-down')) })),
    );
  const from = (kind: string): number => rows.reduce((sum, row) => sum + (row.kind === kind ? row.down : 0), 0);
  return { node: from('node'), browser: from('browser') };
}

test('a second page gets the file from the node and from the first page, and ends from the first alone', async (t) => {
  const path = join(await folderOf(t), 'data.bin');
  await writeFile(path, randomBytes(LARGE));
  const stage = await shareOf(t, path);
  const first = await openPage(browser);
  t.after(() => first.context.close());
  await first.page.goto(stage.link);
  await first.page.getByRole('button', { name: 'Load everything' }).click();
  await whole(first.page);

  // So slow that the other browser has to help.
  stage.engine.setRates({ up: 200_000 });
  const second = await openPage(browser, {}, /WebSocket connection to|ERR_CONNECTION_REFUSED/);
  t.after(() => second.context.close());
  await second.page.goto(stage.link);
  await second.page.getByRole('button', { name: 'Load everything' }).click();
  let seen = { node: 0, browser: 0 };
  await until('bytes from both', async () => {
    seen = await came(second.page);
    return seen.node > 0 && seen.browser > 0;
  });
  t.diagnostic(`came from the node ${seen.node}, from the first page ${seen.browser}`);
  assert.ok(seen.node + seen.browser < LARGE, 'it is not done yet');
  await stage.stop();
  await whole(second.page);
  first.assertClean();
});

test('a page whose browsers left while it wanted nothing finds them again once it does', async (t) => {
  const path = join(await folderOf(t), 'data.bin');
  await writeFile(path, randomBytes(SIZE));
  const stage = await shareOf(t, path);
  const first = await openPage(browser);
  t.after(() => first.context.close());
  await first.page.goto(stage.link);
  await first.page.getByRole('button', { name: 'Load everything' }).click();
  await whole(first.page);
  // From here on nothing comes from the node.
  stage.share.pause();

  const second = await openPage(browser);
  t.after(() => second.context.close());
  await second.page.addInitScript(() => {
    globalThis.RTCPeerConnection = class extends RTCPeerConnection {
      override close(): void {
        document.documentElement.dataset['left'] = 'yes';
        super.close();
      }
    };
  });
  await second.page.goto(stage.link);
  await second.page.locator('html[data-left]').waitFor();
  await second.page.getByRole('button', { name: 'Load everything' }).click();
  await whole(second.page);
  second.assertClean();
});

const WEBTORRENT = join(LAB, 'npm', 'node_modules', 'webtorrent', 'dist', 'webtorrent.min.js');

/** WebTorrent's own build for browsers as a page of the link's origin: nobody else is let into the room where browsers meet. */
function webTorrentPages(): Map<string, PageFile> {
  return new Map([
    ...pages(),
    ['assets/webtorrent.js', { type: 'text/javascript', body: readFileSync(WEBTORRENT) }],
    ['assets/webtorrent.html', { type: 'text/html', body: Buffer.from('<!doctype html><title>WebTorrent</title>') }],
  ]);
}

async function openWebTorrent(t: TestContext, link: string): Promise<Page> {
  const { page, context } = await openPage(browser);
  t.after(() => context.close());
  await page.goto(`${link}assets/webtorrent.html`);
  await page.evaluate(async (base) => {
    const { default: WebTorrent } = await import(`${base}assets/webtorrent.js`);
    const metainfo = new Uint8Array(await (await fetch(`${base}metainfo`)).arrayBuffer());
    const client = new WebTorrent({ tracker: { rtcConfig: { iceServers: [] } } });
    const announce = [`${base.replace('http', 'ws')}announce`];
    Object.assign(globalThis, { torrent: client.add(metainfo, { announce }) });
  }, link);
  return page;
}

/** What WebTorrent says of its torrent. */
function ask<T>(page: Page, question: string): Promise<T> {
  return page.evaluate(question);
}

const lacks = webtorrent.missing();
const skip = lacks === null ? false : `needs ${lacks}`;

test(
  'WebTorrent in a browser gets everything from a page of kith, and gives everything to another',
  { skip },
  async (t) => {
    const path = join(await folderOf(t), 'data.bin');
    const content = randomBytes(SIZE);
    await writeFile(path, content);
    const stage = await shareOf(t, path, {}, { pages: webTorrentPages() });
    const first = await openPage(browser);
    await first.page.goto(stage.link);
    await first.page.getByRole('button', { name: 'Load everything' }).click();
    await whole(first.page);
    // From here on nothing comes from the node.
    stage.share.pause();

    const other = await openWebTorrent(t, stage.link);
    await until('WebTorrent has everything', () => ask(other, 'torrent.done === true'));
    const hash = `(async () => {
    const blob = await torrent.files[0].blob();
    const sum = await crypto.subtle.digest('SHA-256', await blob.arrayBuffer());
    return [...new Uint8Array(sum)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  })()`;
    assert.equal(await ask(other, hash), createHash('sha256').update(content).digest('hex'));
    await first.context.close();

    const second = await openPage(browser);
    t.after(() => second.context.close());
    await second.page.goto(stage.link);
    await second.page.getByRole('button', { name: 'Load everything' }).click();
    await whole(second.page);
    assert.ok((await ask<number>(other, 'torrent.uploaded')) > (SIZE * 9) / 10);
    second.assertClean();
  },
);
