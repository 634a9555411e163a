/** Engines that meet over WebRTC and nothing else. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { type Engine, EVERYBODY, type Share, WebRtc } from '../../src/index.ts';
import { engineIn, folderOf, same, write } from '../engine/rig.ts';
import { begin, stage, trackerIn, until } from './rig.ts';

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
  // The tracker passes nothing on to those that it does not know yet.
  await until(
    () => set.shared.snapshot().trackers.some(({ state }) => state === 'working'),
    () => JSON.stringify(set.shared.snapshot().trackers),
  );
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

interface Three {
  readonly folder: string;
  readonly seed: Engine;
  readonly leech: Engine;
  readonly loading: readonly Share[];
  readonly files: ReadonlyMap<string, Buffer>;
}

const NAMES = ['a.bin', 'b.bin', 'c.bin'];

/** A seed and a leech of three torrents; the leech loads slowly. */
async function three(t: TestContext, size: number): Promise<Three> {
  const folder = await folderOf(t);
  const tracker = await trackerIn(t);
  const files = await write(folder, Object.fromEntries(NAMES.map((name) => [name, size])));
  const seed = await engineIn(t, `${folder}/seed`);
  const leech = await engineIn(t, `${folder}/leech`, { rates: { down: size / 100 } });
  const loading: Share[] = [];
  for (const name of NAMES) {
    const { torrentFile } = await seed.share(`${folder}/${name}`, { trackers: [tracker] });
    assert.ok(torrentFile);
    loading.push(await leech.add({ torrent: torrentFile }, { content: `${folder}/got`, trackers: [tracker] }));
  }
  return { folder, seed, leech, loading, files };
}

function connectionsOf({ webrtc }: Engine): number {
  return webrtc?.state === 'running' ? webrtc.connections : 0;
}

function told({ seed, leech, loading }: Three): string {
  const peers = loading.map((share) => `${share.state} ${share.snapshot().progress} from ${share.peers().length}`);
  return `${connectionsOf(seed)} and ${connectionsOf(leech)} connections; ${peers.join('; ')}`;
}

/** Both sides know of one connection, and all of these have a peer over it. */
async function shareOne(set: Three, shares: readonly Share[]): Promise<void> {
  await until(
    () =>
      [set.seed, set.leech].every((engine) => connectionsOf(engine) === 1) &&
      shares.every((share) => share.peers().filter(({ kind }) => kind === 'webrtc').length === 1),
    () => told(set),
    40_000,
  );
}

async function finish(set: Three, shares: readonly Share[], patience?: number): Promise<void> {
  set.leech.setRates({ down: Number.POSITIVE_INFINITY });
  await until(
    () => shares.every(({ state }) => state === 'seeding'),
    () => told(set),
    patience,
  );
  for (const { name } of shares) assert.ok(await same(`${set.folder}/got/${name}`, set.files.get(name)), name);
}

test('three torrents of the same two engines have one peer connection, and go on when one of them is removed', async (t) => {
  const set = await three(t, 8_000_000);
  const [one, ...rest] = set.loading;
  assert.ok(one);
  await shareOne(set, set.loading);
  await set.leech.remove(one);
  await shareOne(set, rest);
  await finish(set, rest);
});

test('after a crash of the WebRTC process all torrents of it go on', async (t) => {
  const set = await three(t, 8_000_000);
  await shareOne(set, set.loading);
  // The side that loads is the one that makes offers.
  const webrtc = set.leech.webrtc;
  assert.ok(webrtc?.state === 'running' && webrtc.pid !== undefined);
  process.kill(webrtc.pid, 'SIGKILL');
  await until(
    () => set.loading.every((share) => share.peers().length === 0),
    () => told(set),
  );
  // By whatever way: each knows by now where the other listens.
  await finish(set, set.loading, 90_000);
});
