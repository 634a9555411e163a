/** Round-trip times by ICMP echoes through the tunnel. */
import type { Effort, Found, Link } from './link.ts';

const IDLE_EVERY = 10;

/**
 * @param count how many echoes
 * @param everyMs milliseconds from one to the next
 * @returns milliseconds of each that came back
 * @throws Error when none did
 */
export async function ping(link: Link, count: number, everyMs: number): Promise<number[]> {
  const argv = ['ping', '-n', '-c', String(count), '-i', String(everyMs / 1000), '-W', '1', link.target];
  const { stdout, stderr } = await link.from.run(argv, { timeoutMs: count * everyMs * 2 + 8000 });
  const times = [...stdout.matchAll(/time=([\d.]+) ms/g)].map(([, time]) => Number(time));
  if (times.length === 0) throw new Error(`no echo from ${link.target}: ${(stderr || stdout).trim()}`);
  return times;
}

/** The value that p percent of the values do not exceed. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)] ?? NaN;
}

export async function idle(link: Link, { echoes }: Effort): Promise<Found> {
  const times = await ping(link, echoes, IDLE_EVERY);
  return { rttIdleP50: percentile(times, 50), rttIdleP99: percentile(times, 99) };
}
