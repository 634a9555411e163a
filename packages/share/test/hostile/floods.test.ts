/** More of everything than is decent, while kith gives to an honest one. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ID, requestFrame, Stranger } from './stranger.ts';
import { TEST, until } from '../interop/swarm/place.ts';
import { seeding } from './scene.ts';

const FLOODER = '127.0.0.66';

describe('an honest one gets everything', { concurrency: 2 }, () => {
  test('while one asks for more than it reads', TEST, async (t) => {
    const scene = await seeding(t);
    const { metainfo } = scene.place;
    const flooders = await Promise.all([1, 2, 3].map((i) => Stranger.dial(scene.port, `127.0.1.${i}`)));
    for (const each of flooders) {
      each.shake(metainfo).say(ID.interested);
      await until(
        async () => each.heard.includes(ID.unchoke),
        (unchoked) => unchoked,
        'the unchoke',
      );
      each.socket.pause();
    }
    await scene.honest();
    const burst = Buffer.concat(
      Array.from({ length: 2000 }, (_, i) =>
        requestFrame({ piece: i % metainfo.pieceCount, begin: 0, length: 16_384 }),
      ),
    );
    let sent = 0;
    const flood = flooders.map(async ({ socket }) => {
      for (let round = 0; round < 200 && !socket.destroyed; round++) {
        sent += burst.length;
        // Two seconds without room: nobody listens any more.
        if (!socket.write(burst)) await Promise.race([once(socket, 'drain'), once(socket, 'close'), sleep(2000)]);
        if (socket.writableNeedDrain) return;
      }
    });
    await Promise.all(flood);
    assert.ok(sent > 2 * burst.length);
    await scene.end();
    const { peers } = await scene.report();
    for (const peer of peers.filter(({ ip }) => ip.startsWith('127.0.1.'))) {
      assert.ok(peer.uploaded < 16 * 1_048_576, `${peer.uploaded} bytes for one that reads nothing`);
    }
  });

  test('while a thousand connections come from one address', TEST, async (t) => {
    const scene = await seeding(t);
    const flood = await Promise.all(Array.from({ length: 1000 }, () => Stranger.dial(scene.port, FLOODER)));
    // Where the queue of the port overflows the system knows nothing of some: they only hear so when they speak.
    for (const each of flood) each.raw(Buffer.of(19));
    await scene.honest();
    await until(
      async () => flood.filter((each) => !each.closed).length,
      (open) => open <= 16,
      'the end of most of them',
    );
    await scene.end();
  });

  test('while a thousand connections come from everywhere and say a byte now and then', TEST, async (t) => {
    const scene = await seeding(t);
    const dial = (i: number): Promise<Stranger> => Stranger.dial(scene.port, `127.${1 + (i >> 8)}.0.${1 + (i & 127)}`);
    const flood = await Promise.all(Array.from({ length: 1000 }, (_, i) => dial(i)));
    let at = 0;
    const handshake = Buffer.from('\x13BitTorrent protocol', 'latin1');
    const drip = setInterval(() => {
      for (const each of flood) each.raw(handshake.subarray(at, at + 1));
      at = Math.min(at + 1, 18);
    }, 500);
    t.after(() => clearInterval(drip));
    await scene.honest();
    await scene.end();
    await until(
      async () => flood.filter((each) => !each.closed).length,
      (open) => open === 0,
      'the end of all of them',
    );
  });

  test('while one asks for the metadata again and again', TEST, async (t) => {
    const scene = await seeding(t);
    const flooder = (await Stranger.dial(scene.port, FLOODER)).shake(scene.place.metainfo);
    await flooder.introduce('d1:md11:ut_metadatai1eee');
    await scene.honest();
    let served = 0;
    flooder.onMessage = (_id, payload) => {
      if (payload.toString('latin1').includes('8:msg_typei1e')) served++;
    };
    for (let i = 0; i < 3000; i++) flooder.extended('ut_metadata', 'd8:msg_typei0e5:piecei0ee');
    await scene.end();
    assert.ok(served > 0 && served <= 10, `it was given ${served} times`);
  });
});
