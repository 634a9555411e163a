/** What the page says where something is missing: what it is, why, and what to do next. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { assertAccessible, launchBrowser, openPage, type Watched } from '../../../kith/test/web/browser.ts';
import type { PageFile } from '@kith/share';
import { clip, folderOf, pages, play, shareOf, type Stage, whole } from './stage.ts';

let browser: Browser;
before(async () => {
  browser = await launchBrowser();
});
after(() => browser.close());

const SIZE = 1_500_000;

async function dataShare(t: TestContext, files: ReadonlyMap<string, PageFile> = pages()): Promise<Stage> {
  const path = join(await folderOf(t), 'data.bin');
  await writeFile(path, randomBytes(SIZE));
  return shareOf(t, path, {}, { pages: files });
}

/** A page that lacks something from its beginning. @param script runs before anything of the page */
async function pageWithout(t: TestContext, script: () => void, allowed: RegExp | null = null): Promise<Watched> {
  const watched = await openPage(browser, {}, allowed);
  t.after(() => watched.context.close());
  await watched.page.addInitScript(script);
  return watched;
}

async function says(page: Page, id: string, text: RegExp): Promise<void> {
  await page.locator(`#notice-${id}`, { hasText: text }).waitFor();
  await assertAccessible(page);
}

/** What Save leads to. */
async function saved(page: Page): Promise<string> {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: /^Save/ }).first().click(),
  ]);
  return `${download.suggestedFilename()} ${(await download.failure()) ?? 'whole'}`;
}

test('a link that leads to nothing says so, and what to do', async (t) => {
  const stage = await dataShare(t);
  const { page, context } = await openPage(browser);
  t.after(() => context.close());
  const response = await page.goto(stage.link.replace(/s\/.*/, `s/${'A'.repeat(22)}/`));
  assert.equal(response?.status(), 404);
  await says(page, 'unknown', /knows of no share.*\n*.*ask whoever gave it to you/s);
});

test('a share that ends while its page is open is said to be gone', async (t) => {
  const stage = await dataShare(t);
  const { page, context } = await openPage(browser);
  t.after(() => context.close());
  await page.goto(stage.link);
  await page.getByRole('button', { name: 'Load everything' }).waitFor();
  stage.server.remove(stage.share.id);
  stage.share.pause();
  await page.getByRole('button', { name: 'Load everything' }).click();
  await says(page, 'away', /no longer shares this/);
});

test('without WebRTC everything comes from the node', async (t) => {
  const stage = await dataShare(t);
  const { page, assertClean } = await pageWithout(t, () => Reflect.deleteProperty(globalThis, 'RTCPeerConnection'));
  await page.goto(stage.link);
  await says(page, 'no-webrtc', /no WebRTC/);
  await page.getByRole('button', { name: 'Load everything' }).click();
  await whole(page);
  assertClean();
});

test('without a disk of its own the page keeps pieces in memory', async (t) => {
  const stage = await dataShare(t, pagesWith("Reflect.deleteProperty(StorageManager.prototype, 'getDirectory');"));
  const { page, context, assertClean } = await openPage(browser);
  t.after(() => context.close());
  await page.goto(stage.link);
  await says(page, 'memory', /kept in memory/);
  await page.getByRole('button', { name: 'Load everything' }).click();
  await whole(page);
  assertClean();
});

test('a second tab keeps pieces in memory while the first has the disk', async (t) => {
  const stage = await dataShare(t);
  const { page, context, assertClean } = await openPage(browser);
  t.after(() => context.close());
  await page.goto(stage.link);
  await page.getByRole('button', { name: 'Load everything' }).click();
  await whole(page);
  const second = await context.newPage();
  await second.goto(stage.link);
  await says(second, 'memory', /Another tab/);
  assertClean();
});

test('without service workers files come straight from the node', async (t) => {
  const path = join(await folderOf(t), 'film.mp4');
  await clip(path, 2, ['-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-movflags', '+faststart']);
  const stage = await shareOf(t, path);
  const { page, assertClean } = await pageWithout(t, () =>
    Reflect.deleteProperty(Object.getPrototypeOf(navigator), 'serviceWorker'),
  );
  await page.goto(stage.link);
  await says(page, 'no-service-worker', /straight from .* no service workers/);
  await play(page);
  assert.match((await page.locator('video').getAttribute('src')) ?? '', /\/files\/0\/film\.mp4$/);
  assertClean();
});

test('over plain http from another machine the page plays from the node, and says why it helps nobody', async (t) => {
  const path = join(await folderOf(t), 'film.mp4');
  await clip(path, 2, ['-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-movflags', '+faststart']);
  const stage = await shareOf(t, path, {}, { names: ['node.mesh'] });
  const { page, context } = await openPage(browser);
  t.after(() => context.close());
  await page.goto(stage.link.replace('127.0.0.1', 'node.mesh'));
  await says(page, 'insecure', /straight from node\.mesh.*over https/s);
  await play(page);
});

test('where the space of the browser is full the rest comes from the node, and the page says what to do', async (t) => {
  const stage = await dataShare(t);
  const { page, context } = await openPage(browser);
  t.after(() => context.close());
  const cdp = await context.newCDPSession(page);
  const { origin } = new URL(stage.link);
  await cdp.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1_000_000 });
  await page.goto(stage.link);
  await page.getByRole('button', { name: 'Load everything' }).click();
  await says(page, 'full', /is full.*Delete what it keeps of other shares/s);
  assert.equal(await saved(page), 'data.bin whole');
});

