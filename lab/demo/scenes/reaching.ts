/** Who reaches whom, over which path, and why. */
import type { SeenMember } from '../../src/index.ts';
import { addressOf, type Pair, pairs, pathBetween, type Stage } from '../actors.ts';
import { columns, milliseconds, type PathRow, type Report } from '../report.ts';

/** ms within which the best paths are found; data flows over a relay until then. */
const SETTLED = 15_000;

type Expectation = (pair: Pair, member: SeenMember) => boolean;

function isSymmetric(pair: Pair): boolean {
  const names = [pair.from.name, pair.to.name];
  return names.includes('externalblr') && (names.includes('fedora') || names.includes('pi'));
}

/** The direct path inside one home is the one over its LAN; all others lead over the internet. */
const allDirect: Expectation = ({ from, to }, { path }) => {
  const atHome = [from, to].every(({ name }) => name === 'fedora' || name === 'pi');
  return path.kind === 'direct' && (path.endpoint?.startsWith('192.168.1.') ?? false) === atHome;
};

/** Between a symmetric NAT and a closed firewall no hole can be made, and the status has to say so. */
const relayedWhereSymmetric: Expectation = (pair, member) =>
  isSymmetric(pair)
    ? member.path.kind === 'relay' && member.path.reason.includes('symmetric')
    : allDirect(pair, member);

function row({ from, to }: Pair, { path, rttMs }: SeenMember): PathRow {
  return {
    from: from.name,
    to: to.name,
    kind: path.kind,
    via: path.via.map(({ name }) => name),
    reason: path.reason,
    rttMs: rttMs === null ? null : Math.round(rttMs * 100) / 100,
  };
}

/** Pings and looks again until the paths are as expected; the pings keep the search for better ones going. */
async function settle(all: readonly Pair[], expected: Expectation): Promise<readonly SeenMember[]> {
  for (const deadline = performance.now() + SETTLED; ;) {
    const seen = await Promise.all(all.map(pathBetween));
    const settled = all.every((pair, i) => expected(pair, seen[i] as SeenMember));
    if (settled || performance.now() > deadline) return seen;
    await Promise.all(all.map(({ from, to }) => from.ping(addressOf(to))));
  }
}

export async function reaching(stage: Stage, report: Report, symmetric: boolean): Promise<void> {
  report.scene('Everybody pings everybody');
  const all = pairs(stage.all);
  const times = await Promise.all(all.map(({ from, to }) => from.ping(addressOf(to))));
  report.pings(times.filter((time) => time !== null).length, times.length);
  const expected = symmetric ? relayedWhereSymmetric : allDirect;
  const seen = await settle(all, expected);
  report.promise(
    'paths',
    all.every((pair, i) => expected(pair, seen[i] as SeenMember)),
  );
  report.paths(all.map((pair, i) => row(pair, seen[i] as SeenMember)));
  report.lines(
    columns(
      all.map(({ from, to }, i) => [
        `${from.name} → ${to.name}`,
        addressOf(to),
        milliseconds(times[i] ?? null),
        seen[i]?.path.reason ?? '',
      ]),
    ),
  );
}
