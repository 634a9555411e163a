/** `kith tracker`: a tracker of its own, in the foreground until Ctrl-C. */
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { fromHex, KithError } from '@kith/core';
import { TrackerServer } from '@kith/share';
import { giveUpRights } from '../../share/rights.ts';
import type { Context } from '../context.ts';
import { parseDuration, parseWhole, type Result } from '../output.ts';

export interface TrackerOptions {
  readonly port: string;
  readonly host: string | undefined;
  readonly http: boolean;
  readonly udp: boolean;
  readonly websocket: boolean;
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly stats: string;
  readonly proxies: readonly string[];
  readonly interval: string | undefined;
}

export async function tracker(context: Context, options: TrackerOptions): Promise<Result> {
  const { host, http, udp, websocket, stats, proxies } = options;
  if (stats !== 'local' && stats !== 'everyone' && stats !== 'nobody') {
    throw new KithError(
      'USAGE',
      `--stats ${JSON.stringify(stats)} is not allowed: it must be local, everyone or nobody`,
    );
  }
  if (!http && !udp && !websocket) throw new KithError('USAGE', 'a tracker needs one of HTTP, UDP and WebSockets');
  const interval = options.interval === undefined ? null : parseDuration(options.interval, '--interval');
  // A tracker has few young objects at a time: their space need not grow to what it holds of garbage.
  setFlagsFromString('--semi-space-growth-factor=1');
  const server = new TrackerServer({
    ...{ port: parseWhole(options.port, 0, 65_535, '--port'), http, udp, websocket, stats, trustedProxies: proxies },
    ...(host === undefined ? {} : { host }),
    ...(options.allow.length === 0 ? {} : { allow: options.allow.flatMap((text) => hashesOf(text, '--allow')) }),
    ...(options.deny.length === 0 ? {} : { deny: options.deny.flatMap((text) => hashesOf(text, '--deny')) }),
    ...(interval === null ? {} : { interval: Math.max(1, Math.round(interval / 1000)) }),
  });
  const port = await server.listen();
  // A port below 1024 may have needed them.
  giveUpRights();
  const at = host === undefined ? 'HOST' : host.includes(':') ? `[${host}]` : host;
  const urls = [
    ...(http ? [`http://${at}:${port}/announce`] : []),
    ...(udp ? [`udp://${at}:${port}`] : []),
    ...(websocket ? [`ws://${at}:${port}`] : []),
  ];
  if (context.json) process.stdout.write(`${JSON.stringify({ port, urls })}\n`);
  else context.progress(urls.join('\n'));
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  const { swarms, completed } = server.stats();
  await server.close();
  return { json: { ended: true, swarms, completed }, text: '' };
}

/** An info-hash, or a file of them; of v2 the first 20 bytes count. */
function hashesOf(text: string, option: string): Uint8Array[] {
  if (isHash(text)) return [fromHex(text.slice(0, 40).toLowerCase())];
  let lines: string[];
  try {
    lines = readFileSync(text, 'utf8').split('\n');
  } catch (cause) {
    throw new KithError(
      'USAGE',
      `${option} ${JSON.stringify(text)} is neither an info-hash nor a file that can be read`,
      { cause },
    );
  }
  return lines.flatMap((line, i) => {
    const word = line.replace(/#.*/, '').trim();
    if (word === '') return [];
    if (!isHash(word))
      throw new KithError('USAGE', `${text}:${i + 1}: ${JSON.stringify(word.slice(0, 80))} is no info-hash`);
    return [fromHex(word.slice(0, 40).toLowerCase())];
  });
}

function isHash(text: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(text);
}
