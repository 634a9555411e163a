/** `kith get`: loads in the background, and shows how far it is until it is whole. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { KithError } from '@kith/core';
import type { ShareClient } from '../../share/client.ts';
import { connect, isCode } from '../../share/connect.ts';
import type { ShareDetails, ShareReport } from '@kith/api';
import type { GetRequest } from '../../share/requests.ts';
import { Bar } from '../bar.ts';
import type { Context } from '../context.ts';
import { bytes, duration, plain, type Result } from '../output.ts';

export interface SourceOptions {
  readonly output: string | undefined;
  readonly select: readonly string[];
  readonly peers: readonly string[];
  readonly trackers: readonly string[];
  readonly public: boolean;
  readonly sequential: boolean;
  readonly overwrite: boolean;
}

export interface GetOptions extends SourceOptions {
  readonly noSeed: boolean;
  readonly detach: boolean;
}

/** ms between two looks at how far it is. */
const LOOK_EVERY = 250;
/** Of a command that was ended by Ctrl-C: 128 and the number of the signal. */
const INTERRUPTED = 130;

export function requestOf(source: string, options: SourceOptions, noSeed: boolean): GetRequest {
  const { select, peers, trackers, sequential, overwrite } = options;
  const rest = { select, peers, trackers, sequential, noSeed, overwrite, public: options.public };
  const folder = resolve(options.output ?? '.');
  if (/^magnet:/i.test(source)) return { source, kind: 'magnet', folder, ...rest };
  if (/^https?:\/\//i.test(source)) return { source, kind: 'url', folder, ...rest };
  if (/^[0-9a-f]{40}$/i.test(source) && !existsSync(source)) {
    return { source: `magnet:?xt=urn:btih:${source}`, kind: 'magnet', folder, ...rest };
  }
  return { source: resolve(source), kind: 'file', folder, ...rest };
}

export async function get(context: Context, source: string, options: GetOptions): Promise<Result> {
  const client = await connect();
  const started = await client.get(requestOf(source, options, options.noSeed));
  if (options.detach) {
    return {
      json: started,
      text: `${plain(started.name)} is being loaded: see \`kith shares ${started.id.slice(0, 8)}\``,
    };
  }
  const interrupt = new AbortController();
  const stop = (): void => interrupt.abort();
  process.once('SIGINT', stop);
  const bar = new Bar(context.json);
  try {
    const report = await waitFor(client, started, bar, interrupt.signal);
    bar.end();
    if (report === undefined) {
      const id = started.id.slice(0, 8);
      return {
        json: { ...started, waiting: false },
        text: `${plain(started.name)} goes on in the background: \`kith shares ${id}\` shows it, \`kith share rm ${id}\` ends it`,
        exit: INTERRUPTED,
      };
    }
    return { json: report, text: `${plain(report.path ?? report.name)}  ${bytes(report.wanted)}` };
  } finally {
    bar.end();
    process.off('SIGINT', stop);
  }
}

/** Until it is whole; undefined where it was interrupted. @throws KithError what stopped it */
async function waitFor(
  first: ShareClient,
  { id }: ShareReport,
  bar: Bar,
  signal: AbortSignal,
): Promise<ShareReport | undefined> {
  let client = first;
  for (;;) {
    let report: ShareDetails;
    try {
      report = await client.details(id);
    } catch (error) {
      // It crashed, or somebody ended it: it is started again, and goes on.
      if (!isCode(error, 'NOT_RUNNING', 'DAEMON_UNREACHABLE')) throw error;
      client = await connect();
      continue;
    }
    if (report.error !== undefined) throw new KithError(report.error.code, report.error.message);
    const whole =
      report.state === 'seeding' ||
      (report.path !== undefined && report.progress === 1 && report.checked === undefined);
    if (whole && report.state !== 'checking') return report;
    if (report.state === 'paused') throw new KithError('SHARE_STOPPED', `${report.name} was paused`);
    bar.show(plain(report.name).slice(0, 40), fractionOf(report), words(report));
    await delay(LOOK_EVERY, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return undefined;
  }
}

function fractionOf(report: ShareReport): number | undefined {
  if (report.checked !== undefined) return report.checked;
  return report.path === undefined ? undefined : report.progress;
}

function words(report: ShareReport): string {
  const { peers, downRate, eta, done, wanted } = report;
  const from = `${peers} ${peers === 1 ? 'peer' : 'peers'}`;
  if (report.path === undefined) return `asking what is in it, ${from}`;
  if (report.checked !== undefined || report.state === 'checking') return 'checking what is there';
  const left = eta === undefined ? '' : `, ${duration(eta * 1000)} left`;
  return `${bytes(done)} of ${bytes(wanted)}  ${bytes(downRate)}/s from ${from}${left}`;
}
