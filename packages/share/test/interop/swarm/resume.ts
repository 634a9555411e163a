import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunningClient, TorrentClient } from '@kith/lab/torrent';
import type { RunningKith } from './kith.ts';
import { DEADLINE, lacking, Place, TEST, until } from './place.ts';

const SIZE = 8 * 1_048_576;
const FILES = { 'film.bin': SIZE };
/** Bytes per second: some seconds in which somebody can be killed. */
const RATE = 1_200_000;
const PART = 0.3;

/** Either side of a transfer is killed in the middle of it, without a chance to say or write anything, and comes back. */
export function resumeTests(client: TorrentClient): void {
  const { name } = client;
  const options = { skip: lacking(client), ...TEST };

  test(`kith, killed while it loads from ${name}, goes on with what it had`, options, async (t) => {
    const place = await Place.make(t, { files: FILES });
    const [ours, theirs] = [await place.port(), await place.port()];
    await place.seed(client, theirs);
    const first = await place.kithLeech(ours, { peers: [theirs], downLimit: RATE });
    await partly(first);
    await first.kill();
    const second = await place.kithLeech(ours);
    await second.finished(DEADLINE);
    place.assertWhole('kith leech');
    const { resumed, downloaded } = await second.report();
    const { pieceLength, length } = place.metainfo;
    assert.ok(resumed * pieceLength > length * 0.1, `${resumed} pieces were there`);
    assert.ok(downloaded <= length - resumed * pieceLength + 1_048_576, `${downloaded} bytes were loaded again`);
  });

  test(`kith, killed while it gives to ${name}, comes back and gives the rest`, options, async (t) => {
    const place = await Place.make(t, { files: FILES });
    const [ours, theirs] = [await place.port(), await place.port()];
    const leech = await place.leech(client, theirs);
    const first = await place.kithSeed(ours, { peers: [theirs], upLimit: RATE });
    await partly(leech);
    await first.kill();
    const second = await place.kithSeed(ours);
    await leech.finished(DEADLINE);
    place.assertWhole(`${name} leech`);
    await sentOnlyTheRest(second);
  });

  test(`${name}, killed while it loads from kith, gets the rest when it is back`, options, async (t) => {
    const place = await Place.make(t, { files: FILES });
    const [ours, theirs] = [await place.port(), await place.port()];
    const first = await place.leech(client, theirs);
    const seed = await place.kithSeed(ours, { peers: [theirs], upLimit: RATE });
    await partly(first);
    await first.kill();
    const second = await place.leech(client, theirs, { peers: [ours] });
    await second.finished(DEADLINE);
    place.assertWhole(`${name} leech`);
    assert.ok((await seed.report()).uploaded >= SIZE);
  });

  test(`${name}, killed while it gives to kith, comes back and kith gets the rest`, options, async (t) => {
    const place = await Place.make(t, { files: FILES });
    const [ours, theirs] = [await place.port(), await place.port()];
    const first = await place.seed(client, theirs);
    const leech = await place.kithLeech(ours, { peers: [theirs], downLimit: RATE });
    await partly(leech);
    await first.kill();
    await until(
      () => leech.report(),
      ({ peers }) => peers.length === 0,
      'the end of the connection',
    );
    // Its own memory of what it had is no concern of this test.
    await place.seed(client, theirs, { peers: [ours], state: place.folder('second state') });
    await leech.finished(DEADLINE);
    place.assertWhole('kith leech');
    const { downloaded } = await leech.report();
    assert.ok(downloaded < SIZE * 1.2, `${downloaded} bytes were loaded`);
  });
}

async function partly(leech: RunningClient): Promise<void> {
  const progress = await until(
    () => leech.progress(),
    (share) => share >= PART,
    'a part of the content',
  );
  assert.ok(progress < 0.9, `it was over before anybody could be killed: ${progress}`);
}

async function sentOnlyTheRest(seed: RunningKith): Promise<void> {
  const { uploaded } = await seed.report();
  assert.ok(uploaded <= SIZE * (1 - PART) + 1_048_576, `${uploaded} bytes were sent again`);
}
