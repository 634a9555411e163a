// Runs one torrent with kith's engine and WebRTC as the only way to peers. Arguments: the tracker's URL, the start as JSON.
import { createInterface } from 'node:readline';
import { Engine } from '@kith/share';

const [tracker = '', json = ''] = process.argv.slice(2);
const start = JSON.parse(json);
const engine = await Engine.start({ folder: start.state, host: ['127.0.0.1'], port: start.port });
const share = await engine.add(start.torrent, { content: start.content, seed: start.seed, trackers: [tracker] });
process.stdout.write(`{"listening":${engine.port}}\n`);

const input = createInterface({ input: process.stdin });
input.on('line', (line) => {
  const { id } = JSON.parse(line);
  const { progress, uploaded, state } = share.snapshot();
  const told = state === 'seeding' ? 1 : Math.min(progress, 0.999999);
  process.stdout.write(`${JSON.stringify({ id, progress: told, uploaded })}\n`);
});
input.on('close', () => void engine.close().then(() => process.exit(0)));
