/**
 * UDP: the highest rate of datagrams of which less than one in a hundred is lost, searched in a few steps: up while all
 * is well, then halving what is between the best rate that passed and the lowest that did not.
 */
import { iperf } from './iperf.ts';
import type { Effort, Found, Link } from './link.ts';

const LOSS = 0.01;
/** Datagrams per second of the very first step. */
const BEGIN = 40_000;
/** Closer than this is luck. */
const NEAR = 1.05;
/** More steps, downwards, when not one has passed. */
const RESCUES = 6;

interface Step {
  readonly sent: number;
  readonly received: number;
  readonly passed: boolean;
}

async function attempt(link: Link, size: number, rate: number, seconds: number): Promise<Step> {
  const count = Math.round(rate * seconds);
  const speed = ['--bitrate', String(Math.round(rate * size * 8)), '--blockcount', String(count)];
  const { sum_sent, sum_received } = await iperf(
    link,
    ['--udp', '--length', String(size), ...speed, '--window', '2M'],
    seconds,
  );
  const sent = sum_sent.packets ?? 0;
  const due = sum_received.packets ?? 0;
  const arrived = due - (sum_received.lost_packets ?? 0);
  // What is still under way at the end is not counted as due; much of it means a queue that only grows.
  const passed = due > 0 && arrived >= due * (1 - LOSS) && due >= sent * 0.95;
  return { sent: sent / sum_sent.seconds, received: arrived / sum_received.seconds, passed };
}

/** @returns datagrams per second that arrived @throws Error when every rate lost too much */
async function search(link: Link, size: number, effort: Effort): Promise<number> {
  const known = link.rates.get(size);
  const steps = known === undefined ? effort.firstSteps : effort.laterSteps;
  let best = 0;
  let reached = 0;
  let tooMuch = Infinity;
  let rate = known ?? BEGIN;
  for (let step = 0; step < steps || (best === 0 && step < steps + RESCUES); step++) {
    const { sent, received, passed } = await attempt(link, size, rate, effort.stepSeconds);
    if (passed) {
      best = rate;
      reached = Math.max(reached, received);
      // The sender itself gave less than asked for: no more can be measured.
      if (sent < rate * 0.9) break;
    } else {
      tooMuch = rate;
    }
    if (tooMuch / best < NEAR) break;
    if (tooMuch === Infinity) rate = best * (known === undefined ? 2 : 1.15);
    else if (best > 0) rate = (best + tooMuch) / 2;
    else rate = Math.min(rate * 0.85, Math.max(received * 0.95, rate * 0.4));
  }
  if (best === 0) throw new Error(`more than 1 % lost at every rate down to ${Math.round(tooMuch)} packets/s`);
  link.rates.set(size, best);
  return reached;
}

export async function small(link: Link, effort: Effort): Promise<Found> {
  return { udp64: await search(link, 64, effort) };
}

export async function large(link: Link, effort: Effort): Promise<Found> {
  return { udp1200: await search(link, 1200, effort) };
}
