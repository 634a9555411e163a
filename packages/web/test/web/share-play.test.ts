/** What a link is for: whoever opens it sees the files, plays them while they come, and keeps what came. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { assertAccessible, launchBrowser, openPage } from '../../../kith/test/web/browser.ts';
import { clip, CODECS, folderOf, jumpTo, play, shareOf, until, whole } from './stage.ts';

let browser: Browser;
before(async () => {
  browser = await launchBrowser();
});
after(() => browser.close());

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
    await page.reload();
    assert.ok((await play(page)) > 14, 'it goes on where it was');
    await whole(page);
    assert.equal(stage.given(), given, 'nothing was loaded twice');
    await assertAccessible(page);
    assertClean();
  });
}

test('a film in a container that the browser does not know is put into another in the page, and can be jumped in', async (t) => {
  const path = join(await folderOf(t), 'film.ts');
  await clip(path, 60, ['-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-c:a', 'aac']);
  const stage = await shareOf(t, path);
  const { page, context, assertClean } = await openPage(browser);
  t.after(() => context.close());
  await page.goto(stage.link);
  await page.locator('video[data-way=remux]').waitFor();
  await play(page);
  assert.ok(Math.abs((await page.locator('video').evaluate(lengthOf)) - 60) < 1);
  // Forth, back into what is there, to where that ends, and into the gap.
  for (const place of [50, 5, 28.5, 40]) await jumpTo(page, place);
  await jumpTo(page, 28.5);
  await page.waitForFunction(() => (document.querySelector('video')?.currentTime ?? 0) > 30);
  const decoded = await page.locator('video').evaluate((video) => {
    if (!(video instanceof HTMLVideoElement)) return 0;
    return video.videoWidth * video.videoHeight * video.getVideoPlaybackQuality().totalVideoFrames;
  });
  assert.ok(decoded > 0, 'there is a picture');
  assertClean();
});

function lengthOf(video: Element): number {
  return video instanceof HTMLVideoElement ? video.duration : 0;
}

test('captions beside a film are shown, those of SubRip too', async (t) => {
  const folder = join(await folderOf(t), 'film');
  await mkdir(folder);
  await clip(join(folder, 'film.webm'), 4, CODECS.webm);
  await writeFile(join(folder, 'film.en.srt'), '1\r\n00:00:00,000 --> 00:00:03,500\r\nGood <i>evening</i>\r\n\r\n');
  await writeFile(join(folder, 'film.vtt'), 'WEBVTT\n\n00:00.000 --> 00:02.000\nGuten Abend\n');
  await writeFile(join(folder, 'other.srt'), '1\n00:00:00,000 --> 00:00:02,000\nno\n');
  const stage = await shareOf(t, folder);
  const { page, context, assertClean } = await openPage(browser);
  t.after(() => context.close());
  await page.goto(stage.link);
  await page.locator('track').nth(1).waitFor({ state: 'attached' });
  await play(page);
  const cues = await page.locator('video').evaluate(async (video) => {
    if (!(video instanceof HTMLVideoElement)) return [];
    const found: string[] = [];
    for (const track of video.textTracks) {
      track.mode = 'showing';
      while ((track.cues?.length ?? 0) === 0) await new Promise((resolve) => setTimeout(resolve, 10));
      for (const cue of track.cues ?? [])
        found.push(`${track.label} ${cue.endTime} ${cue instanceof VTTCue ? cue.text : ''}`);
    }
    return found.toSorted();
  });
  assert.deepEqual(cues, ['captions 2 Guten Abend', 'en 3.5 Good <i>evening</i>']);
  assertClean();
});

test('a jump comes before everything else, however slow the node is', async (t) => {
  const path = join(await folderOf(t), 'film.webm');
  await clip(path, 60, CODECS.webm);
  const stage = await shareOf(t, path);
  stage.engine.setRates({ up: 400_000 });
  const { page, context, assertClean } = await openPage(browser);
  t.after(() => context.close());
  await page.goto(stage.link);
  await play(page);
  const here = (): Promise<number> =>
    page.locator('progress.bar').evaluate((bar) => (bar instanceof HTMLProgressElement ? bar.value : 0));
  const took = await jumpTo(page, 50);
  t.diagnostic(`jumps in ${Math.round(took)} ms with ${Math.round((await here()) * 100)} % of the film here`);
  assert.ok((await here()) < 0.5, 'what is before it did not come first');
  assertClean();
});

test('the page answers ranges as a server does', async (t) => {
  const path = join(await folderOf(t), 'data.bin');
  const content = randomBytes(500_000);
  await writeFile(path, content);
  const stage = await shareOf(t, path);
  const { page, context, assertClean } = await openPage(browser, {}, /status of 416/);
  t.after(() => context.close());
  await page.goto(stage.link);
  await page.getByRole('button', { name: 'Load everything' }).waitFor();
  const ask = (range: string | null, method = 'GET'): Promise<readonly [number, string | null, number, string]> =>
    page.evaluate(
      async ([asked, how]) => {
        const headers = asked === null ? {} : { Range: asked };
        const response = await fetch('stream/0/data.bin', { method: how ?? 'GET', headers });
        const bytes = new Uint8Array(await response.arrayBuffer());
        const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
        const hex = [...sum].map((byte) => byte.toString(16).padStart(2, '0')).join('');
        return [response.status, response.headers.get('Content-Range'), bytes.length, hex] as const;
      },
      [range, method] as const,
    );
  const sum = (begin: number, end: number): string =>
    createHash('sha256').update(content.subarray(begin, end)).digest('hex');
  // Safari asks for the first two bytes before it plays anything.
  assert.deepEqual(await ask('bytes=0-1'), [206, 'bytes 0-1/500000', 2, sum(0, 2)]);
  assert.deepEqual(await ask('bytes=65530-200000'), [206, 'bytes 65530-200000/500000', 134_471, sum(65_530, 200_001)]);
  assert.deepEqual(await ask('bytes=-7'), [206, 'bytes 499993-499999/500000', 7, sum(499_993, 500_000)]);
  assert.deepEqual(await ask(null), [200, null, 500_000, sum(0, 500_000)]);
  assert.deepEqual(await ask('bytes=500000-'), [416, 'bytes */500000', 0, sum(0, 0)]);
  assert.deepEqual(await ask('bytes=0-9', 'HEAD'), [200, null, 0, sum(0, 0)]);
  assertClean();
});

test('what is here plays on after a reload without the node', async (t) => {
  const path = join(await folderOf(t), 'film.webm');
  await clip(path, 5, CODECS.webm);
  const stage = await shareOf(t, path);
  const { page, context } = await openPage(browser);
  t.after(() => context.close());
  await page.goto(stage.link);
  await play(page);
  await whole(page);
  // The page itself is kept behind the scenes.
  const isKept = async (link: string): Promise<boolean> => {
    const kept = new Set((await (await caches.open(link)).keys()).map(({ url }) => url));
    const parts = performance.getEntriesByType('resource').map(({ name }) => name);
    const wanted = [
      ...parts.filter((name) => name.startsWith(`${link}assets/`)),
      link,
      `${link}share.json`,
      `${link}metainfo`,
    ];
    return parts.some((name) => name.includes('engine-worker')) && wanted.every((name) => kept.has(name));
  };
  await until('the page is kept', () => page.evaluate(isKept, stage.link));
  await stage.stop();
  await page.reload();
  await play(page);
  await page.locator('#notice-away').waitFor();
  await page.locator('progress.bar[value="1"]').waitFor();
});
