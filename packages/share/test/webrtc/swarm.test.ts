/** Engines that meet over WebRTC and nothing else. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { EVERYBODY, WebRtc } from '../../src/index.ts';
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

test('engines that insist on encryption take that of WebRTC for it', async (t) => {
  const set = await stage(t, 1_000_000, { encryption: 'required' });
  const share = await begin(set);
  await until(
    () => share.state === 'seeding',
    () => JSON.stringify(share.snapshot()),
  );
});

test('a share that is not public talks to nobody outside, whatever its tracker passes on', async (t) => {
  const set = await stage(t, 1_000_000);
  const socket = new WebSocket(set.tracker);
  t.after(() => socket.close());
  await once(socket, 'open');
  const heard: string[] = [];
  socket.on('message', (data: Buffer) => void heard.push(data.toString()));
  const infoHash = Buffer.from(set.shared.id, 'hex').toString('latin1');
  const announce = (offers: readonly object[]): void =>
    socket.send(
      JSON.stringify({
        ...{
          action: 'announce',
          info_hash: infoHash,
          peer_id: 'a stranger, 20 bytes',
          numwant: offers.length,
          left: 1,
        },
        ...{ uploaded: 0, downloaded: 0, event: 'started', offers },
      }),
    );
  // A flood, of descriptions that name addresses outside, and of what is no description.
  const stranger = new WebRtc({ bindAddress: '127.0.0.1' });
  t.after(() => stranger.close());
  const { sdp } = await stranger.offer(EVERYBODY);
  const outside = sdp.replaceAll('127.0.0.1', '203.0.113.9');
  for (let i = 0; i < 60; i++) {
    announce([
      { offer_id: `offer ${i} of twenty b`, offer: { type: 'offer', sdp: outside } },
      { offer_id: `other ${i} of twenty b`, offer: { type: 'offer', sdp: 'v=0\r\nm=\u0000' } },
    ]);
  }
  await until(
    () => heard.some((text) => text.includes('"answer"')),
    () => heard.join('\n').slice(0, 500),
  );
  const answers = heard.filter((text) => text.includes('"answer"'));
  assert.equal(answers.length, 1, 'one connection to one peer, however often it offers');
  assert.ok(answers.every((text) => !text.includes('203.0.113.9')));
  // Whoever is let in by its share still gets everything.
  const share = await begin(set);
  await until(
    () => share.state === 'seeding',
    () => JSON.stringify(share.snapshot()),
  );
});
