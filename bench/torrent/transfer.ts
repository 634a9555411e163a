/** One seed, one leech, loopback TCP: how fast, and what it costs either side. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, type RunningClient, type TorrentClient, type Usage } from '@kith/lab/torrent';
import type { Content } from './content.ts';
import type { TransferMeasure } from './measures.ts';

/** ms until the first block has to have come. */
const FIRST_WITHIN = 60_000;
/** ms after the first block at which a transfer is ended: what came until then gives its rate. */
const LONGEST = 45_000;
/** ms between two looks at the leech while nothing has come yet. */
const LOOK = 5;

export interface Pair {
  readonly seed: TorrentClient;
  readonly leech: TorrentClient;
}

export function nameOf({ seed, leech }: Pair): string {
  return `${seed.name}>${leech.name}`;
}

/**
 * The clock runs from the first block that the leech has to the last: how long the two need to find each other and to
 * unchoke is a matter of their timers, not of their speed. CPU is counted from the same moment for both.
 *
 * @param note told that a slow pair was not waited for
 */
export async function transfer(
  pair: Pair,
  content: Content,
  folder: string,
  note: (what: string) => void,
): Promise<Record<TransferMeasure, number>> {
  const place = mkdtempSync(join(folder, 'transfer-'));
  const running: RunningClient[] = [];
  const start = async (role: 'seed' | 'leech', peer: number | null): Promise<number> => {
    const port = await freePort();
    const [state, target] = [join(place, `${role}-state`), join(place, role)];
    mkdirSync(state);
    mkdirSync(target);
    running.push(
      await pair[role].start({
        torrent: { file: content.torrent },
        content: role === 'seed' ? content.folder : target,
        state,
        port,
        seed: role === 'seed',
        ...(peer === null ? {} : { peers: [{ ip: '127.0.0.1', port: peer }] }),
      }),
    );
    return port;
  };
  try {
    // Whoever can be told addresses comes second and connects.
    if (pair.leech.dials) await start('leech', await start('seed', null));
    else await start('seed', await start('leech', null));
    const [first, second] = running;
    if (first === undefined || second === undefined) throw new Error('a client did not start');
    const [seed, leech] = pair.leech.dials ? [first, second] : [second, first];
    return await measure(seed, leech, content, note);
  } finally {
    for (const client of running) await client.kill();
    rmSync(place, { recursive: true, force: true });
  }
}

async function measure(
  seed: RunningClient,
  leech: RunningClient,
  content: Content,
  note: (what: string) => void,
): Promise<Record<TransferMeasure, number>> {
  const deadline = performance.now() + FIRST_WITHIN;
  let already = 0;
  while ((already = await leech.progress()) === 0) {
    if (performance.now() > deadline) throw new Error(`nothing came within ${FIRST_WITHIN / 1000} s`);
    await sleep(LOOK);
  }
  const begun = performance.now();
  const before = [seed.usage(), leech.usage()] as const;
  const came = await wholeOrPart(leech);
  const seconds = (performance.now() - begun) / 1000;
  const bytes = content.bytes * (came - already);
  if (came < 1) note(`ended after ${LONGEST / 1000} s with ${(came * 100).toFixed(0)} % of the content`);
  if (already > 0.5) throw new Error(`over before it could be measured: ${already} of it had come at the first look`);
  const perGiB = (now: Usage, then: Usage) => (now.cpuSeconds - then.cpuSeconds) / (bytes / 2 ** 30);
  const after = [seed.usage(), leech.usage()] as const;
  return {
    wall: bytes / 1e6 / seconds,
    seedCpu: perGiB(after[0], before[0]),
    leechCpu: perGiB(after[1], before[1]),
    rss: after[1].peakRss / 1e6,
    seedRss: after[0].peakRss / 1e6,
  };
}

/** Returns how much of the content the leech has when it has all of it, or when it had time enough. */
async function wholeOrPart(leech: RunningClient): Promise<number> {
  try {
    await leech.finished(LONGEST);
    return 1;
  } catch (error) {
    const part = await leech.progress();
    // Less than this says nothing about a rate.
    if (part < 0.05) throw error;
    return part;
  }
}
