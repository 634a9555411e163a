import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LinkOptions } from '@kith/sim';
import { Simulation, expectAlways, expectEventually } from '@kith/sim';
import { at, endpoint, simulation, talker, texts } from './support.ts';

/** Two hosts in the core, `a` with the given link, `b` with one that does nothing. */
function pair(link: LinkOptions, seed?: string) {
  const sim = simulation(seed);
  const a = talker(sim.network.host('a', { link }));
  const b = talker(sim.network.host('b', { link: { latency: 0 } }));
  return { sim, a, b };
}

test('the latency of a path is the way up plus the way down, and may differ by direction', () => {
  const { sim, a, b } = pair({ latency: 30, down: { latency: 5 } });
  a.say('x', at(b));
  b.say('y', at(a));
  sim.run(100);
  assert.equal(b.heard[0]?.now, 30);
  assert.equal(a.heard[0]?.now, 5);
});

test('jitter spreads the latency over its range and not beyond', () => {
  const { sim, a, b } = pair({ latency: 50, jitter: 20 });
  for (let i = 0; i < 500; i++) a.say(String(i), at(b));
  sim.run(100);
  const times = b.heard.map(({ now }) => now);
  assert.equal(times.length, 500);
  assert.ok(Math.min(...times) >= 50 && Math.min(...times) < 51);
  assert.ok(Math.max(...times) < 70 && Math.max(...times) > 69);
});

test('losses and duplicates come as often as asked', () => {
  const { sim, a, b } = pair({ up: { loss: 0.2, duplicate: 0.1 } });
  for (let i = 0; i < 10_000; i++) a.say('x', at(b));
  sim.run(100);
  // 10,000 · 0.8 = 8,000 ± 40 survive, a tenth of them twice; five standard deviations.
  assert.ok(Math.abs(sim.trace.countOf('lost') - 2000) < 200);
  assert.ok(Math.abs(b.heard.length - 8800) < 300, String(b.heard.length));
});

test('the way down duplicates and loses too', () => {
  const { sim, a, b } = pair({ down: { loss: 0.5, duplicate: 1 } });
  for (let i = 0; i < 1000; i++) b.say('x', at(a));
  sim.run(100);
  assert.equal(a.heard.length, 2 * (1000 - sim.trace.countOf('lost')));
  assert.ok(Math.abs(a.heard.length - 1000) < 160, String(a.heard.length));
});

test('a packet that is held back is overtaken', () => {
  const { sim, a, b } = pair({ up: { reorder: 0.1, reorderBy: 15 } });
  for (let i = 0; i < 100; i++) sim.schedule(i, () => a.say(String(i), at(b)));
  sim.run(1000);
  const order = texts(b).map(Number);
  const overtaken = order.filter((n, i) => order.slice(0, i).some((before) => before > n)).length;
  assert.ok(overtaken > 2 && overtaken < 25, `${overtaken} overtaken`);
  assert.deepEqual(
    [...order].sort((x, y) => x - y),
    Array.from({ length: 100 }, (_, i) => i),
  );
});

test('a link with a rate sends one packet after the other and drops what does not fit its queue', () => {
  // 72 bytes and 28 of headers are 800 bits: 10 ms at 80 kbit/s. One on the wire and five that wait fit.
  const { sim, a, b } = pair({ latency: 0, up: { rate: 80_000, queue: 600 } });
  for (let i = 0; i < 10; i++) a.say('x'.repeat(72), at(b));
  sim.run(1000);
  assert.deepEqual(
    b.heard.map(({ now }) => now),
    [10, 20, 30, 40, 50, 60],
  );
  assert.equal(sim.trace.countOf('queue full'), 4);
  b.say('x'.repeat(72), at(a));
  sim.run(100);
  assert.equal(a.heard[0]?.now, 1000);
});

test('the rate of the way down holds too', () => {
  const { sim, a, b } = pair({ latency: 0, down: { rate: 80_000 } });
  for (let i = 0; i < 3; i++) b.say('x'.repeat(72), at(a));
  sim.run(1000);
  assert.deepEqual(
    a.heard.map(({ now }) => now),
    [10, 20, 30],
  );
});

