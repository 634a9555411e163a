/** WebTorrent 3 from npm, on the Node that runs this. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { TorrentClient } from './client.ts';
import { startScripted } from './scripted.ts';

const SCRIPT = fileURLToPath(new URL('run-webtorrent.mjs', import.meta.url));
const PACKAGE = new URL('npm/node_modules/webtorrent/package.json', import.meta.url);

export const webtorrent: TorrentClient = {
  name: 'webtorrent',
  dials: true,
  missing: () => (existsSync(PACKAGE) ? null : 'webtorrent: run `npm ci` in lab/torrent/npm'),
  version: () => {
    const found = /"version":\s*"([^"]+)"/.exec(readFileSync(PACKAGE, 'utf8'));
    return found?.[1] ?? 'unknown';
  },
  start: (start) => startScripted('webtorrent', [process.execPath, SCRIPT], start),
};
