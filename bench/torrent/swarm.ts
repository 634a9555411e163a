/** One seed and eight leeches that all know each other: how long until everybody has everything, and who paid for it. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, type RunningClient, type TorrentClient } from '@kith/lab/torrent';
import type { Content } from './content.ts';

const LEECHES = 8;
const WITHIN = 240_000;

export async function swarm(client: TorrentClient, content: Content, folder: string): Promise<Record<string, number>> {
  const place = mkdtempSync(join(folder, 'swarm-'));
  const running: RunningClient[] = [];
  try {
    const ports: number[] = [];
    const enter = async (name: string, seed: boolean): Promise<RunningClient> => {
      const port = await freePort();
      const [state, target] = [join(place, `${name}-state`), join(place, name)];
      mkdirSync(state);
      mkdirSync(target);
      const started = await client.start({
        torrent: { file: content.torrent },
        content: seed ? content.folder : target,
        state,
        port,
        seed,
        // Everybody connects to those that were there before.
        peers: ports.map((known) => ({ ip: '127.0.0.1', port: known })),
      });
      ports.push(port);
      running.push(started);
      return started;
    };
    // The seed comes last: until it is there nobody has anything, and then all begin at once.
    const leeches: RunningClient[] = [];
    for (let i = 0; i < LEECHES; i++) leeches.push(await enter(`leech${i}`, false));
    const begun = performance.now();
    const seed = await enter('seed', true);
    await Promise.all(leeches.map((leech) => leech.finished(WITHIN)));
    const seconds = (performance.now() - begun) / 1000;
    return { wall: seconds, seedSent: (await seed.uploaded()) / content.bytes };
  } finally {
    for (const each of running) await each.kill();
    rmSync(place, { recursive: true, force: true });
  }
}
