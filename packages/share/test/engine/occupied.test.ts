import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { AddShareOptions, Engine, Share, ShareSource } from '../../src/index.ts';
import { engineIn, folderOf, linkTo, same, until, write } from './rig.ts';

const MINE = 'what somebody wrote himself';

interface Scene {
  readonly files: Map<string, Buffer>;
  readonly seed: Engine;
  readonly share: Share;
  /** The leech's folder. */
  readonly there: string;
  readonly leech: Engine;
}

/** A seed of `root` with files of these sizes, and an engine that has nothing yet. */
async function sceneOf(t: TestContext, root: string, sizes: Readonly<Record<string, number>>): Promise<Scene> {
  const [here, there] = [await folderOf(t), await folderOf(t)];
  const files = await write(here, sizes);
  const [seed, leech] = [await engineIn(t, here), await engineIn(t, there)];
  const share = await seed.share(join(here, root), { version: 'v1', pieceLength: 16_384 });
  return { files, seed, share, there, leech };
}

function fileOf({ seed, share }: Scene): [ShareSource, Pick<AddShareOptions, 'peers'>] {
  return [{ torrent: share.torrentFile ?? new Uint8Array() }, { peers: [`127.0.0.1:${seed.port}`] }];
}

function assertRefused(share: Share | undefined, path: string): void {
  const error = share?.snapshot().error;
  assert.equal(share?.state, 'error');
  assert.equal(error?.code, 'STORAGE_OCCUPIED');
  assert.ok(error?.message.startsWith(`${path} `), error?.message);
  assert.match(error?.message ?? '', /--overwrite/);
}

test('a file of the same name with other content is an error and stays, until the user lets it be loaded over', async (t) => {
  const scene = await sceneOf(t, 'a.bin', { 'a.bin': 100_000 });
  const { files, seed, share, there } = scene;
  await writeFile(join(there, 'a.bin'), MINE);
  let got = await scene.leech.add({ magnet: linkTo(seed, share) }, { content: there });
  await until(scene.leech, got, 'error');
  assertRefused(got, join(there, 'a.bin'));
  await scene.leech.close();
  const leech = await engineIn(t, there);
  got = leech.find(share.id) ?? got;
  await got.opened;
  assertRefused(got, join(there, 'a.bin'));
  await got.recheck();
  assertRefused(got, join(there, 'a.bin'));
  assert.equal(await readFile(join(there, 'a.bin'), 'utf8'), MINE);
  got.resume();
  await until(leech, got, 'seeding');
  assert.ok(await same(join(there, 'a.bin'), files.get('a.bin')));
});

test('a file of somebody else in the folder of a torrent keeps all of it from being written', async (t) => {
  const scene = await sceneOf(t, 'set', { 'set/a': 40_000, 'set/b': 40_000, 'set/none': 0 });
  const { files, leech, there } = scene;
  const [source, peers] = fileOf(scene);
  await mkdir(join(there, 'set'));
  await writeFile(join(there, 'set/b'), Buffer.alloc(40_000, 7));
  const got = await leech.add(source, { content: there, ...peers });
  await got.opened;
  assertRefused(got, join(there, 'set/b'));
  assert.equal(existsSync(join(there, 'set/a')), false);
  assert.ok(await same(join(there, 'set/b'), Buffer.alloc(40_000, 7)));
  await rename(join(there, 'set/b'), join(there, 'kept'));
  await writeFile(join(there, 'set/none'), MINE);
  const again = await leech.add(source, { content: there, ...peers });
  await again.opened;
  assertRefused(again, join(there, 'set/none'));
  assert.equal(await readFile(join(there, 'set/none'), 'utf8'), MINE);
  assert.deepEqual(leech.shares(), [again]);
  const over = await leech.add(source, { content: there, ...peers, overwrite: true });
  await until(leech, over, 'seeding');
  for (const [path, bytes] of files) assert.ok(await same(join(there, path), bytes), path);
});

test('after a refusal the same torrent comes into another folder', async (t) => {
  const scene = await sceneOf(t, 'a.bin', { 'a.bin': 50_000 });
  const { leech, there } = scene;
  const [source, peers] = fileOf(scene);
  await writeFile(join(there, 'a.bin'), MINE);
  const got = await leech.add(source, { content: there, ...peers });
  await got.opened;
  assertRefused(got, join(there, 'a.bin'));
  const elsewhere = await leech.add(source, { content: join(there, 'in'), ...peers });
  await until(leech, elsewhere, 'seeding');
  assert.equal(await readFile(join(there, 'a.bin'), 'utf8'), MINE);
});

test('a file that is wanted later is not written over either', async (t) => {
  const scene = await sceneOf(t, 'set', { 'set/a': 32_768, 'set/b': 32_768 });
  const { files, leech, there } = scene;
  const [source, peers] = fileOf(scene);
  await mkdir(join(there, 'set'));
  await writeFile(join(there, 'set/b'), MINE);
  const got = await leech.add(source, { content: there, ...peers, select: ['a'] });
  await until(leech, got, 'seeding');
  await assert.rejects(got.select(['a', 'b']), { code: 'STORAGE_OCCUPIED' });
  assert.equal(await readFile(join(there, 'set/b'), 'utf8'), MINE);
  assert.equal(got.state, 'seeding');
  await rename(join(there, 'set/b'), join(there, 'kept'));
  await got.select(['a', 'b']);
  await until(leech, got, 'seeding');
  for (const [path, bytes] of files) assert.ok(await same(join(there, path), bytes), path);
});

test('a file that is not wanted is not written to either where it shares a piece with one that is', async (t) => {
  const scene = await sceneOf(t, 'set', { 'set/a': 20_000, 'set/b': 20_000 });
  const { leech, there } = scene;
  const [source, peers] = fileOf(scene);
  await mkdir(join(there, 'set'));
  await writeFile(join(there, 'set/b'), MINE);
  const got = await leech.add(source, { content: there, ...peers, select: ['a'] });
  await got.opened;
  assertRefused(got, join(there, 'set/b'));
  assert.equal(await readFile(join(there, 'set/b'), 'utf8'), MINE);
});

test('zeros are room that was taken, and a right piece makes a file a part of the content', async (t) => {
  const scene = await sceneOf(t, 'set', { 'set/a': 32_768, 'set/b': 32_768 });
  const { files, leech, there } = scene;
  const [source, peers] = fileOf(scene);
  await mkdir(join(there, 'set'));
  await writeFile(join(there, 'set/a'), Buffer.alloc(3_000_000));
  await writeFile(
    join(there, 'set/b'),
    Buffer.concat([files.get('set/b')?.subarray(0, 16_384) ?? Buffer.alloc(0), Buffer.from(MINE)]),
  );
  const got = await leech.add(source, { content: there, ...peers });
  await until(leech, got, 'seeding');
  for (const [path, bytes] of files) assert.ok(await same(join(there, path), bytes), path);
});
