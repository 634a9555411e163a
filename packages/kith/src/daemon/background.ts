/** A process of kith: signals, last words, and the line to the one that started it in the background. */
import type { ErrorBody, StatusReport } from '@kith/api';
import type { LogSink } from './log.ts';

/** Set for a process that was started in the background and reports to the one who waits for it. */
export const BACKGROUND_ENV = 'KITH_BACKGROUND';

/** The one message from a process in the background to the one who waits for it. */
export type BackgroundMessage = { readonly report: unknown } | ErrorBody;

/** What serves until it is told to stop. */
export interface Serving {
  /** Resolves once everything is closed; rejects with what broke while it ran. */
  readonly ended: Promise<void>;
  /** For the one who waits for it. */
  readonly report: unknown;
  /** For a person who started it in the foreground. */
  readonly greeting: string;
  stop(): void;
  crash(error: unknown): void;
}

async function tell(message: BackgroundMessage): Promise<void> {
  await new Promise<void>((resolve) => {
    if (process.send === undefined) return resolve();
    // The one who waits may be gone already; that is no reason to fail.
    process.send(message, undefined, undefined, () => resolve());
  });
  if (process.connected) process.disconnect();
}

/**
 * Runs what `start` starts in this process until it is told to stop.
 * @param log where lines go in the background; in the foreground they go to standard error
 * @param output where a process in the foreground says that it is ready
 * @throws KithError what kept it from starting; in the background it has been reported then
 */
export async function serveHere(
  start: (sink: LogSink) => Promise<Serving>,
  log: string,
  output: { progress(line: string): void },
): Promise<void> {
  const inBackground = process.env[BACKGROUND_ENV] === '1';
  delete process.env[BACKGROUND_ENV];
  // A reader of its output that goes away ends a command, but no network.
  process.stdout.removeAllListeners('error').on('error', () => undefined);
  const { fileSink, stderrSink } = await import('./log.ts');
  try {
    const serving = await start(inBackground ? fileSink(log) : stderrSink());
    const stop = () => serving.stop();
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
    // The terminal of a background process is long gone; a hang-up of it is no wish of anybody.
    process.on('SIGHUP', inBackground ? () => undefined : stop);
    process.on('uncaughtException', (error) => serving.crash(error));
    process.on('unhandledRejection', (error) => serving.crash(error));
    if (inBackground) await tell({ report: serving.report });
    else output.progress(serving.greeting);
    await serving.ended;
  } catch (error) {
    if (inBackground) {
      const { errorBody } = await import('../api/socket.ts');
      await tell(errorBody(error));
    }
    throw error;
  }
}

/** Runs the daemon of a network in this process until it is told to stop. @throws KithError what kept it from starting */
export async function runHere(folder: string, tun: boolean, output: { progress(line: string): void }): Promise<void> {
  const { Daemon } = await import('./daemon.ts');
  const { fileIn } = await import('../state/paths.ts');
  const start = async (sink: LogSink): Promise<Serving> => {
    const daemon = await Daemon.start({ folder, tun, sink });
    const report: StatusReport = daemon.status();
    return {
      ...{ ended: daemon.ended, report, greeting: `up: ${report.label}, process ${report.pid}` },
      stop: () => daemon.stop(),
      crash: (error) => daemon.crash(error),
    };
  };
  await serveHere(start, fileIn(folder, 'log'), output);
}
