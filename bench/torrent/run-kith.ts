// Runs one torrent with kith's engine. Argument: the start as JSON. Standard input: {"id": n} asks how far it is.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Disk, LOOPBACK_ONLY, nodeHashes, SwarmDriver } from '@kith/share';
import { Bits, parseTorrent } from '@kith/torrent';

const start = JSON.parse(process.argv[2] ?? '');
const metainfo = parseTorrent(readFileSync(start.torrent.file), nodeHashes);
const disk = new Disk();
const driver = await SwarmDriver.start({
  filter: LOOPBACK_ONLY,
  port: start.port,
  addresses: ['127.0.0.1'],
  session: { peerId: new Uint8Array([...Buffer.from('-KI0100-'), ...randomBytes(12)]) },
});
const store = disk.open(metainfo, { folder: start.content });
const torrent = driver.session.add(
  { metainfo, store, ...(start.seed ? { have: Bits.full(metainfo.pieceCount) } : {}) },
  performance.now(),
);
driver.session.addPeers(torrent, start.peers ?? [], 'user', performance.now());
process.stdout.write(`{"listening":${driver.port}}\n`);

const input = createInterface({ input: process.stdin });
input.on('line', (line) => {
  const { id } = JSON.parse(line);
  const { progress, uploaded, state } = torrent.snapshot();
  const told = state === 'seeding' ? 1 : Math.min(progress, 0.999999);
  process.stdout.write(`${JSON.stringify({ id, progress: told, uploaded })}\n`);
});
input.on('close', () => process.exit(0));
