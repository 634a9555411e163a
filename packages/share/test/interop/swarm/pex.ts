import { test } from 'node:test';
import type { TorrentClient } from '@kith/lab/torrent';
import { lacking, Place, TEST, until } from './place.ts';

/** Bytes per second of whoever has the content: it must not be over before everybody has met. */
const SLOW = 40_000;

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
    const early = client.dials ? await place.kithSeed(third, { upLimit: SLOW }) : undefined;
    await place.leech(client, hub, { pex: true, peers: [third] });
    const seed = early ?? (await place.kithSeed(third, { upLimit: SLOW, peers: [hub] }));
    await place.kithLeech(ours, { peers: [hub], downLimit: SLOW });
    await until(
      () => seed.report(),
      (seen) => seen.peers.some((peer) => peer.client === 'kith' && peer.uploaded > 0),
      'a connection of kith',
    );
  });
}
