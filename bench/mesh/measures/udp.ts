/**
 * UDP: the highest rate of datagrams of which less than one in a hundred is lost, searched in a few steps: up while all
 * is well, then halving what is between the best rate that passed and the lowest that did not.
 */
import { burst } from './datagrams.ts';
import type { Effort, Found, Link, Measure } from './link.ts';

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

async function attempt(program: string, link: Link, size: number, rate: number, seconds: number): Promise<Step> {
  const { sent, sendSeconds, received, receiveSeconds } = await burst(program, link, size, rate, seconds);
  // What comes long after it was sent stood in a queue that would have grown and overflowed.
  const inTime = receiveSeconds <= sendSeconds * 1.05 + 0.01;
  return {
    sent: sent / sendSeconds,
    received: receiveSeconds > 0 ? received / receiveSeconds : 0,
    passed: received >= sent * (1 - LOSS) && inTime,
  };
}

/** @returns datagrams per second that arrived @throws Error when every rate lost too much */
async function search(program: string, link: Link, size: number, effort: Effort): Promise<number> {
  const known = link.rates.get(size);
  const steps = known === undefined ? effort.firstSteps : effort.laterSteps;
  let best = 0;
  let reached = 0;
  let tooMuch = Infinity;
  let rate = known ?? BEGIN;
  for (let step = 0; step < steps || (best === 0 && step < steps + RESCUES); step++) {
    const { sent, received, passed } = await attempt(program, link, size, rate, effort.stepSeconds);
    if (passed) {
      // The sender gave less than asked for, and not more than before: it is the limit.
      const exhausted = sent < rate * 0.9 && received < reached * NEAR;
      best = Math.max(best, Math.min(rate, sent));
      reached = Math.max(reached, received);
      if (exhausted) break;
    } else {
      tooMuch = rate;
    }
    if (tooMuch / best < NEAR) break;
    if (tooMuch === Infinity) rate *= known === undefined ? 2 : 1.15;
    else if (best > 0) rate = (best + tooMuch) / 2;
    else rate = Math.min(rate * 0.85, Math.max(received * 0.95, rate * 0.4));
  }
  if (best === 0) throw new Error(`more than 1 % lost at every rate down to ${Math.round(tooMuch)} packets/s`);
  link.rates.set(size, best);
  return reached;
}

/** @param program the compiled sender and receiver @param size bytes of UDP payload */
export function datagrams(program: string, measure: Measure, size: number): (link: Link, e: Effort) => Promise<Found> {
  return async (link, effort) => ({ [measure]: await search(program, link, size, effort) });
}
