/** Who gives to whom: kith with everybody in both directions, and the others with themselves, to be compared with. */
import { CLIENTS } from './clients.ts';
import { nameOf, type Pair } from './transfer.ts';

/** Those of a whole run. */
export const PAIRS: readonly string[] = [
  'kith>kith',
  'libtorrent>libtorrent',
  'webtorrent>webtorrent',
  'kith>libtorrent',
  'libtorrent>kith',
  'kith>transmission',
  'transmission>kith',
  'kith>aria2',
  'aria2>kith',
  'kith>webtorrent',
  'webtorrent>kith',
];

/** With `--quick` these are enough to see every line that kith is held to. */
const QUICK = ['kith>kith', 'libtorrent>libtorrent', 'webtorrent>webtorrent', 'kith>libtorrent'];

/** @param named the pairs that were asked for; otherwise all of `clients`, or those that are measured by default */
export function pairs(named: ReadonlySet<string> | null, clients: ReadonlySet<string> | null, quick: boolean): Pair[] {
  const all = CLIENTS.flatMap((seed) => CLIENTS.map((leech) => ({ seed, leech })));
  if (named !== null) return all.filter((pair) => named.has(nameOf(pair)));
  if (clients !== null) {
    // Two that only wait for others never meet.
    return all.filter(
      ({ seed, leech }) => clients.has(seed.name) && clients.has(leech.name) && (seed.dials || leech.dials),
    );
  }
  const wanted = quick ? QUICK : PAIRS;
  return wanted.flatMap((name) => all.filter((pair) => nameOf(pair) === name));
}
