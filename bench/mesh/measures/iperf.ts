/** One transfer with iperf3, its server started for it and ended with it. */
import type { Link } from './link.ts';

interface Sum {
  readonly bits_per_second: number;
  readonly bytes: number;
}

export interface Transfer {
  readonly sum_received: Sum;
  /** The way back of `--bidir`. */
  readonly sum_received_bidir_reverse?: Sum;
}

/**
 * Transfers from one end of the link to the other.
 * @param options of iperf3's client
 * @param seconds how long it is meant to take: after some more it is ended by force
 * @throws Error with what iperf3 complained about
 */
export async function iperf(link: Link, options: readonly string[], seconds: number): Promise<Transfer> {
  const server = await link.to.spawn(['iperf3', '--server', '--one-off', '--forceflush']);
  try {
    await server.waitFor(/listening/, 5000);
    const argv = ['iperf3', '--json', '--client', link.target, '--connect-timeout', '3000', ...options];
    const { stdout, stderr } = await link.from.run(argv, { timeoutMs: seconds * 1000 + 8000 });
    if (stdout.trim() === '') throw new Error(`iperf3 printed nothing: ${stderr.trim()}`);
    const { end, error } = JSON.parse(stdout) as { readonly end: Transfer; readonly error?: string };
    if (error !== undefined) throw new Error(`iperf3: ${error}`);
    return end;
  } finally {
    await server.kill();
  }
}
