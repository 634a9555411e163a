/** What a soak must have shown: pure judgement over what was seen. */
import type { MemberStatus } from '../net/member-process.ts';
import type { TrafficReport } from '../net/traffic-process.ts';

/** What one member's process had at one time. */
export interface Sample {
  /** Ms since the soak began. */
  readonly at: number;
  /** Bytes after a collection of garbage. */
  readonly rss: number;
  readonly descriptors: number;
  readonly threads: number;
}

/** Between these times a pair may be without session, because a peer was taken away or the interface was down. */
export interface Outage {
  readonly members: readonly number[];
  readonly from: number;
  readonly to: number;
}

export interface Seen {
  /** By member. */
  readonly samples: readonly (readonly Sample[])[];
  readonly outages: readonly Outage[];
  /** By member: packets that found no session, with the peer. */
  readonly lost: readonly (readonly { readonly peer: number; readonly at: number }[])[];
  readonly statuses: readonly MemberStatus[];
  readonly traffic: readonly TrafficReport[];
  /** Addresses of the members in the mesh. */
  readonly hosts: readonly string[];
  /** Pings that were answered while all went on. */
  readonly pinged: readonly { readonly pair: string; readonly answered: number }[];
  /** Pings of the end that were not answered, of how many. */
  readonly unanswered: readonly { readonly pair: string; readonly missing: number }[];
  /** New sessions that every pair must have had. */
  readonly leastRekeys: number;
}

/**
 * Bytes that a process may grow by between the end of its warm-up and the end, by the line through its samples. Two or
 * three are the noise of the heap and its collector; a session that is never freed is 1,500 and several hundred of them
 * are made a second, so that the shortest soak would show a leak several times as large.
 */
export const GROWTH = 4 * 1024 * 1024;
/** Share of the time that counts as warm-up. */
const WARM_UP = 0.35;

/** Slope of the line of least squares, per unit of `x`. */
function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const n = points.length;
  const [meanX, meanY] = [0, 1].map((i) => points.reduce((sum, point) => sum + (point[i] as number), 0) / n) as [
    number,
    number,
  ];
  const over = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const under = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return under === 0 ? 0 : over / under;
}

/** Bytes by which memory grew after warm-up. */
export function growthOf(samples: readonly Sample[]): number {
  const end = samples.at(-1)?.at ?? 0;
  const warm = samples.filter(({ at }) => at >= end * WARM_UP);
  const span = end - (warm[0]?.at ?? end);
  return slopeOf(warm.map(({ at, rss }) => [at, rss])) * span;
}

function memory(seen: Seen): string[] {
  return seen.samples.flatMap((samples, member) => {
    const out: string[] = [];
    const growth = growthOf(samples);
    const mb = (bytes: number) => (bytes / 1024 / 1024).toFixed(1);
    if (samples.length < 5) out.push(`member ${member} was looked at ${samples.length} times only`);
    if (growth > GROWTH) out.push(`member ${member} grew by ${mb(growth)} MB, more than ${mb(GROWTH)}`);
    const [first, last] = [samples[0], samples.at(-1)];
    if (first === undefined || last === undefined) return out;
    if (last.descriptors > first.descriptors) {
      out.push(`member ${member} has ${last.descriptors} descriptors, it began with ${first.descriptors}`);
    }
    if (last.threads !== first.threads) {
      out.push(`member ${member} has ${last.threads} threads, it began with ${first.threads}`);
    }
    return out;
  });
}

function sessions(seen: Seen): string[] {
  const excused = (member: number, peer: number, at: number) =>
    seen.outages.some(({ members, from, to }) => {
      return members.includes(member) && members.includes(peer) && at >= from && at <= to;
    });
  const lost = seen.lost.flatMap((times, member) =>
    times
      .filter(({ peer, at }) => !excused(member, peer, at))
      .map(({ peer, at }) => `member ${member} lost its session with ${peer} at ${(at / 1000).toFixed(1)} s`),
  );
  const few = seen.statuses.flatMap(({ peers }, member) =>
    peers.flatMap(({ peer, asInitiator, asResponder, counters }) => {
      const out: string[] = [];
      const made = asInitiator + asResponder;
      if (made < seen.leastRekeys) out.push(`member ${member} had ${made} sessions with ${peer} only`);
      if (counters.currentIndex === 0) out.push(`member ${member} has no session with ${peer} at the end`);
      if (counters.queued > 0) out.push(`member ${member} has ${counters.queued} packets waiting for ${peer}`);
      return out;
    }),
  );
  const forged = seen.statuses.flatMap(({ counters: { dropped }, tunLost }, member) => {
    const out = (['malformed', 'unauthentic', 'foreignSource'] as const)
      .filter((cause) => dropped[cause] > 0)
      .map((cause) => `member ${member} dropped ${dropped[cause]} as ${cause}`);
    return tunLost ? [...out, `member ${member} lost its interface`] : out;
  });
  return [...lost, ...few, ...forged];
}

function traffic(seen: Seen): string[] {
  const out: string[] = [];
  for (const [i, { streams, datagrams }] of seen.traffic.entries()) {
    if (streams.length !== seen.hosts.length - 1) out.push(`member ${i} has ${streams.length} streams`);
    if (datagrams.wrong > 0) out.push(`member ${i} got ${datagrams.wrong} datagrams with wrong bytes`);
    if (datagrams.received === 0) out.push(`member ${i} got no datagram`);
    for (const { to, sent, wrongAt, error, ended } of streams) {
      const name = `the stream of member ${i} to ${to}`;
      const there = seen.traffic[seen.hosts.indexOf(to)]?.streams.find((each) => each.to === seen.hosts[i]);
      if (wrongAt !== null) out.push(`${name} brought a wrong byte at ${wrongAt}`);
      if (error !== null) out.push(`${name} failed: ${error}`);
      if (!ended) out.push(`${name} did not end`);
      if (sent === 0) out.push(`${name} carried nothing`);
      if (there?.received !== sent) out.push(`${name}: ${sent} bytes were sent, ${there?.received} arrived`);
    }
  }
  return [
    ...out,
    ...seen.pinged.filter(({ answered }) => answered === 0).map(({ pair }) => `${pair}: no ping was ever answered`),
    ...seen.unanswered
      .filter(({ missing }) => missing > 0)
      .map(({ pair, missing }) => `${pair}: ${missing} pings of the end were not answered`),
  ];
}

/** Everything that is wrong, in words; nothing where the soak passed. */
export function failuresOf(seen: Seen): readonly string[] {
  return [...memory(seen), ...sessions(seen), ...traffic(seen)];
}
