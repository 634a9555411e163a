import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TorrentClient } from '@kith/lab/torrent';
import { kith } from './kith.ts';
import { DEADLINE, lacking, Place, TEST } from './place.ts';

/** Pieces of 16 KiB: their hashes make an info dictionary of two metadata pieces. */
const PIECE_LENGTH = 16_384;
const FILES = { 'film.bin': 1024 * PIECE_LENGTH };

/** Metadata from the other by its hash, and then the content, each way. */
export function magnetTests(client: TorrentClient): void {
  const { name } = client;
  const options = { skip: lacking(client), ...TEST };

  test(`kith gets a magnet's metadata and content from ${name}`, options, async (t) => {
    const place = await Place.make(t, { files: FILES, pieceLength: PIECE_LENGTH });
    assert.ok(place.metainfo.info.length > 16_384);
    const port = await place.port();
    await place.seed(client, port);
    const leech = await place.kithLeech(await place.port(), { torrent: { magnet: place.magnet }, peers: [port] });
    await leech.finished(DEADLINE);
    place.assertWhole('kith leech');
  });

  test(`${name} gets a magnet's metadata and content from kith`, options, async (t) => {
    const place = await Place.make(t, { files: FILES, pieceLength: PIECE_LENGTH });
    const [ours, theirs] = [await place.port(), await place.port()];
    if (client.dials) await place.seed(kith, ours);
    const leech = await place.leech(client, theirs, { torrent: { magnet: place.magnet }, peers: [ours] });
    if (!client.dials) await place.seed(kith, ours, { peers: [theirs] });
    await leech.finished(DEADLINE);
    place.assertWhole(`${name} leech`);
  });
}
