/** What a link is for, in Firefox: the film plays while it comes, bytes come from node and browsers, and what came is kept. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser, openPage } from '../../../kith/test/web/browser.ts';
import { launchFirefox } from '../../../kith/test/web/firefox.ts';
import { clip, CODECS, folderOf, jumpTo, play, RTC, shareOf, whole } from './stage.ts';

const SIZE = 12_000_000;
/** Said where a player leaves what it reads, as each jump may do. */
const LEFT = /A ServiceWorker intercepted the request/;

let firefox: Browser;
before(async () => {
  firefox = await launchFirefox();
});
after(() => firefox.close());

test('in Firefox films play, can be jumped in, and stay after a reload', async (t) => {
  for (const [ending, codecs] of Object.entries(CODECS)) {
    const path = join(await folderOf(t), `film.${ending}`);
    await clip(path, 20, codecs);
    const stage = await shareOf(t, path);
    const { page, context, assertClean } = await openPage(firefox, {}, LEFT);
    await page.goto(stage.link);
    await play(page);
    assert.match((await page.locator('video').getAttribute('src')) ?? '', /\/stream\/0\/film/);
    await jumpTo(page, 15);
    await whole(page);
    const given = stage.given();
    await page.reload();
    assert.ok((await play(page)) > 14, 'it goes on where it was');
    await whole(page);
    assert.equal(stage.given(), given, 'nothing was loaded twice');
    assertClean();
    await context.close();
  }
});

test('Firefox saves what came, and gives it to another Firefox and to Chromium', async (t) => {
  const chromium = await launchBrowser(undefined, RTC);
  t.after(() => chromium.close());
  const path = join(await folderOf(t), 'data.bin');
  const content = randomBytes(SIZE);
  await writeFile(path, content);
  const stage = await shareOf(t, path);
  const first = await openPage(firefox);
  await load(first.page, stage.link);
  await whole(first.page);
  const [download] = await Promise.all([
    first.page.waitForEvent('download'),
    first.page.getByRole('link', { name: /^Save/ }).first().click(),
  ]);
  assert.ok((await readFile(await download.path())).equals(content));
  first.assertClean();

  // From here on nothing comes from the node.
  const given = stage.given();
  stage.share.pause();
  const second = await openPage(firefox);
  await load(second.page, stage.link);
  await whole(second.page);
  await first.context.close();

  const third = await openPage(chromium);
  await load(third.page, stage.link);
  await whole(third.page);
  assert.equal(stage.given(), given);
  assert.equal(await sumIn(third.page), createHash('sha256').update(content).digest('hex'));
});

async function load(page: Page, link: string): Promise<void> {
  await page.goto(link);
  await page.getByRole('button', { name: 'Load everything' }).click();
}

/** SHA-256 of the first file, as the page has it. */
function sumIn(page: Page): Promise<string> {
  return page.evaluate(async () => {
    const response = await fetch('stream/0/data.bin');
    const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', await response.arrayBuffer()));
    return [...sum].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  });
}
