/** Two thousand nodes and 4,200 links: what a page has to bear with in the largest communities. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser, openPage } from './browser.ts';
import { crowd } from './crowd.ts';
import { startTestFace, type TestFace } from './face.ts';

const [NODES, LINKS] = [2000, 4200];

let browser: Browser;
let face: TestFace;
before(async () => {
  browser = await launchBrowser(undefined, ['--enable-precise-memory-info']);
  face = await startTestFace({ networks: [], shares: null, gateway: null, routers: crowd(NODES, LINKS, Date.now()) });
});
after(async () => {
  await browser.close();
  await face.close();
});

/** Median of the times between two frames while the mouse drags, in ms. */
async function dragged(page: Page, target: string): Promise<number> {
  const box = await page.locator(target).boundingBox();
  assert.ok(box !== null);
  await page.evaluate(() => {
    const times: number[] = [];
    Object.assign(globalThis, { times });
    const frame = (time: number): void => {
      times.push(time);
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.move(x, y);
  await page.mouse.down();
  for (let step = 0; step < 90; step++) {
    await page.mouse.move(x + 120 * Math.sin(step / 9), y + 80 * Math.cos(step / 9));
  }
  await page.mouse.up();
  const times = await page.evaluate(() => (globalThis as unknown as { times: number[] }).times);
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? time));
  assert.ok(gaps.length > 20, `${gaps.length} frames`);
  return gaps.toSorted((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? Number.POSITIVE_INFINITY;
}

test('graph and map keep more than 30 frames a second while they are dragged', async () => {
  const { page, context, assertClean } = await openPage(browser);
  await page.goto(face.url);
  await page.locator('main h1').waitFor();
  await page.evaluate(() => (location.hash = '#/topology/@routers'));
  await page.getByRole('img', { name: `Graph of ${NODES} nodes and ${LINKS} links` }).waitFor();
  await settled(page);
  const graph = await dragged(page, '.stage canvas');
  await page.evaluate(() => (location.hash = '#/map'));
  await page.getByText(`${NODES} of ${NODES} tell where they are`).waitFor();
  await page.locator('.leaflet-overlay-pane canvas, .leaflet-marker-pane canvas').first().waitFor();
  const map = await dragged(page, '.stage');
  assert.ok(graph < 1000 / 30, `graph: ${graph} ms per frame`);
  assert.ok(map < 1000 / 30, `map: ${map} ms per frame`);
  assertClean();
  await context.close();
});

/** Until two pictures of the graph, a moment apart, are the same: the layout is done. */
async function settled(page: Page): Promise<void> {
  let before = '';
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await page.waitForTimeout(500)) {
    const now = await page.evaluate(
      () => document.querySelector<HTMLCanvasElement>('.stage canvas')?.toDataURL() ?? '',
    );
    if (now === before) return;
    before = now;
  }
  assert.fail('the graph still moves after a minute');
}

test('the list filters 2,000 nodes within 100 ms, and all of it takes less than 300 MB', async () => {
  const { page, context, assertClean } = await openPage(browser);
  await page.goto(face.url);
  await page.locator('main h1').waitFor();
  await page.evaluate(() => (location.hash = '#/nodes'));
  await page.getByText(`${NODES} of ${NODES}`).waitFor();
  assert.ok((await page.locator('tbody tr').count()) < 100, 'only the rows in sight are there');
  const took = await page.evaluate(async () => {
    const input = document.querySelector<HTMLInputElement>('input[type=search]');
    if (input === null) throw new Error('there is no search');
    const begin = performance.now();
    input.value = 'router-1999';
    input.dispatchEvent(new InputEvent('input', { bubbles: true }));
    while (document.querySelector('[role=status]')?.textContent !== '1 of 2000') {
      await new Promise((resolve) => setTimeout(resolve, 0));
      if (performance.now() - begin > 5000) break;
    }
    return performance.now() - begin;
  });
  assert.ok(took < 100, `${took} ms`);
  for (const view of ['topology/@routers', 'map', 'nodes']) {
    await page.evaluate((hash) => (location.hash = `#/${hash}`), view);
    await page.waitForTimeout(1500);
  }
  const memory = await page.evaluate(
    () => (performance as unknown as { memory: { usedJSHeapSize: number } }).memory.usedJSHeapSize,
  );
  assert.ok(memory < 300e6, `${memory} bytes`);
  assertClean();
  await context.close();
});
