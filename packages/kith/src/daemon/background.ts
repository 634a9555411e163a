/** The daemon as a process: signals, last words, and the line to the `kith up` that started it in the background. */
import type { ErrorBody, StatusReport } from '../api/types.ts';

/** Set for a daemon that was started by `kith up` and reports to it. */
export const BACKGROUND_ENV = 'KITH_BACKGROUND';

/** The one message from a background daemon to the `kith up` that waits for it. */
export type BackgroundMessage = { readonly report: StatusReport } | ErrorBody;

async function tell(message: BackgroundMessage): Promise<void> {
  await new Promise<void>((resolve) => {
    if (process.send === undefined) return resolve();
    // The one who waits may be gone already; that is no reason to fail.
    process.send(message, undefined, undefined, () => resolve());
  });
  if (process.connected) process.disconnect();
}

/**
 * Runs the daemon in this process until it is told to stop.
 * @param output where a daemon in the foreground says that it is ready
 * @throws KithError what kept it from starting; in the background it has been reported then
 */
export async function runHere(folder: string, tun: boolean, output: { progress(line: string): void }): Promise<void> {
  const inBackground = process.env[BACKGROUND_ENV] === '1';
  delete process.env[BACKGROUND_ENV];
  // A reader of its output that goes away ends a command, but no network.
  process.stdout.removeAllListeners('error').on('error', () => undefined);
  const { Daemon } = await import('./daemon.ts');
  const { fileSink, stderrSink } = await import('./log.ts');
  const { fileIn } = await import('../state/paths.ts');
  try {
    const sink = inBackground ? fileSink(fileIn(folder, 'log')) : stderrSink();
    const daemon = await Daemon.start({ folder, tun, sink });
    const stop = () => daemon.stop();
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
    // The terminal of a background daemon is long gone; a hang-up of it is no wish of anybody.
    process.on('SIGHUP', inBackground ? () => undefined : stop);
    process.on('uncaughtException', (error) => daemon.crash(error));
    process.on('unhandledRejection', (error) => daemon.crash(error));
    const report = daemon.status();
    if (inBackground) await tell({ report });
    else output.progress(`up: ${report.label}, process ${report.pid}`);
    await daemon.ended;
  } catch (error) {
    if (inBackground) {
      const { errorBody } = await import('../api/server.ts');
      await tell(errorBody(error));
    }
    throw error;
  }
}