test('a packet over the MTU of either end vanishes, one of exactly the MTU passes', () => {
  const { sim, a, b } = pair({ mtu: 1400 });
  a.say('x'.repeat(1372), at(b));
  a.say('x'.repeat(1373), at(b));
  b.say('y'.repeat(1373), at(a));
  sim.run(100);
  assert.deepEqual([a.heard.length, b.heard.length, sim.trace.countOf('mtu')], [0, 1, 2]);
});

test('what lies between two hosts adds to their links', () => {
  const { sim, a, b } = pair({ latency: 10 });
  sim.network.between(b.host, a.host, { latency: 70 });
  a.say('x', at(b));
  sim.run(200);
  assert.equal(b.heard[0]?.now, 80);
  sim.network.between(a.host, b.host, { loss: 1 });
  a.say('x', at(b));
  sim.run(200);
  assert.equal(b.heard.length, 1);
});

test('qualities that make no sense are refused by name', () => {
  const sim = simulation();
  const rows: readonly (readonly [LinkOptions, RegExp])[] = [
    [{ loss: 1.5 }, /loss 1.5/],
    [{ up: { duplicate: -1 } }, /duplicate -1/],
    [{ latency: Number.NaN }, /latency NaN/],
    [{ rate: 0 }, /rate 0/],
    [{ mtu: 20 }, /mtu 20/],
  ];
  for (const [i, [link, message]] of rows.entries()) {
    assert.throws(() => sim.network.host(`h${i}`, { link }), message);
  }
});

test('a cut stops packets both ways, those on their way too, until it is mended', () => {
  const sim = simulation();
  const [a, b, c] = [1, 2, 3].map((n) => talker(sim.network.host(`h${n}`)));
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  b.say('on its way', at(a));
  const mend = sim.network.partition([a.host], [b.host]);
  a.say('cut', at(b));
  c.say('whole', at(a));
  sim.run(100);
  assert.deepEqual([texts(a), texts(b)], [['whole'], []]);
  mend();
  a.say('mended', at(b));
  sim.network.partition([a.host], [c.host]);
  sim.network.heal();
  c.say('healed', at(a));
  sim.run(100);
  assert.deepEqual([texts(a), texts(b)], [['whole', 'healed'], ['mended']]);
});

test('a cut holds for hosts behind NATs', () => {
  const sim = simulation();
  const a = talker(sim.network.host('a', { on: sim.network.nat('nat') }));
  const b = talker(sim.network.host('b'));
  a.say('1', at(b));
  sim.run(100);
  sim.network.partition([a.host], [b.host]);
  a.say('2', at(b));
  b.say('3', b.heard[0]?.from ?? '');
  sim.run(100);
  assert.deepEqual([texts(a), texts(b)], [[], ['1']]);
  assert.equal(sim.trace.countOf('partitioned'), 2);
});

test('a packet that a cut stops does not keep the mapping of a NAT alive', () => {
  const sim = simulation();
  const nat = sim.network.nat('nat', { timeout: 30_000, inboundRefresh: true });
  const [a, b] = [talker(sim.network.host('a', { on: nat })), talker(sim.network.host('b'))];
  a.say('out', at(b));
  sim.run(100);
  const outer = b.heard[0]?.from ?? '';
  const mend = sim.network.partition([a.host], [b.host]);
  sim.run(20_000);
  b.say('cut', outer);
  sim.run(100);
  mend();
  sim.run(20_000);
  b.say('too late', outer);
  sim.run(100);
  assert.deepEqual(texts(a), []);
  assert.equal(sim.trace.countOf('no mapping'), 1);
});

test('a cut inside a LAN holds for multicast', () => {
  const sim = simulation();
  const nat = sim.network.nat('nat');
  const [a, b] = ['a', 'b'].map((name) => talker(sim.network.host(name, { on: nat })));
  assert.ok(a !== undefined && b !== undefined);
  sim.network.partition([a.host], [b.host]);
  a.say('anyone?', '239.1.2.3:6550');
  sim.run(100);
  assert.deepEqual(texts(b), []);
});

