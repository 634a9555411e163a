/** WebTorrent with a WebRTC of its own, over kith's tracker. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createTorrent } from '../../src/index.ts';
import { engineIn, folderOf, same, write } from '../engine/rig.ts';
import { trackerIn, until } from './rig.ts';

const SCRIPT = fileURLToPath(new URL('run-webtorrent.mjs', import.meta.url));
const PACKAGE = new URL('../../../../lab/torrent/npm/node_modules/webtorrent/package.json', import.meta.url);
const skip = existsSync(PACKAGE) ? false : 'webtorrent: run `npm ci` in lab/torrent/npm';
const SIZE = 6_000_000;
const PATIENCE = 60_000;

interface Place {
  readonly folder: string;
  readonly tracker: string;
  readonly torrent: Uint8Array;
  readonly bytes: Buffer | undefined;
}

async function place(t: TestContext): Promise<Place> {
  const folder = await folderOf(t);
  const tracker = await trackerIn(t);
  const files = await write(folder, { 'have/film.bin': SIZE });
  const { torrent } = await createTorrent(`${folder}/have/film.bin`, { version: 'v1' });
  await writeFile(`${folder}/film.torrent`, torrent);
  await mkdir(`${folder}/got`);
  return { folder, tracker, torrent, bytes: files.get('have/film.bin') };
}

/** @returns what it said so far */
function webtorrent(t: TestContext, { folder, tracker }: Place, content: string, names = ['film']): () => string {
  const torrents = names.map((name) => `${folder}/${name}.torrent`);
  const start = JSON.stringify({ torrents, content, tracker });
  const child = spawn(process.execPath, [SCRIPT, start], { stdio: 'pipe' });
  let said = '';
  child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
  t.after(async () => {
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await ended;
  });
  return () => said;
}

test('WebTorrent loads from kith over WebRTC', { skip }, async (t) => {
  const set = await place(t);
  const engine = await engineIn(t, set.folder);
  await engine.add({ torrent: set.torrent }, { content: `${set.folder}/have`, seed: true, trackers: [set.tracker] });
  const said = webtorrent(t, set, `${set.folder}/got`);
  await until(() => said().includes('done'), said, PATIENCE);
  assert.ok(await same(`${set.folder}/got/film.bin`, set.bytes));
});

test('kith loads from WebTorrent over WebRTC', { skip }, async (t) => {
  const set = await place(t);
  const said = webtorrent(t, set, `${set.folder}/have`);
  await until(() => said().includes('done'), said, PATIENCE);
  const engine = await engineIn(t, set.folder);
  const share = await engine.add({ torrent: set.torrent }, { content: `${set.folder}/got`, trackers: [set.tracker] });
  await until(
    () => share.state === 'seeding',
    () => said() + JSON.stringify(share.snapshot()),
    PATIENCE,
  );
  assert.ok(await same(`${set.folder}/got/film.bin`, set.bytes));
});

test(
  'WebTorrent, which looks at one channel of a connection, gets a connection for each torrent',
  { skip },
  async (t) => {
    const set = await place(t);
    const engine = await engineIn(t, set.folder, { rates: { up: SIZE } });
    const content = `${set.folder}/have`;
    await engine.add({ torrent: set.torrent }, { content, seed: true, trackers: [set.tracker] });
    const files = await write(set.folder, { 'have/song.bin': SIZE });
    const { torrent } = await createTorrent(`${content}/song.bin`, { version: 'v1' });
    await writeFile(`${set.folder}/song.torrent`, torrent);
    await engine.add({ torrent }, { content, seed: true, trackers: [set.tracker] });
    const said = webtorrent(t, set, `${set.folder}/got`, ['film', 'song']);
    let most = 0;
    await until(
      () => {
        const { webrtc } = engine;
        if (webrtc?.state === 'running') most = Math.max(most, webrtc.connections);
        return said().split('done').length === 3;
      },
      said,
      PATIENCE,
    );
    assert.equal(most, 2);
    assert.ok(await same(`${set.folder}/got/film.bin`, set.bytes));
    assert.ok(await same(`${set.folder}/got/song.bin`, files.get('have/song.bin')));
  },
);
