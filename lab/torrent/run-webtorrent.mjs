// Runs one torrent with WebTorrent over plain TCP. Argument: the start as JSON. Standard input: {"id": n} asks how far.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import WebTorrent from './npm/node_modules/webtorrent/index.js';

const start = JSON.parse(process.argv[2]);
const client = new WebTorrent({
  dht: start.dht === undefined ? false : { bootstrap: start.dht.map(({ ip, port }) => `${ip}:${port}`) },
  tracker: { wrtc: false },
  lsd: false,
  natUpnp: false,
  natPmp: false,
  utp: false,
  utPex: start.pex === true,
  // 2: RC4 to the end, 1: plain where the other wants that.
  secure: start.encryption === 'required' ? 2 : 0,
  torrentPort: start.port,
});
client.on('error', (error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});

const source = 'file' in start.torrent ? readFileSync(start.torrent.file) : start.torrent.magnet;
const torrent = client.add(source, { path: start.content, skipVerify: start.seed, announce: [] });
torrent.on('infoHash', () => {
  for (const { ip, port } of start.peers ?? []) torrent.addPeer(`${ip}:${port}`);
});
const listening = () => process.stdout.write(`{"listening":${client.torrentPort}}\n`);
if (start.seed) torrent.on('done', listening);
else if (client.listening) listening();
else client.on('listening', listening);

const input = createInterface({ input: process.stdin });
input.on('line', (line) => {
  const { id } = JSON.parse(line);
  const progress = torrent.done ? 1 : Math.min(torrent.progress, 0.999999);
  process.stdout.write(`${JSON.stringify({ id, progress, uploaded: torrent.uploaded })}\n`);
});
input.on('close', () => process.exit(0));
