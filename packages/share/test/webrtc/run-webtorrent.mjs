// Runs torrents with WebTorrent over WebRTC alone. Argument: {torrents, content, tracker} as JSON. Says "ready" when it has a
// torrent and "done" when its content is whole; ends with its standard input.
import { readFileSync } from 'node:fs';
import WebTorrent from '../../../../lab/torrent/npm/node_modules/webtorrent/index.js';

const { torrents, content, tracker } = JSON.parse(process.argv[2]);
const client = new WebTorrent({
  ...{ dht: false, lsd: false, natUpnp: false, natPmp: false, utp: false, utPex: false },
  tracker: { rtcConfig: { iceServers: [] } },
});
client.on('error', (error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
for (const torrent of torrents) {
  const added = client.add(readFileSync(torrent), { path: content, announce: [tracker] });
  added.on('ready', () => process.stdout.write('ready\n'));
  added.on('done', () => process.stdout.write('done\n'));
}
process.stdin.on('end', () => process.exit(0)).resume();
