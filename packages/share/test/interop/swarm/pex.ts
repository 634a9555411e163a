import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { TorrentClient } from '@kith/lab/torrent';
import { TrackerServer } from '@kith/share';
import { infoHash20 } from '@kith/torrent';
import { lacking, Place, TEST, until } from './place.ts';

/** Bytes per second of whoever has the content: it must not be over before everybody has met. */
const SLOW = 20_000;
/** Another address of loopback: aria2 tells nobody of peers with their own address. */
const THIRD = '127.0.0.2';

/** Two that nobody told of each other meet through a third (BEP 11). @param tells false for who hears only */
export function pexTests(client: TorrentClient, tells: boolean): void {
  const { name } = client;
  const options = { skip: lacking(client), ...TEST };

  test(`kith tells ${name} of a third peer, and ${name} gets blocks from it`, options, async (t) => {
    const place = await Place.make(t);
    const [third, hub, theirs] = [await place.port(), await place.port(), await place.port()];
    // It hears of the other as well, and must not be the one that connects.
    const seed = await place.kithSeed(third, { upLimit: SLOW, limits: { dialing: 0 } });
    if (!client.dials) await place.leech(client, theirs, { pex: true });
    await place.kithLeech(hub, { peers: client.dials ? [third] : [third, theirs], upLimit: 1000 });
    if (client.dials) await place.leech(client, theirs, { pex: true, peers: [hub] });
    await until(
      () => seed.report(),
      (seen) => seen.peers.some((peer) => peer.client !== 'kith' && peer.uploaded > 0),
      `a connection of ${name}`,
    );
  });

  if (!tells) return;
  test(`${name} tells kith of a third peer, and kith gets blocks from it`, options, async (t) => {
    const place = await Place.make(t);
    const [third, hub, ours] = [await place.port(), await place.port(), await place.port()];
    const seed = await place.kithSeed(third, { upLimit: SLOW, addresses: [THIRD] });
    const known = client.dials
      ? { peers: [{ ip: THIRD, port: third }] }
      : { torrent: { file: await torrentThatNames(t, place, third) } };
    await place.leech(client, hub, { pex: true, ...known });
    await place.kithLeech(ours, { peers: [hub], downLimit: SLOW });
    await until(
      () => seed.report(),
      (seen) => seen.peers.some((peer) => peer.client === 'kith' && peer.uploaded > 0),
      'a connection of kith',
    );
  });
}

/** The same torrent with a tracker that knows of one peer. */
async function torrentThatNames(t: TestContext, place: Place, port: number): Promise<string> {
  const server = new TrackerServer({ host: '127.0.0.1', trustedProxies: ['127.0.0.0/8'] });
  const url = `http://127.0.0.1:${await server.listen()}/announce`;
  t.after(() => server.close());
  const hash = [...infoHash20(place.metainfo)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
  const announce = `info_hash=${hash}&peer_id=-XX0001-000000000000&port=${port}&uploaded=0&downloaded=0&left=0&compact=1`;
  const answer = await fetch(`${url}?${announce}`, { headers: { 'X-Forwarded-For': THIRD } });
  assert.ok(answer.ok, await answer.text());
  return place.torrentWith([url]);
}
