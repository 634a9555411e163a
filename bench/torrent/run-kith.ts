// Runs one torrent with kith's engine. Argument: the start as JSON. Standard input: {"id": n} asks how far it is.
import { createInterface } from 'node:readline';
import { Engine } from '@kith/share';

const start = JSON.parse(process.argv[2] ?? '');
const engine = await Engine.start({ folder: start.state, host: ['127.0.0.1'], port: start.port });
const share = await engine.add(start.torrent, {
  content: start.content,
  seed: start.seed,
  peers: (start.peers ?? []).map(({ ip, port }: { ip: string; port: number }) => `${ip}:${port}`),
});
process.stdout.write(`{"listening":${engine.port}}\n`);

const input = createInterface({ input: process.stdin });
input.on('line', (line) => {
  const { id } = JSON.parse(line);
  const { progress, uploaded, state } = share.snapshot();
  const told = state === 'seeding' ? 1 : Math.min(progress, 0.999999);
  process.stdout.write(`${JSON.stringify({ id, progress: told, uploaded })}\n`);
});
input.on('close', () => void engine.close().then(() => process.exit(0)));
