import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aria2, libtorrent, transmission, webtorrent } from '@kith/lab/torrent';
import { TrackerServer } from '@kith/share';
import { kith } from './kith.ts';
import { DEADLINE, lacking, Place, TEST, until } from './place.ts';

/**
 * Who has the content, who wants it, and how they ask. Transmission takes no address of loopback from a tracker, so it is
 * always the one that is found; aria2 asks over UDP only with its DHT on.
 */
const PAIRS = [
  [transmission, aria2, 'http'],
  [transmission, libtorrent, 'udp'],
  [webtorrent, libtorrent, 'http'],
  [libtorrent, webtorrent, 'udp'],
  [aria2, webtorrent, 'http'],
  [kith, aria2, 'http'],
  [transmission, kith, 'udp'],
] as const;

/** Programs that know nothing of each other but the tracker, which is kith's. */
export function trackerTests(): void {
  for (const [seed, leech, scheme] of PAIRS) {
    const options = { skip: lacking(seed, leech), ...TEST };
    test(`kith's ${scheme} tracker brings ${seed.name} and ${leech.name} together`, options, async (t) => {
      const server = new TrackerServer({ host: '127.0.0.1' });
      const port = await server.listen();
      t.after(() => server.close());
      const place = await Place.make(t, { trackers: [[`${scheme}://127.0.0.1:${port}/announce`]] });
      assert.equal(place.metainfo.trackers.length, 1);
      await place.seed(seed, await place.port());
      // Whoever asks first hears of nobody, and asks again after half an hour.
      await until(
        async () => (await fetch(`http://127.0.0.1:${port}/stats.json`)).text(),
        (stats) => /"ipv4": 1\b/.test(stats),
        `an announce of ${seed.name}`,
      );
      await (await place.leech(leech, await place.port())).finished(DEADLINE);
      place.assertWhole(`${leech.name} leech`);
    });
  }
}