test('a hostile host can write any source, and its victim sees that source', () => {
  const { sim, a, b } = pair({});
  const mallory = sim.network.host('mallory');
  mallory.inject(new Uint8Array([0x65]), at(a), at(b));
  sim.run(100);
  assert.deepEqual(
    b.heard.map(({ text, from }) => [text, from]),
    [['e', at(a)]],
  );
  assert.equal(sim.trace.records()[0]?.source, 'mallory');
});

test('a tap on a host sees what it sends and gets', () => {
  const { sim, a, b } = pair({});
  const seen: string[] = [];
  b.host.tap = (bytes, from, to, direction) => seen.push(`${direction} ${from} ${to} ${bytes.length}`);
  a.say('abc', at(b));
  sim.run(100);
  b.say('de', at(a));
  assert.deepEqual(seen, [`in ${at(a)} ${at(b)} 3`, `out ${at(b)} ${at(a)} 2`]);
});

test('neither a later change by the sender nor a duplicate shares bytes with what is received', () => {
  const { sim, a, b } = pair({ up: { duplicate: 1 } });
  const seen: number[] = [];
  b.socket.onDatagram = (bytes) => {
    seen.push(bytes[0] ?? -1);
    bytes.fill(0);
  };
  const bytes = new Uint8Array([7]);
  a.socket.send(bytes, at(b));
  bytes[0] = 9;
  sim.run(100);
  assert.deepEqual(seen, [7, 7]);
  assert.equal(sim.trace.records()[0]?.head[0], 7);
});

test('a multicast datagram reaches the listeners of the LAN and nobody else', () => {
  const sim = simulation();
  const nat = sim.network.nat('nat');
  const [a, b, c] = ['a', 'b', 'c'].map((name) => talker(sim.network.host(name, { on: nat })));
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  sim.network.host('deaf', { on: nat });
  const outside = talker(sim.network.host('outside'));
  a.say('who is there?', '239.1.2.3:6550');
  outside.say('core', '239.1.2.3:6550');
  sim.run(100);
  assert.deepEqual([texts(a), texts(b), texts(c), texts(outside)], [[], ['who is there?'], ['who is there?'], []]);
  assert.equal(b.heard[0]?.from, at(a));
});

test('bytes and packets are counted per host and per interval', () => {
  const sim = new Simulation({ seed: 'stats', statsInterval: 1000 });
  const [a, b] = [talker(sim.network.host('a')), talker(sim.network.host('b'))];
  a.say('12345', at(b));
  sim.run(2500);
  a.say('1', at(b));
  sim.run(100);
  assert.deepEqual(a.host.traffic.total, { sentBytes: 6, sentPackets: 2, receivedBytes: 0, receivedPackets: 0 });
  assert.deepEqual(
    b.host.traffic.intervals.map(({ receivedBytes }) => receivedBytes),
    [5, 0, 1],
  );
});

test('the trace tells where each packet ended', () => {
  const sim = simulation();
  const nat = sim.network.nat('router');
  const a = talker(sim.network.host('a', { on: nat }));
  const b = talker(sim.network.host('b'));
  a.say('hello', at(b));
  sim.run(1000);
  talker(sim.network.host('c')).say('knock', `${nat.address}:6550`);
  sim.run(1000);
  assert.deepEqual(sim.trace.format(10).split('\n'), [
    '  0:00.000 +20.0 ms  a 192.168.1.2:6550 > 203.0.113.2:6550 b  5 B "hello"  delivered, seen as 203.0.113.1:6550',
    '  0:01.000 +20.0 ms  c 203.0.113.3:6550 > 203.0.113.1:6550 a  5 B "knock"  filtered at router',
  ]);
  assert.equal(sim.trace.records(['b']).length, 1);
  assert.equal(sim.trace.records(['c']).length, 1);
});

test('the trace keeps the last packets only, oldest first, and counts all', () => {
  const sim = new Simulation({ seed: 'ring', traceCapacity: 3 });
  const [a, b] = [talker(sim.network.host('a')), talker(sim.network.host('b'))];
  for (let i = 1; i <= 8; i++) a.say('x'.repeat(i), at(b));
  sim.run(100);
  assert.equal(sim.trace.count, 8);
  assert.deepEqual(
    sim.trace.records().map(({ size }) => size),
    [6, 7, 8],
  );
});

