/** Engines that know each other through a tracker over WebSocket alone. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { type Engine, type EngineOptions, type Share, TrackerServer } from '../../src/index.ts';
import { engineIn, folderOf, write } from '../engine/rig.ts';

export interface Stage {
  readonly tracker: string;
  readonly folder: string;
  readonly seed: Engine;
  readonly leech: Engine;
  readonly shared: Share;
  readonly files: ReadonlyMap<string, Buffer>;
}

/** @returns URL of a tracker that ends with the test */
export async function trackerIn(t: TestContext): Promise<string> {
  const server = new TrackerServer({ host: '127.0.0.1', port: 0 });
  const port = await server.listen();
  t.after(() => server.close());
  return `ws://127.0.0.1:${port}/`;
}

/** A seed with one file of `size` bytes, and a leech that has nothing yet. */
export async function stage(t: TestContext, size: number, options: Partial<EngineOptions> = {}): Promise<Stage> {
  const folder = await folderOf(t);
  const tracker = await trackerIn(t);
  const files = await write(folder, { 'film.bin': size });
  const seed = await engineIn(t, `${folder}/seed`, options);
  const leech = await engineIn(t, `${folder}/leech`, options);
  const shared = await seed.share(`${folder}/film.bin`, { trackers: [tracker] });
  return { tracker, folder, seed, leech, shared, files };
}

/** The leech begins. It gets no address of anybody. */
export async function begin({ leech, shared, tracker, folder }: Stage): Promise<Share> {
  const { torrentFile } = shared;
  assert.ok(torrentFile);
  return leech.add({ torrent: torrentFile }, { content: `${folder}/got`, trackers: [tracker] });
}

/** Waits for a condition. A way that is not found is given up after 20 s, and looked for again. */
export async function until(is: () => boolean, what: () => string, patience = 60_000): Promise<void> {
  for (const end = performance.now() + patience; !is();) {
    assert.ok(performance.now() < end, `in vain: ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
