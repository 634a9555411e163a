/** What a link is for: whoever opens it sees the files, plays them while they come, and keeps what came. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { assertAccessible, launchBrowser, openPage } from '../../../kith/test/web/browser.ts';
import { clip, folderOf, play, shareOf, whole } from './stage.ts';

let browser: Browser;
before(async () => {
  browser = await launchBrowser();
});
after(() => browser.close());

const CODECS = {
  mp4: [
    '-c:v',
    'libx264',
    '-pix_fmt',
    'yuv420p',
    '-b:v',
    '2M',
    '-minrate',
    '2M',
    '-c:a',
    'aac',
    '-movflags',
    '+faststart',
  ],
  webm: ['-c:v', 'libvpx', '-b:v', '2M', '-deadline', 'realtime', '-c:a', 'libopus'],
} as const;

for (const [ending, codecs] of Object.entries(CODECS)) {
  test(`a ${ending} film plays within two seconds of opening its link, jumps within one, and stays after a reload`, async (t) => {
    const path = join(await folderOf(t), `film.${ending}`);
    await clip(path, 20, codecs);
    const stage = await shareOf(t, path);
    const { page, context, assertClean } = await openPage(browser);
    t.after(() => context.close());
    const opened = performance.now();
    await page.goto(stage.link);
    await play(page);
    const took = performance.now() - opened;
    t.diagnostic(`plays after ${Math.round(took)} ms`);
    assert.ok(took < 2000, `${took} ms`);
    assert.match((await page.locator('video').getAttribute('src')) ?? '', /\/stream\/0\/film/);

    const jump = await page.locator('video').evaluate(async (video) => {
      if (!(video instanceof HTMLVideoElement)) throw new Error('no film');
      const from = performance.now();
      video.currentTime = 15;
      while (video.seeking || video.currentTime <= 15) await new Promise((resolve) => setTimeout(resolve, 5));
      return performance.now() - from;
    });
    t.diagnostic(`jumps in ${Math.round(jump)} ms`);
    assert.ok(jump < 1000, `${jump} ms`);

    await whole(page);
    const given = stage.given();
    assert.ok(given > 0);
    await page.waitForTimeout(1500);
    await page.reload();
    await play(page);
    await whole(page);
    assert.equal(stage.given(), given, 'nothing was loaded twice');
    await assertAccessible(page);
    assertClean();
  });
}