test('what did not happen in time is reported with seed, time, state and packets', () => {
  const { sim, a, b } = pair({}, 'seed 42');
  a.say('lonely', at(b));
  const failed = (): unknown =>
    expectEventually(sim, () => a.heard.length > 0, 5000, 'a to hear something', {
      explain: () => 'b is mute',
      hosts: ['b'],
    });
  assert.throws(failed, (error: Error) => {
    assert.match(error.message, /^expected a to hear something within 5000 ms\n {2}b is mute\n/);
    assert.match(error.message, /KITH_SEED="seed 42"\), time 5000 ms\n {2}last packets of b:\n.*"lonely".*delivered/);
    return true;
  });
  b.say('here', at(a));
  const took = expectEventually(sim, () => a.heard.length > 0, 5000, 'a to hear something');
  assert.ok(took >= 10 && took <= 11, String(took));
});

test('a state that must last is reported as soon as it ends', () => {
  const { sim, a, b } = pair({});
  expectAlways(sim, () => b.heard.length === 0, 1000, 'silence');
  sim.schedule(2000, () => a.say('noise', at(b)));
  assert.throws(() => expectAlways(sim, () => b.heard.length === 0, 5000, 'silence'), /at all times silence[^]*noise/);
  assert.ok(sim.now >= 2010 && sim.now <= 2012, String(sim.now));
});

test('an error thrown by a handler comes out with the trace, and keeps its cause', () => {
  const { sim, a, b } = pair({});
  const cause = new TypeError('defect');
  b.socket.onDatagram = () => {
    throw cause;
  };
  a.say('poison', at(b));
  assert.throws(
    () => sim.run(100),
    (error: Error) => error.cause === cause && error.message.startsWith('defect\n') && error.message.includes('poison'),
  );
});

/** Everything random at once: 12 hosts behind all kinds of boxes gossip over bad links. */
function gossip(seed: string): string {
  const sim = simulation(seed);
  const { network, random } = sim;
  const nats = [network.nat('n1', { ports: 'random' }), network.nat('n2', { mapping: 'address-and-port-dependent' })];
  const link: LinkOptions = { jitter: 30, loss: 0.1, duplicate: 0.05, reorder: 0.05, rate: 100_000 };
  const all = Array.from({ length: 12 }, (_, i) =>
    talker(network.host(`h${i}`, { on: [...nats, network.internet][i % 3] ?? network.internet, link })),
  );
  for (const one of all) {
    one.socket.onDatagram = (bytes, from) => {
      if (random.chance(0.8)) one.socket.send(bytes, from);
    };
    const beat = (now: number): void => {
      one.socket.send(random.bytes(100), at(random.pick(all)));
      one.host.setTimer(now + random.int(200), beat);
    };
    one.host.setTimer(0, beat);
  }
  sim.schedule(2000, () =>
    network.partition(
      [all[2]?.host ?? network.host('x')],
      all.map(({ host }) => host),
    ),
  );
  sim.schedule(3000, () => nats[0]?.reset());
  sim.run(5000);
  assert.ok(sim.trace.count > 1000, `${sim.trace.count} packets`);
  return sim.trace.hash;
}

test('the same seed gives the same packets to the last byte, another seed others', () => {
  assert.equal(gossip('one'), gossip('one'));
  assert.notEqual(gossip('one'), gossip('two'));
});

test('the hash of a trace tells contents, sizes and times apart', () => {
  const hashOf = (text: string, delay: number): string => {
    const { sim, a, b } = pair({});
    sim.schedule(delay, () => a.say(text, at(b)));
    sim.run(100);
    return sim.trace.hash;
  };
  assert.equal(new Set([hashOf('aa', 0), hashOf('ab', 0), hashOf('a', 0), hashOf('aa', 1)]).size, 4);
  assert.equal(hashOf('aa', 0), hashOf('aa', 0));
});

test('names and endpoints that cannot be are refused', () => {
  const { sim, a } = pair({});
  assert.throws(() => sim.network.host('a'), /the name a is taken/);
  assert.throws(() => a.say('x', 'nowhere'), /endpoint/);
  assert.equal(endpoint('203.0.113.1:1'), '203.0.113.1:1');
});
