/** Who gives to whom: kith with everybody in both directions, and the others with themselves, to be compared with. */
import { CLIENTS } from './clients.ts';
import { nameOf, type Pair } from './transfer.ts';

const NAMES = [
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

export function pairs(clients: ReadonlySet<string> | null, quick: boolean): Pair[] {
  const all = CLIENTS.flatMap((seed) => CLIENTS.map((leech) => ({ seed, leech })));
  if (clients !== null) {
    // Two that only wait for others never meet.
    return all.filter(
      ({ seed, leech }) => clients.has(seed.name) && clients.has(leech.name) && (seed.dials || leech.dials),
    );
  }
  const wanted = quick ? QUICK : NAMES;
  return wanted.flatMap((name) => all.filter((pair) => nameOf(pair) === name));
}
