/** A fifth machine joins, is reached by all, and is thrown out. */
import type { Actor } from '../../src/index.ts';
import { addressOf, enter, pairs, type Stage, untilReached } from '../actors.ts';
import type { Report } from '../report.ts';

/** ms for a newcomer to be reached by all. */
const REACHED = 10_000;
/** ms from the command until nobody reaches the revoked machine. */
const CUT = 5000;

/** Pings until there is no answer. Returns ms since `began`, null if there still was one when the time was over. */
async function untilCut(from: Actor, address: string, began: number): Promise<number | null> {
  while (performance.now() - began < CUT) {
    const asked = performance.now();
    if ((await from.ping(address, 1)) === null) return asked - began;
  }
  return null;
}

async function untilToldSo(guest: Actor, began: number): Promise<number | null> {
  while (performance.now() - began < CUT) {
    if (!(await guest.status()).member) return performance.now() - began;
  }
  return null;
}

export async function revoking(stage: Stage, report: Report): Promise<void> {
  const { nyc, all } = stage;
  report.scene('A guest comes, and is thrown out');
  const guest = await stage.guest();
  await enter(guest, nyc, nyc);
  const address = addressOf(guest);
  const ways = pairs([...all, guest]).filter(({ from, to }) => from === guest || to === guest);
  const reached = (await untilReached(ways, REACHED)).length === 0;
  report.say(reached ? `guest (${address}) joined, and all reach it` : `guest (${address}) is not reached by all`);

  const began = performance.now();
  await nyc.must(['revoke', 'guest']);
  const cuts = await Promise.all([...all.map((each) => untilCut(each, address, began)), untilToldSo(guest, began)]);
  const worst = cuts.some((each) => each === null) ? null : Math.max(...cuts.map((each) => each ?? 0));
  report.promise('revoked', reached && worst !== null && worst <= CUT);
  const how =
    worst === null ? 'somebody still reaches it after 5 s' : `cut off everywhere within ${worst.toFixed(0)} ms`;
  report.say(`externalnyc revoked guest: ${how}`);
  await guest.run(['down']);
}
