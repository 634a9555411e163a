/** Everybody who takes part: kith and the programs of the lab, behind the lab's contract. */
import { fileURLToPath } from 'node:url';
import { aria2, libtorrent, startScripted, transmission, webtorrent, type TorrentClient } from '@kith/lab/torrent';

const SCRIPT = fileURLToPath(new URL('run-kith.ts', import.meta.url));

const kith: TorrentClient = {
  name: 'kith',
  dials: true,
  missing: () => null,
  version: () => 'this one',
  start: (start) => startScripted('kith', [process.execPath, '--conditions=source', SCRIPT], start),
};

export const CLIENTS: readonly TorrentClient[] = [kith, libtorrent, transmission, aria2, webtorrent];
