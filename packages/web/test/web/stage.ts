/** A share behind its link, as `kith share` serves it, for pages in a real browser. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { Engine, LinkServer, type LinkServerOptions, type PageFile, type Share } from '@kith/share';
import { pagesFolder, readPages } from '../../../kith/src/web/assets.ts';

const PATIENCE = 20_000;

/**
 * For a browser whose pages shall reach each other by WebRTC on a machine that may have no network but loopback, and nobody who
 * answers multicast DNS.
 */
export const RTC = ['--allow-loopback-in-peer-connection', '--disable-features=WebRtcHideLocalIpsWithMdns'] as const;

export interface Stage {
  readonly engine: Engine;
  readonly share: Share;
  readonly server: LinkServer;
  /** The share's link. */
  readonly link: string;
  /** Payload that the node gave by the peer protocol, bytes. */
  given(): number;
  /** The node goes away for good: its sockets and its links. */
  stop(): Promise<void>;
}

export async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kith-page-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export async function engineIn(t: TestContext, folder: string): Promise<Engine> {
  const engine = await Engine.start({
    ...{ folder: join(folder, 'state'), host: ['127.0.0.1'], disk: { workers: 1, memory: 8 << 20, cache: 8 << 20 } },
  });
  t.after(() => engine.close());
  return engine;
}

/** @param path what is shared */
export async function shareOf(
  t: TestContext,
  path: string,
  options: Parameters<Engine['share']>[1] = {},
  links: LinkServerOptions = {},
): Promise<Stage> {
  const engine = await engineIn(t, await folderOf(t));
  return openLink(t, engine, await engine.share(path, { pieceLength: 65_536, ...options }), links);
}

export async function openLink(
  t: TestContext,
  engine: Engine,
  share: Share,
  options: LinkServerOptions = {},
): Promise<Stage> {
  const server = new LinkServer({ pages: pages(), ...options });
  t.after(() => server.close());
  const door = share.door();
  assert.ok(door);
  server.add(share.id, door.folder, door);
  const link = (await server.listen()) + server.path(share.id);
  return {
    ...{ engine, share, server, link },
    given: () => share.snapshot().uploaded,
    stop: async () => {
      await server.close();
      await engine.close();
    },
  };
}

/** The built pages. */
export function pages(): ReadonlyMap<string, PageFile> {
  return readPages(pagesFolder());
}

const run = promisify(execFile);

/** Films that browsers play as they are: the ends of their names, and how ffmpeg makes them. */
export const CODECS = {
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

/** A clip of so many seconds whose picture and sound change all the time. @param codecs options of ffmpeg for both */
export async function clip(path: string, seconds: number, codecs: readonly string[] = []): Promise<void> {
  const sources = ['testsrc=size=320x240:rate=25', 'sine=frequency=440'].flatMap((source) => [
    '-f',
    'lavfi',
    '-i',
    source,
  ]);
  await run('ffmpeg', ['-v', 'error', '-y', ...sources, '-t', String(seconds), '-g', '25', ...codecs, path]);
}

/** Plays what the page shows and resolves once it moves, with the place that it is at, seconds. */
export function play(page: Page): Promise<number> {
  return page.locator('video, audio').evaluate(async (media) => {
    if (!(media instanceof HTMLMediaElement)) throw new Error('no media');
    media.muted = true;
    const from = media.currentTime;
    await media.play();
    while (media.currentTime <= from) await new Promise((resolve) => setTimeout(resolve, 10));
    return media.currentTime;
  });
}

/** Jumps and resolves with the time that it took until the film moves on from there, ms. */
export function jumpTo(page: Page, place: number): Promise<number> {
  return page.locator('video').evaluate(async (video, to) => {
    if (!(video instanceof HTMLVideoElement)) throw new Error('no film');
    const from = performance.now();
    video.currentTime = to;
    while ((video.seeking || video.currentTime <= to) && performance.now() - from < 20_000)
      await new Promise((resolve) => setTimeout(resolve, 5));
    return performance.now() - from;
  }, place);
}

/** Waits until everything is in the browser. */
export async function whole(page: Page): Promise<void> {
  await page.waitForFunction(
    () => {
      const bars = [...document.querySelectorAll<HTMLProgressElement>('progress.bar')];
      return bars.length > 0 && bars.every((bar) => bar.value === 1);
    },
    undefined,
    { timeout: PATIENCE },
  );
}

/** @param patience ms */
export async function until(
  what: string,
  is: () => boolean | Promise<boolean>,
  patience: number = PATIENCE,
): Promise<void> {
  for (const deadline = performance.now() + patience; !(await is());) {
    assert.ok(performance.now() < deadline, `not within ${patience} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
