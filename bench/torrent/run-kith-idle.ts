// Adds the torrents of a folder to an engine and ends, or goes on with them. Arguments: add|resume, state, torrents, content.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Engine } from '@kith/share';

const [mode, folder = '', torrents = '', content = ''] = process.argv.slice(2);
const engine = await Engine.start({ folder, host: ['127.0.0.1'], limits: { activeSeeds: Number.POSITIVE_INFINITY } });
if (mode === 'add') {
  for (const file of readdirSync(torrents)) await engine.add({ file: join(torrents, file) }, { content, seed: true });
}
const seeding = () => engine.shares().filter((share) => share.snapshot().state === 'seeding').length;
const wanted = readdirSync(torrents).length;
while (seeding() < wanted) await new Promise((resolve) => setTimeout(resolve, 5));
process.stdout.write(`{"seeding":${seeding()}}\n`);
if (mode === 'add') {
  await engine.close();
  process.exit(0);
}
