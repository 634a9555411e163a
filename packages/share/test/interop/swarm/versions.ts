import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TorrentClient } from '@kith/lab/torrent';
import { formatMagnet, magnetOf } from '@kith/torrent';
import { DEADLINE, lacking, Place, TEST } from './place.ts';

const FILES = {
  'set/film.bin': 3 * 1_048_576 + 1234,
  'set/folder/notes.txt': 777,
  'set/folder/more.bin': 1_048_576,
};

/** v1, v2 and hybrid torrents, from the torrent file and from the magnet, each way. */
export function versionTests(client: TorrentClient): void {
  const { name } = client;
  const options = { skip: lacking(client), ...TEST };
  for (const version of ['v1', 'v2', 'hybrid'] as const) {
    for (const by of ['file', 'magnet'] as const) {
      test(`kith gets a ${version} torrent whole from ${name} by its ${by}`, options, async (t) => {
        const place = await Place.make(t, { files: FILES, version });
        const port = await place.port();
        await place.seed(client, port);
        await (await place.kithLeech(await place.port(), { ...source(place, by), peers: [port] })).finished(DEADLINE);
        place.assertWhole('kith leech');
      });

      test(`${name} gets a ${version} torrent whole from kith by its ${by}`, options, async (t) => {
        const place = await Place.make(t, { files: FILES, version });
        const port = await place.port();
        await place.kithSeed(port);
        await (
          await place.leech(client, await place.port(), { ...source(place, by), peers: [port] })
        ).finished(DEADLINE);
        place.assertWhole(`${name} leech`);
      });
    }
  }

  for (const hash of ['infoHash', 'infoHashV2'] as const) {
    test(`kith gets a hybrid from ${name} by its ${hash} alone`, options, async (t) => {
      const place = await Place.make(t, { files: FILES, version: 'hybrid' });
      const port = await place.port();
      await place.seed(client, port);
      const { [hash]: only, ...rest } = magnetOf(place.metainfo);
      assert.ok(only !== undefined);
      const magnet = formatMagnet({ trackers: rest.trackers, webSeeds: [], peers: [], [hash]: only });
      await (await place.kithLeech(await place.port(), { torrent: { magnet }, peers: [port] })).finished(DEADLINE);
      place.assertWhole('kith leech');
    });
  }
}

function source(place: Place, by: 'file' | 'magnet'): { torrent: { file: string } | { magnet: string } } {
  return { torrent: by === 'file' ? { file: place.torrent } : { magnet: place.magnet } };
}
