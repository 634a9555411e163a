/** TCP: one stream with its cost in CPU time and in waiting for others, four streams, both ways, through a relay. */
import { iperf } from './iperf.ts';
import type { Effort, Found, Link } from './link.ts';
import { cpuSum } from './process.ts';
import { percentile, ping } from './rtt.ts';

/** Milliseconds between echoes during a transfer: too few to slow it down. */
const ECHO_EVERY = 10;

/** One stream; beside it a few echoes, whose waiting is the round-trip time under load. */
export async function oneStream(link: Link, { tcpSeconds }: Effort): Promise<Found> {
  const before = cpuSum(link.ends);
  const echoes = ping(link, Math.round((tcpSeconds * 1000) / ECHO_EVERY), ECHO_EVERY);
  // Both have to end before an error of one may be told.
  const [transfer, times] = await Promise.allSettled([iperf(link, ['--time', String(tcpSeconds)], tcpSeconds), echoes]);
  if (transfer.status === 'rejected') throw transfer.reason as Error;
  const { bytes, bits_per_second } = transfer.value.sum_received;
  return {
    tcp1: bits_per_second / 1e9,
    ...(link.ends.length > 0 ? { cpuPerGB: (cpuSum(link.ends) - before) / (bytes / 1e9) } : {}),
    ...(times.status === 'fulfilled' ? { rttLoadP99: percentile(times.value, 99) } : {}),
  };
}

export async function fourStreams(link: Link, { tcpSeconds }: Effort): Promise<Found> {
  const { sum_received } = await iperf(link, ['--time', String(tcpSeconds), '--parallel', '4'], tcpSeconds);
  return { tcp4: sum_received.bits_per_second / 1e9 };
}

/** One stream each way at once: the sum of both. */
export async function bothWays(link: Link, { tcpSeconds }: Effort): Promise<Found> {
  const end = await iperf(link, ['--time', String(tcpSeconds), '--bidir'], tcpSeconds);
  const back = end.sum_received_bidir_reverse?.bits_per_second;
  if (back === undefined) throw new Error('iperf3 reported one direction only: it is too old for --bidir');
  return { tcpBoth: (end.sum_received.bits_per_second + back) / 1e9 };
}

/** One stream between ends that reach each other only through the node between. */
export async function relayed(link: Link, { tcpSeconds }: Effort): Promise<Found> {
  const relay = link.relay === null ? [] : [link.relay];
  const before = cpuSum(relay);
  const { sum_received } = await iperf(link, ['--time', String(tcpSeconds)], tcpSeconds);
  return {
    relayTcp: sum_received.bits_per_second / 1e9,
    ...(relay.length > 0 ? { relayCpuPerGB: (cpuSum(relay) - before) / (sum_received.bytes / 1e9) } : {}),
  };
}
