/** What peers say that is not so, while kith loads from an honest one beside them. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ID, Stranger } from './stranger.ts';
import { TEST, until } from '../interop/swarm/place.ts';
import { leeching } from './scene.ts';

const LIAR = '127.0.0.66';

describe('a download completes from the honest one', { concurrency: 4 }, () => {
  test('while one that delivers rubbish for everything is banned', TEST, async (t) => {
    const scene = await leeching(t);
    await scene.honest();
    const liar = (await Stranger.dial(scene.port, LIAR)).pretend(scene.place.metainfo);
    liar.onRequest = (request) => liar.give(request, randomBytes(request.length));
    assert.ok(await liar.isDropped(30_000));
    assert.ok(liar.requests.length > 0);
    // On loopback, where honest peers have the same address, it is known by its id.
    const again = (await Stranger.dial(scene.port, LIAR)).shake(scene.place.metainfo, liar.id);
    assert.ok(await again.isDropped(2000), 'it stays out');
    assert.ok(!again.heard.includes(ID.interested));
    const other = (await Stranger.dial(scene.port, LIAR)).shake(scene.place.metainfo);
    await until(
      async () => other.heard.length,
      (heard) => heard > 0,
      'an answer to somebody else',
    );
    const { partings, corrupt } = await scene.end();
    assert.ok(partings.includes('sent wrong blocks'), partings.join());
    assert.ok(corrupt > 0);
  });

  test('while one that corrupts a block in a hundred is found and banned', TEST, async (t) => {
    const scene = await leeching(t);
    await scene.honest();
    const liar = (await Stranger.dial(scene.port, LIAR)).pretend(scene.place.metainfo);
    const { pieceLength } = scene.place.metainfo;
    let [given, spoiled] = [0, 0];
    liar.onRequest = (request) => {
      const at = request.piece * pieceLength + request.begin;
      const bytes = Uint8Array.from(scene.content.subarray(at, at + request.length));
      if (++given % 100 === 50) {
        spoiled++;
        bytes[1000] = (bytes[1000] ?? 0) ^ 1;
      }
      liar.give(request, bytes);
    };
    assert.ok(await liar.isDropped(60_000));
    assert.ok(spoiled > 0);
    const { partings, corrupt } = await scene.end();
    assert.ok(partings.includes('sent wrong blocks'), partings.join());
    // How much it gives until it is found is a matter of time; no more is thrown away than it spoiled.
    const pieces = `${corrupt / pieceLength} pieces were thrown away for ${spoiled} blocks`;
    assert.ok(corrupt > 0 && corrupt <= spoiled * pieceLength, pieces);
  });

  test('although five others have everything and never answer', TEST, async (t) => {
    const scene = await leeching(t);
    await scene.honest();
    const mute = await Promise.all(Array.from({ length: 5 }, (_, i) => Stranger.dial(scene.port, `127.0.0.${70 + i}`)));
    for (const each of mute) each.pretend(scene.place.metainfo);
    const { downloaded } = await scene.end();
    assert.ok(
      mute.every((each) => each.requests.length > 0),
      'they were asked',
    );
    assert.ok(downloaded < scene.content.length * 1.2, `${downloaded} bytes came`);
  });

  test('while rubbish comes before and behind handshakes', TEST, async (t) => {
    const scene = await leeching(t);
    await scene.honest();
    const rubbish: Stranger[] = [];
    for (let i = 0; i < 40; i++) {
      const each = await Stranger.dial(scene.port, `127.0.1.${i + 1}`);
      if (i % 2 === 1) each.shake(scene.place.metainfo);
      rubbish.push(each.raw(randomBytes(100_000)));
    }
    for (const each of rubbish) assert.ok(await each.isDropped(15_000));
    await scene.end();
  });

  test('while lengths of 4 GiB are announced', TEST, async (t) => {
    const scene = await leeching(t);
    await scene.honest();
    for (const id of [ID.piece, ID.bitfield, ID.extended, 99]) {
      const each = (await Stranger.dial(scene.port, `127.0.2.${id}`)).shake(scene.place.metainfo);
      each.raw(Uint8Array.from([0xff, 0xff, 0xff, 0xff, id]));
      assert.ok(await each.isDropped(2000), `message ${id} of 4 GiB`);
    }
    await scene.end();
  });

  test('while bitfields, dictionaries and PEX are as large as can be, and wrong', TEST, async (t) => {
    const scene = await leeching(t);
    await scene.honest();
    const { metainfo } = scene.place;
    const stranger = async (last: number): Promise<Stranger> =>
      (await Stranger.dial(scene.port, `127.0.3.${last}`)).shake(metainfo);
    const bitfields = (await stranger(1)).say(ID.bitfield, new Uint8Array(256 * 1024).fill(255));
    assert.ok(await bitfields.isDropped(5000), 'a bitfield for two million pieces');
    const longer = (await stranger(2)).say(ID.bitfield, new Uint8Array(4 * 1_048_576).fill(255));
    assert.ok(await longer.isDropped(5000), 'a bitfield of 4 MiB');
    const deep = (await stranger(3)).extended('handshake', 'l'.repeat(60_000));
    assert.ok(await deep.isDropped(5000), 'a dictionary of 60,000 lists');
    const wide = (await stranger(4)).extended('handshake', `d${'1:mi1e'.repeat(10_000)}e`);
    assert.ok(await wide.isDropped(5000), 'a dictionary with one key ten thousand times');
    const metadata = await stranger(5);
    await metadata.introduce('d1:md11:ut_metadatai1e6:ut_pexi2ee13:metadata_sizei4294967295ee');
    for (let i = 0; i < 2000; i++) metadata.extended('ut_metadata', 'd8:msg_typei0e5:piecei0ee');
    await scene.end();
  });

  test('while peers are named by the ten thousand', TEST, async (t) => {
    const scene = await leeching(t, { limits: { candidates: 500 } });
    await scene.honest();
    const floods = await Promise.all([1, 2, 3].map((i) => Stranger.dial(scene.port, `127.0.4.${i}`)));
    let told = 0;
    for (const each of floods) await each.shake(scene.place.metainfo).introduce('d1:md6:ut_pexi1eee');
    for (let round = 0; round < 400; round++) {
      for (const each of floods) {
        const peers = randomBytes(500 * 6);
        for (let at = 0; at < peers.length; at += 6) {
          peers.set([127, 1], at);
          peers.set([0, 9], at + 4);
        }
        told += 500;
        each.extended('ut_pex', `d5:added${peers.length}:${peers.toString('latin1')}e`);
      }
      // The strangers of other tests, whose time runs, are heard by this process too.
      await nextTurn();
    }
    assert.equal(told, 600_000);
    const { candidates } = await scene.end();
    assert.ok(candidates <= 500, `${candidates} were remembered`);
  });

  test('while the metadata of its link is said to be huge, and is wrong', TEST, async (t) => {
    const scene = await leeching(t, {}, true);
    const { metainfo } = scene.place;
    const liars = await Promise.all([1, 2, 3].map((i) => Stranger.dial(scene.port, `127.0.5.${i}`)));
    for (const [i, liar] of liars.entries()) {
      const size = [2 ** 32 - 1, 16 * 1_048_576, metainfo.info.length][i];
      liar.onMessage = (id, payload) => {
        const asked = /8:msg_typei0e5:piecei(\d+)e/.exec(payload.toString('latin1'));
        if (id !== ID.extended || asked === null) return;
        const length = i === 2 ? metainfo.info.length : 16_384;
        liar.extended('ut_metadata', `d8:msg_typei1e5:piecei${asked[1]}e10:total_sizei${size}ee${'x'.repeat(length)}`);
      };
      await liar.shake(metainfo).introduce(`d1:md11:ut_metadatai1ee13:metadata_sizei${size}ee`);
    }
    assert.ok(await liars[2]?.isDropped(10_000), 'wrong metadata of the right size');
    await scene.honest();
    const { partings } = await scene.end();
    assert.ok(partings.includes('sent wrong metadata'), partings.join());
  });
});
