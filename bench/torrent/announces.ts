/** Trackers under load: how many announces a second over each protocol, and what a peer on a WebSocket costs. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort, residentOf, spawnTied, usageOf } from '@kith/lab/torrent';
import { http, swarmsInHex, udp, webSocket, webSocketPeers } from './load.ts';

/** What a browser that looks for peers puts into an announce. */
const OFFERS = 5;
const WEB_SOCKET_PEERS = 5000;

export interface Tracker {
  readonly name: string;
  readonly webSocket: boolean;
  argv(port: number, folder: string): string[];
}

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));

export const TRACKERS: readonly Tracker[] = [
  {
    name: 'kith',
    webSocket: true,
    argv: (port) => [process.execPath, '--conditions=source', here('run-kith-tracker.ts'), String(port)],
  },
  {
    name: 'opentracker',
    webSocket: false,
    argv: (port, folder) => {
      // Debian builds it for known swarms only, and it shuts itself into its folder.
      writeFileSync(join(folder, 'known'), `${swarmsInHex().join('\n')}\n`, { mode: 0o644 });
      return ['opentracker', '-i', '127.0.0.1', '-p', `${port}`, '-P', `${port}`, '-d', folder, '-w', '/known'];
    },
  },
  {
    name: 'bittorrent-tracker',
    webSocket: true,
    argv: (port) => [process.execPath, here('run-bittorrent-tracker.mjs'), String(port)],
  },
];

/**
 * The CPU of an announce is that of the tracker's process, from the load's first connection on.
 *
 * @param duration of each load, ms
 */
export async function announces(tracker: Tracker, folder: string, duration: number): Promise<Record<string, number>> {
  const place = mkdtempSync(join(folder, 'tracker-'));
  const found: Record<string, number> = {};
  const visit = async (measure: string, look: (port: number, pid: number) => Promise<number>) => {
    const port = await freePort();
    const server = await spawnTied(tracker.name, tracker.argv(port, place));
    try {
      await answering(port);
      found[measure] = await look(port, server.pid);
    } finally {
      await server.kill();
    }
  };
  const load = (measure: string, make: (port: number) => Promise<number>) =>
    visit(measure, async (port, pid) => {
      const before = usageOf(pid).cpuSeconds;
      const answers = await make(port);
      found[`${measure}Cpu`] = ((usageOf(pid).cpuSeconds - before) * 1e6) / answers;
      return (answers * 1000) / duration;
    });
  try {
    await load('udp', (port) => udp(port, duration));
    await load('http', (port) => http(port, duration));
    if (!tracker.webSocket) return found;
    await load('ws', (port) => webSocket(port, duration, 0));
    await load('wsOffers', (port) => webSocket(port, duration, OFFERS));
    await visit('wsMemory', async (port, pid) => {
      const before = residentOf(pid);
      const sockets = await webSocketPeers(port, WEB_SOCKET_PEERS);
      await sleep(3000);
      const grown = residentOf(pid) - before;
      for (const socket of sockets) socket.destroy();
      return grown / sockets.length;
    });
    return found;
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

async function answering(port: number): Promise<void> {
  for (const end = performance.now() + 10_000; ;) {
    const there = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(1000) }).then(
      () => true,
      () => false,
    );
    if (there) return;
    if (performance.now() > end) throw new Error(`nobody answers on port ${port}`);
    await sleep(20);
  }
}
