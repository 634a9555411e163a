/** `kith stream` with players that nobody here wrote. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { BIN, runCommand, Sandbox } from '../program.ts';
import { launchBrowser, openPage } from './browser.ts';

/** Seconds. */
const LENGTH = 40;
/** Bytes per second that the other side gives: more than the film takes, and far too few for all of it while we look. */
const RATE = 600_000;

test('curl and Chromium play from kith stream what is still on its way', { timeout: 120_000 }, async (t) => {
  const [alice, bob] = [person(t), person(t)];
  const path = join(alice.state, 'film.webm');
  makeFilm(path);
  const film = readFileSync(path);
  const shared = await alice.json(['share', path, '--piece-size', '64k']);
  assert.equal(shared.code, 0, JSON.stringify(shared.value));
  assert.equal((await alice.run(['share', 'limit', '--up', String(RATE)])).code, 0);
  const url = await streamed(t, bob, String(shared.value['shares']?.[0]?.['magnet']));

  await t.test('curl gets the very bytes of the middle and of the end', async () => {
    const middle = film.length >> 1;
    for (const [range, part] of [
      [`${middle}-${middle + 99_999}`, film.subarray(middle, middle + 100_000)],
      ['-1000', film.subarray(-1000)],
    ] as const) {
      const into = join(bob.state, 'part');
      const words = ['--silent', '--noproxy', '*', '--max-time', '30', '-w', '%{http_code}', '-o', into];
      const told = await runCommand(['curl', ...words, '-r', range, url], {});
      assert.deepEqual([told.code, told.stdout], [0, '206'], told.stderr);
      assert.ok(readFileSync(into).equals(part), `other bytes than ${range}`);
    }
  });

  await t.test('a video begins, jumps to the middle and plays on', async (s) => {
    const browser = await launchBrowser(undefined, ['--autoplay-policy=no-user-gesture-required']);
    s.after(() => browser.close());
    const { page } = await openPage(browser);
    const length = await page.evaluate(async (src) => {
      const video = document.createElement('video');
      video.muted = true;
      video.src = src;
      document.body.append(video);
      const seen = new Promise<void>((resolve, reject) => {
        video.addEventListener('error', () => reject(new Error(video.error?.message ?? 'an error')));
        video.addEventListener('timeupdate', () => {
          if (video.currentTime > 1) resolve();
        });
      });
      await Promise.all([video.play(), seen]);
      return video.duration;
    }, url);
    assert.ok(Math.abs(length - LENGTH) < 1, `it says the film is ${length} s long`);
    const { value } = await bob.json(['shares']);
    assert.equal(value['shares']?.[0]?.['state'], 'downloading', 'all was there before the jump');
    const jumped = await page.evaluate(async (middle) => {
      const video = document.querySelector('video');
      if (video === null) throw new Error('the video is gone');
      video.currentTime = middle;
      await new Promise<void>((resolve) => {
        video.addEventListener('timeupdate', () => {
          if (!video.seeking && video.currentTime > middle + 1) resolve();
        });
      });
      const frames = video.getVideoPlaybackQuality().totalVideoFrames;
      return { paused: video.paused, fine: video.error === null, frames: frames > 25 };
    }, LENGTH / 2);
    assert.deepEqual(jumped, { paused: false, fine: true, frames: true });
  });
});

/** Somebody with a share process of his own, which ends with the test. */
function person(t: TestContext): Sandbox {
  const sandbox = new Sandbox();
  t.after(async () => {
    await sandbox.run(['share', 'stop']);
    sandbox.remove();
  });
  return sandbox;
}

/** Noise does not compress: the film is as large as it is told to be. */
function makeFilm(path: string): void {
  const source = `testsrc=size=320x180:rate=25:duration=${LENGTH},noise=alls=60:allf=t`;
  const codec = ['-c:v', 'libvpx', '-b:v', '3M', '-minrate', '3M', '-maxrate', '3M', '-deadline', 'realtime'];
  const words = ['-v', 'error', '-f', 'lavfi', '-i', source, ...codec, '-cpu-used', '8', '-g', '50', path];
  execFileSync('ffmpeg', words, { timeout: 60_000 });
}

/** The link that `kith stream` prints; it ends with the test. */
async function streamed(t: TestContext, sandbox: Sandbox, magnet: string): Promise<string> {
  const child = spawn(process.execPath, [BIN, 'stream', magnet, '-o', sandbox.state], {
    env: { ...process.env, KITH_STATE: sandbox.state },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.after(async () => {
    if (child.exitCode !== null) return;
    child.kill('SIGINT');
    await once(child, 'exit');
  });
  for await (const line of createInterface({ input: child.stdout, signal: AbortSignal.timeout(30_000) })) {
    if (line.startsWith('http:')) return line;
  }
  throw new Error('kith stream gave no link');
}
