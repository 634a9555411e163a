/**
 * Runs one torrent with kith's engine. Argument: a `KithStart` as JSON. Standard input: `{"id": n}` asks for a `Report`.
 * Started again with the same state it goes on, whatever ended it.
 */
import { createInterface } from 'node:readline';
import { Engine, type Share } from '@kith/share';
import type { KithStart, Report } from './kith.ts';

const start: KithStart = JSON.parse(process.argv[2] ?? '');
const begun = performance.now();
const partings: string[] = [];
let firstBlock: number | undefined;

const engine = await Engine.start({
  folder: start.state,
  port: start.port,
  host: start.addresses ?? ['127.0.0.1'],
  encryption: start.encryption ?? 'preferred',
  privacy: 'mesh',
  ...(start.allow === undefined ? {} : { allow: start.allow }),
  ...(start.limits === undefined ? {} : { limits: start.limits }),
  ...(start.disk === undefined ? {} : { disk: start.disk }),
});
engine.on('peer', ({ address, reason }) => {
  if (reason !== undefined) partings.push(reason);
  tell(reason === undefined ? 'peer' : 'parted', `${address.ip}:${address.port} ${reason ?? ''}`);
});
engine.on('state', ({ state }) => tell('state', state));
engine.on('error', ({ error }) => tell('error', error.message));
engine.on('piece', () => (firstBlock ??= performance.now() - begun));

const share = engine.shares()[0] ?? (await add());
await share.opened;
const resumed = share.torrent.have.count;
process.stdout.write(`{"listening":${engine.port}}\n`);

const input = createInterface({ input: process.stdin });
input.on('line', (line) => {
  const { id } = JSON.parse(line);
  process.stdout.write(`${JSON.stringify({ id, ...report() })}\n`);
});
input.on('close', () => process.exit(0));

async function add(): Promise<Share> {
  const peers = (start.peers ?? []).map(({ ip, port }) => `${ip}:${port}`);
  const { content, seed } = start;
  const added = await engine.add(start.torrent, { content, seed, peers });
  const { upLimit, downLimit } = start;
  added.setLimits({
    ...(upLimit === undefined ? {} : { up: upLimit }),
    ...(downLimit === undefined ? {} : { down: downLimit }),
  });
  return added;
}

/** On standard error: the last words of whoever fails a test. */
function tell(what: string, how: string): void {
  process.stderr.write(`${performance.now().toFixed(0)} ${what} ${how}\n`);
}

function report(): Report {
  const { progress, uploaded, downloaded, state, corrupt } = share.torrent.snapshot();
  const peers = share.peers().map((peer) => ({
    client: peer.client ?? '',
    ...{ ip: peer.address.ip, incoming: peer.incoming, encrypted: peer.encrypted },
    ...{ uploaded: peer.uploaded, downloaded: peer.downloaded },
  }));
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  return {
    progress: state === 'seeding' ? 1 : Math.min(progress, 0.999999),
    ...{ uploaded, downloaded, corrupt, state, resumed, partings, peers, candidates: share.torrent.book.size },
    memory: { heapUsed, external, arrayBuffers, rss },
    ...(firstBlock === undefined ? {} : { firstBlock }),
  };
}
