/** Runs inside a namespace that has 10.99.0.1: kith's nodes there and Transmission meet. Argument: a folder. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toHex } from '@kith/core';
import { freePort, transmission } from '@kith/lab/torrent';
import { createTorrent } from '@kith/share';
import { listener, neighbourhood } from './neighbourhood.ts';
import { until } from '../../until.ts';

const OURS = '10.99.0.1';
const [folder = ''] = process.argv.slice(2);
const content = mkdtempSync(join(folder, 'content-'));
writeFileSync(join(content, 'file'), randomBytes(40_000));
const { torrent, metainfo } = await createTorrent(join(content, 'file'), { version: 'v1' });
const file = join(folder, 'file.torrent');
writeFileSync(file, torrent);
const infoHash = metainfo.infoHash ?? new Uint8Array(20);

// It asks nobody before it knows more than four nodes.
const kith = await neighbourhood(OURS, 12);
const port = await freePort();
const client = await transmission.start({
  ...{ torrent: { file }, content, state: mkdtempSync(join(folder, 'transmission-')), port, seed: true },
  encryption: 'off',
  dht: kith.services.map((service) => ({ ip: OURS, port: service.port })),
});
const counts = () => JSON.stringify(kith.services.map(({ nodes }) => nodes[0]?.counts));
const { port: here, asked, close } = await listener(OURS);
kith.services[3]?.track({ infoHash, port: undefined, urgent: true });
await until(
  () => kith.found.some((found) => found.startsWith(toHex(infoHash)) && found.endsWith(` ${port}`)),
  counts,
  120_000,
);
console.log('kith found transmission');
await client.kill();

// Somebody else's torrent now: it has to look for it.
const other = randomBytes(20);
kith.services[4]?.track({ infoHash: other, port: here, urgent: false });
await until(() => kith.events.some((event) => event.kind === 'searched' && event.stored > 0), counts, 20_000);
const leech = await transmission.start({
  ...{ torrent: { magnet: `magnet:?xt=urn:btih:${toHex(other)}` }, content: mkdtempSync(join(folder, 'into-')) },
  ...{ state: mkdtempSync(join(folder, 'transmission-')), port: await freePort(), seed: false, encryption: 'off' },
  dht: kith.services.map((service) => ({ ip: OURS, port: service.port })),
});
await until(() => asked.includes(toHex(other)), counts, 120_000);
console.log('transmission found kith');
await leech.kill();
await close();
await kith.close();
