import { test } from 'node:test';
import type { TorrentClient } from '@kith/lab/torrent';
import { kith } from './kith.ts';
import { DEADLINE, lacking, Place, TEST } from './place.ts';

const FILES = {
  'set/film.bin': 3 * 1_048_576 + 1234,
  'set/empty': 0,
  'set/folder/notes.txt': 777,
  'set/folder/deep/more.bin': 1_048_576,
};

/** Many files from one to the other, each way. */
export function wholeTests(client: TorrentClient): void {
  const { name } = client;
  const options = { skip: lacking(client), ...TEST };

  test(`kith gets files whole from ${name}`, options, async (t) => {
    const place = await Place.make(t, { files: FILES });
    const port = await place.port();
    await place.seed(client, port);
    const leech = await place.kithLeech(await place.port(), { peers: [port] });
    await leech.finished(DEADLINE);
    place.assertWhole('kith leech');
    t.diagnostic(`first block of ${name} after ${Math.round((await leech.report()).firstBlock ?? 0)} ms`);
  });

  test(`${name} gets files whole from kith`, options, async (t) => {
    const place = await Place.make(t, { files: FILES });
    const [ours, theirs] = [await place.port(), await place.port()];
    // Who cannot be told addresses is dialled.
    if (client.dials) await place.seed(kith, ours);
    const leech = await place.leech(client, theirs, { peers: [ours] });
    if (!client.dials) await place.seed(kith, ours, { peers: [theirs] });
    await leech.finished(DEADLINE);
    place.assertWhole(`${name} leech`);
  });
}
