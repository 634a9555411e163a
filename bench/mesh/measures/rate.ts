/** The search for the highest rate that passes, in a few steps. */

/** What came of trying a rate. All in datagrams per second. */
export interface Step {
  /** What the sender brought about: less than asked for when it is the limit. */
  readonly sent: number;
  readonly received: number;
  readonly passed: boolean;
}

export interface SearchOptions {
  /** Where to begin. */
  readonly from: number;
  /** By how much the next rate is higher while all is well. */
  readonly growth: number;
  readonly steps: number;
  readonly attempt: (rate: number) => Promise<Step>;
}

export interface Best {
  /** The highest rate that passed: where a later search may begin. */
  readonly rate: number;
  /** What arrived at most, at a rate that passed. */
  readonly received: number;
}

/** Closer than this is luck. */
const NEAR = 1.05;
/** More steps, downwards, when not one has passed. */
const RESCUES = 6;

/**
 * Up while all is well, then halving what is between the best rate that passed and the lowest that did not.
 * @throws Error when every rate lost too much
 */
export async function search({ from, growth, steps, attempt }: SearchOptions): Promise<Best> {
  let best = 0;
  let reached = 0;
  let tooMuch = Infinity;
  let rate = from;
  for (let step = 0; step < steps || (best === 0 && step < steps + RESCUES); step++) {
    const { sent, received, passed } = await attempt(rate);
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
    if (tooMuch === Infinity) rate *= growth;
    else if (best > 0) rate = (best + tooMuch) / 2;
    else rate = Math.min(rate * 0.85, Math.max(received * 0.95, rate * 0.4));
  }
  if (best === 0) throw new Error(`more than 1 % lost at every rate down to ${Math.round(tooMuch)} packets/s`);
  return { rate: best, received: reached };
}
