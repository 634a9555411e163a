import { test } from 'node:test';
import type { TorrentClient } from '@kith/lab/torrent';
import type { RunningKith } from './kith.ts';
import { DEADLINE, lacking, Place, TEST, until } from './place.ts';

/** Slow enough that the connection is seen while it is there. */
const RATE = 2_000_000;

/** Where plain text is refused, each way. */
export function encryptionTests(client: TorrentClient): void {
  const { name } = client;
  const options = { skip: lacking(client), ...TEST };

  test(`kith, that would do without, encrypts for ${name}, that requires it`, options, async (t) => {
    const place = await Place.make(t);
    const port = await place.port();
    await place.seed(client, port, { encryption: 'required' });
    const leech = await place.kithLeech(await place.port(), { peers: [port], downLimit: RATE });
    await encrypted(leech);
    await leech.finished(DEADLINE);
    place.assertWhole('kith leech');
  });

  test(`kith requires encryption and ${name} does it`, options, async (t) => {
    const place = await Place.make(t);
    const [ours, theirs] = [await place.port(), await place.port()];
    const change = { encryption: 'required', upLimit: RATE } as const;
    const early = client.dials ? await place.kithSeed(ours, change) : undefined;
    const leech = await place.leech(client, theirs, { peers: [ours], encryption: 'required' });
    const seed = early ?? (await place.kithSeed(ours, { ...change, peers: [theirs] }));
    await encrypted(seed);
    await leech.finished(DEADLINE);
    place.assertWhole(`${name} leech`);
  });
}

async function encrypted(kith: RunningKith): Promise<void> {
  await until(
    () => kith.report(),
    ({ peers }) => peers.length > 0 && peers.every((peer) => peer.encrypted),
    'an encrypted connection, and no other',
  );
}
