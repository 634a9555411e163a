/** Engines that meet over WebRTC and nothing else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { same } from '../engine/rig.ts';
import { begin, stage, until } from './rig.ts';

test('two engines that only know a tracker over WebSocket exchange everything over WebRTC', async (t) => {
  const set = await stage(t, 8_000_000);
  const share = await begin(set);
  const kinds = new Set<string>();
  await until(
    () => {
      for (const { kind } of share.peers()) kinds.add(kind);
      return share.state === 'seeding';
    },
    () => JSON.stringify(share.snapshot()),
  );
  assert.deepEqual([...kinds], ['webrtc']);
  assert.ok(await same(`${set.folder}/got/film.bin`, set.files.get('film.bin')));
});

test('a crash of the WebRTC process in the middle leaves both engines running, and the rest comes over a new one', async (t) => {
  const set = await stage(t, 48_000_000);
  const share = await begin(set);
  share.setLimits({ down: 8_000_000 });
  await until(
    () => share.snapshot().progress > 0.1,
    () => JSON.stringify(share.snapshot()),
  );
  // The seed is the one that loses it: the leech has to find out by itself.
  const webrtc = set.seed.webrtc;
  assert.ok(webrtc?.state === 'running' && webrtc.pid !== undefined);
  process.kill(webrtc.pid, 'SIGKILL');
  share.setLimits({ down: null });
  await until(
    () => share.state === 'seeding',
    () => JSON.stringify(share.snapshot()),
    90_000,
  );
  assert.ok(await same(`${set.folder}/got/film.bin`, set.files.get('film.bin')));
});
