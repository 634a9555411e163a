import { setTimeout as delay } from 'node:timers/promises';
import type { PingReport } from '@kith/api';
import { clientOf, type Context } from '../context.ts';
import { parseDuration, parseWhole, plain, type Result, rtt } from '../output.ts';

/** ms between two pings. */
const INTERVAL = 1_000;
/** Exit code where nothing came back: the one of the network's errors. */
const NO_ANSWER = 5;
/** Longest wait for one answer, in ms. */
const MOST_WAIT = 60_000;

function line(report: PingReport, timeout: number): string {
  const head = `${report.member.name} (${report.member.address})`;
  if (report.rttMs === null) return `${head}: no answer within ${timeout / 1000} s, ${plain(report.path.reason)}`;
  return `${head}: ${rtt(report.rttMs)}, ${plain(report.path.reason)}`;
}

export async function ping(
  context: Context,
  member: string,
  options: { readonly count: string; readonly timeout: string },
): Promise<Result> {
  const count = parseWhole(options.count, 1, 1_000_000, '--count');
  const timeout = Math.min(MOST_WAIT, parseDuration(options.timeout, '--timeout') ?? MOST_WAIT);
  const client = clientOf(context);
  const results: PingReport[] = [];
  for (let i = 0; i < count; i++) {
    const began = performance.now();
    const report = await client.ping({ member, timeout });
    results.push(report);
    context.progress(line(report, timeout));
    const rest = INTERVAL - (performance.now() - began);
    if (i + 1 < count && rest > 0) await delay(rest);
  }
  const times = results.flatMap((result) => (result.rttMs === null ? [] : [result.rttMs]));
  const answered = times.length;
  const spread =
    answered === 0
      ? ''
      : `, least ${rtt(Math.min(...times))}, mean ${rtt(times.reduce((a, b) => a + b, 0) / answered)}, most ${rtt(Math.max(...times))}`;
  return {
    json: { member: results[0]?.member, sent: count, answered, results },
    text: `${count} sent, ${answered} answered${spread}`,
    exit: answered > 0 ? 0 : NO_ANSWER,
  };
}