test('a file that no browser plays says what fails and can be saved', async (t) => {
  const path = join(await folderOf(t), 'film.mp4');
  await writeFile(path, randomBytes(200_000));
  const stage = await shareOf(t, path);
  const { page, context } = await openPage(browser);
  t.after(() => context.close());
  await page.goto(stage.link);
  await says(page, 'unplayable', /cannot play film\.mp4.*Save film\.mp4/s);
  assert.equal(await saved(page), 'film.mp4 whole');
});

test('a node that goes away during play is named, and the film goes on when it is back', async (t) => {
  const path = join(await folderOf(t), 'film.webm');
  await clip(path, 20, ['-c:v', 'libvpx', '-b:v', '2M', '-deadline', 'realtime', '-c:a', 'libopus']);
  const stage = await shareOf(t, path);
  stage.engine.setRates({ up: 400_000 });
  const { page, context } = await openPage(browser);
  t.after(() => context.close());
  await page.goto(stage.link);
  await play(page);
  stage.share.pause();
  await says(page, 'away', /does not answer.*goes on by itself/s);
  stage.engine.setRates({ up: Number.POSITIVE_INFINITY });
  stage.share.resume();
  await whole(page);
  await page.locator('#notice-away').waitFor({ state: 'detached' });
});

test('a node without the torrent file still gives the files', async (t) => {
  const stage = await dataShare(t);
  const { page } = await pageWithout(t, () => {
    const real = fetch;
    globalThis.fetch = (input, init) =>
      new Request(input, init).url.endsWith('/metainfo')
        ? Promise.resolve(new Response(null, { status: 404 }))
        : real(input, init);
  });
  await page.goto(stage.link);
  await says(page, 'no-metainfo', /does not give the torrent file/);
  assert.equal(await saved(page), 'data.bin whole');
});

test('names are text, whatever is in them', async (t) => {
  const folder = join(await folderOf(t), '<img src=x onerror=alert(1)>');
  await mkdir(folder);
  const names = [
    `"><script>alert(1)</script>.txt`.replaceAll('/', '∕'),
    `'onmouseover='alert(1)'.mp4`,
    'javascript:alert(1).pdf',
    '&lt;b&gt;.bin',
    '%2e%2e%2fshare.json',
    'a?save#b.txt',
    '\u202Egnp.exe',
  ];
  for (const name of names) await writeFile(join(folder, name), `<script>alert('${name.length}')</script>`);
  await writeFile(join(folder, 'page.html'), '<script>alert(1)</script>');
  const stage = await shareOf(t, folder);
  const { page, context } = await openPage(browser, {}, /\/favicon/);
  t.after(() => context.close());
  const dialogs: string[] = [];
  page.on('dialog', (dialog) => {
    dialogs.push(dialog.message());
    void dialog.dismiss();
  });
  await page.goto(stage.link);
  await page.getByRole('button', { name: 'Load everything' }).click();
  await whole(page);
  const shown = await page.locator('td.name').allInnerTexts();
  const files: { path: string }[] = (await (await fetch(`${stage.link}share.json`)).json()).files;
  assert.deepEqual(
    shown,
    files.map(({ path }) => path.slice(path.indexOf('/') + 1)),
  );
  assert.equal(await page.locator('main script, main img, main [onmouseover]').count(), 0);
  // A file is never run as a page of this site, not even where somebody opens it by itself.
  const number = files.findIndex(({ path }) => path.endsWith('page.html'));
  const answer = await page.evaluate(async (at) => {
    const { headers } = await fetch(`stream/${at}/page.html`);
    return [headers.get('Content-Disposition'), headers.get('Content-Security-Policy')].join(' ');
  }, number);
  assert.match(answer, /^attachment.*sandbox/);
  assert.deepEqual(dialogs, []);
});

test('on a phone the page fits, in the dark too, and can be used by keyboard', async (t) => {
  const folder = join(await folderOf(t), 'talks');
  await mkdir(folder);
  await writeFile(join(folder, `${'long-name-'.repeat(12)}.bin`), randomBytes(1000));
  await writeFile(join(folder, 'notes.txt'), 'one\ntwo\n');
  const stage = await shareOf(t, folder);
  const { page, context, assertClean } = await openPage(browser, {
    ...{ viewport: { width: 360, height: 720 }, colorScheme: 'dark', reducedMotion: 'reduce' },
  });
  t.after(() => context.close());
  await page.goto(stage.link);
  await page
    .getByRole('button', { name: 'Show notes.txt' })
    .or(page.getByRole('button', { name: /notes/ }))
    .focus();
  await page.keyboard.press('Enter');
  await page.locator('pre.text', { hasText: 'two' }).waitFor();
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `${wide} pixels wider than the screen`);
  await assertAccessible(page);
  assertClean();
});

/** The pages with something done in the engine's worker first, which init scripts do not reach. */
function pagesWith(script: string): Map<string, PageFile> {
  const files = new Map(pages());
  for (const [path, file] of files) {
    if (!path.startsWith('assets/engine-worker')) continue;
    files.set(path, { ...file, body: Buffer.concat([Buffer.from(script), file.body]) });
  }
  return files;
}
