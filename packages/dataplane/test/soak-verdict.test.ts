/** What a soak counts as wrong. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failuresOf, GROWTH, growthOf, type Sample, type Seen } from './soak/verdict.ts';

const MB = 1024 * 1024;
const counters = {
  sentBytes: 1,
  sentPackets: 1,
  receivedBytes: 1,
  receivedPackets: 1,
  lastDataSent: 1,
  lastDataReceived: 1,
  lastReceived: 1,
  lastSent: 1,
  currentSendCounter: 1,
  currentIndex: 1,
  queued: 0,
};
const dropped = {
  malformed: 0,
  unknownIndex: 9,
  unauthentic: 0,
  replayed: 9,
  foreignSource: 0,
  gateClosed: 0,
  noRoute: 0,
  queueFull: 0,
  relayRefused: 0,
};
const samples = (rssOf: (second: number) => number): Sample[] =>
  Array.from({ length: 100 }, (_, i) => ({ at: i * 1000, rss: rssOf(i), descriptors: 20, threads: 13 }));
const hosts = ['10.77.0.1', '10.77.0.2'];

/** Two members that did all as they should. */
function fine(): Seen {
  const stream = { sent: 1000, received: 1000, wrongAt: null, error: null, ended: true };
  return {
    samples: [samples(() => 80 * MB), samples((i) => (80 + (i % 3)) * MB)],
    outages: [{ members: [0, 1], from: 1000, to: 2000 }],
    lost: [[{ peer: 1, at: 1500 }], []],
    statuses: [2, 1].map((peer) => ({
      peers: [{ peer, counters, asInitiator: 1, asResponder: 0, lost: [] }],
      counters: { relayedPackets: 0, relayedBytes: 0, dropped },
      io: { sendErrors: 3, unanswerable: 0, writeErrors: 3 },
      rss: 0,
      descriptors: 20,
      threads: 13,
      tunLost: false,
    })),
    traffic: [1, 0].map((to) => ({
      streams: [{ ...stream, to: hosts[to] as string }],
      datagrams: { sent: 10, received: 9, wrong: 0 },
    })),
    hosts,
    pinged: [{ pair: '0 to 1', answered: 1 }],
    unanswered: [{ pair: '0 to 1', missing: 0 }],
    leastRekeys: 1,
  };
}

/** What comes out when the first of something is changed. */
function withFirst<Key extends 'samples' | 'lost' | 'statuses' | 'traffic' | 'pinged' | 'unanswered'>(
  key: Key,
  change: (first: Seen[Key][number]) => Seen[Key][number],
): readonly string[] {
  const seen = fine();
  const [first, ...rest] = seen[key] as readonly Seen[Key][number][];
  assert(first !== undefined);
  return failuresOf({ ...seen, [key]: [change(first), ...rest] });
}

describe('verdict over a soak', () => {
  it('finds nothing where all is as it should be', () => {
    assert.deepEqual(failuresOf(fine()), []);
  });

  it('measures growth after warm-up by the line through the samples', () => {
    assert.equal(growthOf(samples(() => 80 * MB)), 0);
    assert.equal(growthOf(samples((i) => (i < 30 ? i : 30) * MB)), 0, 'warm-up does not count');
    assert(growthOf(samples((i) => 80 * MB + (i / 100) * 2 * GROWTH)) > GROWTH);
    assert(growthOf(samples((i) => (80 + (i === 99 ? 10 : 0)) * MB)) < GROWTH, 'one high sample is noise');
  });

  it('names memory, descriptors and threads that stay', () => {
    const leaking = samples((i) => (80 + i) * MB);
    assert.match(withFirst('samples', () => leaking).join(), /^member 0 grew by 6\d\.\d MB, more than 4\.0$/);
    const more = (over: Partial<Sample>) =>
      withFirst('samples', (first) => [...first, { ...(first[99] as Sample), at: 100_000, ...over }]).join();
    assert.equal(more({ descriptors: 21 }), 'member 0 has 21 descriptors, it began with 20');
    assert.equal(more({ threads: 12 }), 'member 0 has 12 threads, it began with 13');
    assert.match(withFirst('samples', (first) => first.slice(0, 4)).join(), /looked at 4 times only/);
  });

  it('excuses a lost session in an outage of its pair only', () => {
    assert.deepEqual(
      withFirst('lost', () => [{ peer: 1, at: 2001 }]),
      ['member 0 lost its session with 1 at 2.0 s'],
    );
  });

  it('names a pair without session, packets that wait, and what was forged', () => {
    const change = (over: object) =>
      withFirst('statuses', (first) => ({
        ...first,
        peers: first.peers.map((peer) => ({ ...peer, counters: { ...counters, ...over } })),
      }));
    assert.deepEqual(change({ currentIndex: 0 }), ['member 0 has no session with 2 at the end']);
    assert.deepEqual(change({ queued: 3 }), ['member 0 has 3 packets waiting for 2']);
    const forged = withFirst('statuses', (first) => ({
      ...first,
      tunLost: true,
      counters: { ...first.counters, dropped: { ...dropped, unauthentic: 2 } },
    }));
    assert.deepEqual(forged, ['member 0 dropped 2 as unauthentic', 'member 0 lost its interface']);
  });

  it('holds every stream to its bytes', () => {
    const change = (over: object) =>
      withFirst('traffic', (first) => ({ ...first, streams: first.streams.map((each) => ({ ...each, ...over })) }));
    const name = 'the stream of member 0 to 10.77.0.2';
    assert.deepEqual(change({ sent: 1001 }), [`${name}: 1001 bytes were sent, 1000 arrived`]);
    assert.deepEqual(change({ wrongAt: 7 }), [`${name} brought a wrong byte at 7`]);
    assert.deepEqual(change({ error: 'ECONNRESET' }), [`${name} failed: ECONNRESET`]);
    assert.deepEqual(change({ ended: false }), [`${name} did not end`]);
    const wrong = withFirst('traffic', (first) => ({ ...first, datagrams: { sent: 1, received: 1, wrong: 2 } }));
    assert.deepEqual(wrong, ['member 0 got 2 datagrams with wrong bytes']);
    assert.deepEqual(
      withFirst('pinged', () => ({ pair: '0 to 1', answered: 0 })),
      ['0 to 1: no ping was ever answered'],
    );
    assert.deepEqual(
      withFirst('unanswered', () => ({ pair: '0 to 1', missing: 2 })),
      ['0 to 1: 2 pings of the end were not answered'],
    );
  });
});
