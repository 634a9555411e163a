/**
 * The keeper: one process per host that holds the gateway's daemons, bans, traffic, map and figures, and that takes back
 * what nobody confirmed. It may be killed at any moment; the next one takes over where it was.
 */
import { mkdirSync } from 'node:fs';
import { Supervisor } from '@kith/host';
import { serveSocket } from '../api/socket.ts';
import type { Serving } from '../daemon/background.ts';
import { LogBook, type LogSink } from '../daemon/log.ts';
import { takeLock } from '../state/lock.ts';
import { makeRunFolder } from './connect.ts';
import { type GatewayFolders, keeperFiles } from './folders.ts';
import { Guard } from './guard.ts';
import type { KeeperReport } from './reports.ts';
import { keeperApp } from './server.ts';
import { Works } from './works.ts';

/** ms between the answer to `stop` and the end. */
const FAREWELL = 50;

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
  const closers: (() => void | Promise<void>)[] = [() => lock.release()];
  const log = new LogBook('info', sink);
  const note = (level: 'info' | 'warn' | 'error', kind: string, text: string): void =>
    log.write({ level, kind, member: null, text });
  const close = async (): Promise<void> => {
    for (const each of closers.splice(0).toReversed()) {
      try {
        await each();
      } catch (error) {
        note('warn', 'stop', String(error));
      }
    }
  };
  try {
    mkdirSync(files.records, { recursive: true, mode: 0o700 });
    const supervisor = await Supervisor.open({
      ...{ folder: files.records, logs: files.daemonLogs, tell: (text) => note('info', 'daemon', text) },
    });
    closers.push(() => supervisor.close());
    const guard: Guard = new Guard({ folders, daemons: supervisor, note, changed: () => works.follow() });
    const works = new Works({ folders, note, daemons: supervisor, mend: () => guard.restore() });
    closers.push(() => works.close());
    closers.push(() => guard.close());

    let settle: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | undefined;
    const ended = new Promise<void>((resolve, reject) => (settle = { resolve, reject }));
    let finishing = false;
    const finish = (failure: { readonly error: unknown } | null): void => {
      if (finishing) return;
      finishing = true;
      setTimeout(() => {
        void close().then(() => (failure === null ? settle?.resolve() : settle?.reject(failure.error)));
      }, FAREWELL);
    };
    const app = keeperApp({ supervisor, works, log, stop: () => finish(null) });
    const api = await serveSocket(app, files.socket);
    closers.push(() => api.close());
    await guard.start(!idle);
    await works.follow();
    const report: KeeperReport = { pid: process.pid };
    note('info', 'start', `process ${process.pid} keeps the gateway in ${folders.state}`);
    return {
      ended,
      report,
      greeting: `keeping the gateway: process ${report.pid}`,
      stop: () => finish(null),
      crash: (error) => {
        note('error', 'crash', error instanceof Error ? (error.stack ?? error.message) : String(error));
        finish({ error });
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}
