/**
 * The keeper: one process per host that holds the gateway's daemons, bans, traffic, map and figures, and that takes back
 * what nobody confirmed. It may be killed at any moment; the next one takes over where it was.
 */
import { mkdirSync } from 'node:fs';
import { Supervisor } from '@kith/host';
import { serveSocket } from '../api/socket.ts';
import type { Serving } from '../daemon/background.ts';
import { Lifetime } from '../daemon/lifetime.ts';
import type { LogSink } from '../daemon/log.ts';
import { takeLock } from '../state/lock.ts';
import { makeRunFolder } from './connect.ts';
import { type GatewayFolders, keeperFiles } from './folders.ts';
import { Guard } from './guard.ts';
import type { KeeperReport } from './reports.ts';
import { keeperApp } from './server.ts';
import { Works } from './works.ts';

export interface KeeperOptions {
  readonly folders: GatewayFolders;
  readonly sink: LogSink;
  /** Does not bring back what was in force when the machine went down. */
  readonly idle: boolean;
}

/** @throws KithError ALREADY_RUNNING and why else it cannot run; nothing is left open then */
export async function startKeeper({ folders, sink, idle }: KeeperOptions): Promise<Serving> {
  makeRunFolder(folders);
  const files = keeperFiles(folders);
  const lock = takeLock(folders.run, 'gateway');
  return Lifetime.begin(sink, async (life) => {
    life.holds(() => lock.release());
    const note = life.note.bind(life);
    mkdirSync(files.records, { recursive: true, mode: 0o700 });
    const supervisor = await Supervisor.open({
      ...{ folder: files.records, logs: files.daemonLogs, tell: (text) => note('info', 'daemon', text) },
    });
    life.holds(() => supervisor.close());
    const guard: Guard = new Guard({ folders, daemons: supervisor, note, changed: () => works.follow() });
    const works = new Works({ folders, note, daemons: supervisor, mend: () => guard.restore() });
    life.holds(() => works.close());
    life.holds(() => guard.close());

    const app = keeperApp({ supervisor, works, log: life.log, stop: () => life.end() });
    const api = await serveSocket(app, files.socket);
    life.holds(() => api.close());
    await guard.start(!idle);
    await works.follow();
    const report: KeeperReport = { pid: process.pid };
    note('info', 'start', `process ${process.pid} keeps the gateway in ${folders.state}`);
    return { report, greeting: `keeping the gateway: process ${report.pid}` };
  });
}
