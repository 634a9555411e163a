/** kith with real programs, each way. They mostly wait for their own timers, therefore many at a time; the slow ones first. */
import { describe } from 'node:test';
import { aria2, libtorrent, transmission, webtorrent } from '@kith/lab/torrent';
import { apartTests } from './swarm/apart.ts';
import { encryptionTests } from './swarm/encryption.ts';
import { magnetTests } from './swarm/magnet.ts';
import { pexTests } from './swarm/pex.ts';
import { resumeTests } from './swarm/resume.ts';
import { trackerTests } from './swarm/trackers.ts';
import { versionTests } from './swarm/versions.ts';
import { wholeTests } from './swarm/whole.ts';

const CLIENTS = [transmission, aria2, libtorrent, webtorrent];

describe('with real programs', { concurrency: 12 }, () => {
  for (const client of [transmission, aria2]) {
    resumeTests(client);
    magnetTests(client);
  }
  apartTests();
  pexTests(aria2, true);
  pexTests(libtorrent, true);
  // It hears of others and tells nobody.
  pexTests(webtorrent, false);
  trackerTests();
  for (const client of [libtorrent, webtorrent]) {
    resumeTests(client);
    magnetTests(client);
  }
  for (const client of CLIENTS) {
    encryptionTests(client);
    wholeTests(client);
  }
  versionTests(libtorrent);
});
