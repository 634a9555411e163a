/** UDP: the highest rate of datagrams of which less than one in a hundred is lost. */
import { burst } from './datagrams.ts';
import type { Effort, Found, Link, Measure } from './link.ts';
import { search, type Step } from './rate.ts';

const LOSS = 0.01;
/** Datagrams per second of the very first step. */
const BEGIN = 40_000;
/** How steps grow: of a first search, and of one that begins where another ended. */
const GROWTH = { first: 2, later: 1.15 };

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

/** @param program the compiled sender and receiver @param size bytes of UDP payload */
export function datagrams(program: string, measure: Measure, size: number): (link: Link, e: Effort) => Promise<Found> {
  return async (link, { stepSeconds, firstSteps, laterSteps }) => {
    const known = link.rates.get(size);
    const { rate, received } = await search({
      from: known ?? BEGIN,
      growth: known === undefined ? GROWTH.first : GROWTH.later,
      steps: known === undefined ? firstSteps : laterSteps,
      attempt: (wanted) => attempt(program, link, size, wanted, stepSeconds),
    });
    link.rates.set(size, rate);
    return { [measure]: received };
  };
}
