/** The only public machine is switched off, and comes back. */
import type { Actor } from '../../src/index.ts';
import { addressOf, type Pair, pairs, type Stage, untilReached } from '../actors.ts';
import { columns, milliseconds, type Report } from '../report.ts';

/** Pings of each pair while the public machine is off. */
const ROUNDS = 5;
/** ms for a machine that was switched on again to be reached by all. */
const BACK = 15_000;

async function pingRounds({ from, to }: Pair): Promise<(number | null)[]> {
  const times: (number | null)[] = [];
  for (let i = 0; i < ROUNDS; i++) times.push(await from.ping(addressOf(to)));
  return times;
}

export async function losing({ nyc, blr, fedora, pi, all }: Stage, report: Report, symmetric: boolean): Promise<void> {
  report.scene('externalnyc is switched off');
  await nyc.signal('SIGKILL');
  // What was relayed by externalnyc has nobody else who could do it.
  const rest: readonly Actor[] = symmetric ? [fedora, pi] : [fedora, pi, blr];
  const talking = pairs(rest);
  const rounds = await Promise.all(talking.map(pingRounds));
  report.promise(
    'loss',
    rounds.every((times) => times.every((time) => time !== null)),
  );
  report.lines(
    columns(
      talking.map(({ from, to }, i) => {
        const answered = (rounds[i] ?? []).filter((time) => time !== null);
        const best = answered.length === 0 ? null : Math.min(...answered);
        return [`${from.name} → ${to.name}`, `${answered.length} of ${ROUNDS} pings answered`, milliseconds(best)];
      }),
    ),
  );
  const began = performance.now();
  await nyc.must(['up']);
  const missing = await untilReached(
    pairs(all).filter(({ from, to }) => from === nyc || to === nyc),
    BACK,
  );
  report.promise('back', missing.length === 0);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const names = missing.map(({ from, to }) => `${from.name} → ${to.name}`).join(', ');
  report.say(
    missing.length === 0 ? `switched on again, it is back after ${seconds} s` : `switched on again, but: ${names} fail`,
  );
}
