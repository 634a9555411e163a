/** NAT behaviour in the words of RFC 4787: numbered tables, one row per rule. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Dependence, NatOptions } from '@kith/sim';
import { PORT, address, at, endpoint, prefix, simulation, talker, texts } from './support.ts';

const EI: Dependence = 'endpoint-independent';
const AD: Dependence = 'address-dependent';
const APD: Dependence = 'address-and-port-dependent';

/**
 * The inner host sends from one port to S1:1, S1:2 and S2:1. Column 3: which of these three packets share an outer
 * endpoint. Then S1 and S2 answer the outer endpoint that S1:1 saw, from each of these sources. Columns 4..7: does the
 * answer come in from S1:1 (contacted through this mapping), S1:9 (known address, new port), S2:1 (contacted, through
 * this mapping only where it is shared) and S3:1 (never contacted)?
 */
const TABLE: readonly (readonly [number, Dependence, Dependence, string, boolean, boolean, boolean, boolean])[] = [
  [1, EI, EI, 'aaa', true, true, true, true],
  [2, EI, AD, 'aaa', true, true, true, false],
  [3, EI, APD, 'aaa', true, false, true, false],
  [4, AD, EI, 'aab', true, true, true, true],
  [5, AD, AD, 'aab', true, true, false, false],
  [6, AD, APD, 'aab', true, false, false, false],
  [7, APD, EI, 'abc', true, true, true, true],
  [8, APD, AD, 'abc', true, true, false, false],
  [9, APD, APD, 'abc', true, false, false, false],
];

for (const [row, mapping, filtering, shared, ...passes] of TABLE) {
  test(`row ${row}: mapping ${mapping}, filtering ${filtering}`, () => {
    const sim = simulation();
    const inner = talker(sim.network.host('inner', { on: sim.network.nat('nat', { mapping, filtering }) }));
    const [s1, s2, s3] = ['s1', 's2', 's3'].map((name) => sim.network.host(name));
    assert.ok(s1 !== undefined && s2 !== undefined && s3 !== undefined);
    const sources = [talker(s1, 1), talker(s1, 9), talker(s2, 1), talker(s3, 1)];
    const targets = [sources[0], talker(s1, 2), sources[2]];
    const outer = targets.map((target) => {
      assert.ok(target !== undefined);
      inner.say('out', at(target));
      sim.run(100);
      return target.heard[0]?.from ?? 'nothing';
    });
    const names = new Map<string, string>();
    for (const one of outer) if (!names.has(one)) names.set(one, 'abc'[names.size] ?? '?');
    assert.equal(outer.map((one) => names.get(one)).join(''), shared);
    for (const [i, source] of sources.entries()) source.say(`in ${i}`, outer[0] ?? '');
    sim.run(100);
    const expected = passes.flatMap((pass, i) => (pass ? [`in ${i}`] : []));
    assert.deepEqual(texts(inner), expected, sim.trace.format(20));
  });
}

/** Filtering of a firewall without NAT: columns as above for S1:1, S1:9, S2:1. */
const FIREWALL: readonly (readonly [number, Dependence, boolean, boolean, boolean])[] = [
  [1, EI, true, true, true],
  [2, AD, true, true, false],
  [3, APD, true, false, false],
];

for (const [row, filtering, ...passes] of FIREWALL) {
  test(`firewall row ${row}: filtering ${filtering}, addresses show through`, () => {
    const sim = simulation();
    const inner = talker(sim.network.host('inner', { on: sim.network.firewall('wall', { filtering }) }));
    const s1 = sim.network.host('s1');
    const sources = [talker(s1, 1), talker(s1, 9), talker(sim.network.host('s2'), 1)];
    inner.say('out', at(sources[0] ?? inner));
    sim.run(100);
    assert.equal(sources[0]?.heard[0]?.from, at(inner));
    for (const [i, source] of sources.entries()) source.say(`in ${i}`, at(inner));
    sim.run(100);
    assert.deepEqual(
      texts(inner),
      passes.flatMap((pass, i) => (pass ? [`in ${i}`] : [])),
    );
  });
}

function home(options: NatOptions = {}, seed?: string) {
  const sim = simulation(seed);
  const nat = sim.network.nat('nat', options);
  const inner = talker(sim.network.host('inner', { on: nat }));
  const server = talker(sim.network.host('server'));
  const seen = (): string => server.heard.at(-1)?.from ?? 'nothing';
  return { sim, nat, inner, server, seen };
}

test('a port that is preserved is the inner one, and a random one where that is taken', () => {
  const { sim, nat, inner, server } = home({ ports: 'preserve' });
  const other = talker(sim.network.host('other', { on: nat }));
  inner.say('a', at(server));
  other.say('b', at(server));
  sim.run(100);
  assert.equal(server.heard[0]?.from, `${nat.address}:${PORT}`);
  assert.notEqual(server.heard[1]?.from, `${nat.address}:${PORT}`);
});

test('a port whose mapping ran out is preserved for the next host', () => {
  const { sim, nat, inner, server, seen } = home({ timeout: 30_000 });
  const other = talker(sim.network.host('other', { on: nat }));
  inner.say('a', at(server));
  sim.run(31_000);
  other.say('b', at(server));
  sim.run(100);
  assert.equal(seen(), `${nat.address}:${PORT}`);
  inner.say('c', at(server));
  sim.run(100);
  assert.notEqual(seen(), `${nat.address}:${PORT}`);
});

test('contiguous ports follow each other', () => {
  const { sim, nat, inner, server } = home({ ports: 'contiguous', mapping: APD });
  inner.say('a', at(server));
  inner.say('b', `${server.host.address}:7`);
  const second = talker(server.host, 7);
  sim.run(100);
  assert.equal(server.heard[0]?.from, `${nat.address}:1024`);
  assert.equal(second.heard[0]?.from, `${nat.address}:1025`);
});

test('random ports differ between seeds and not between runs', () => {
  const port = (seed: string): string => {
    const { sim, inner, server, seen } = home({ ports: 'random' }, seed);
    inner.say('a', at(server));
    sim.run(100);
    return seen();
  };
  assert.equal(port('one'), port('one'));
  assert.notEqual(port('one'), port('two'));
});

test('a mapping ends with its timeout after the last packet outwards', () => {
  const { sim, inner, server, seen } = home({ timeout: 30_000 });
  inner.say('out', at(server));
  sim.run(20_000);
  inner.say('again', at(server));
  sim.run(29_000);
  server.say('in time', seen());
  sim.run(1500);
  server.say('too late', seen());
  sim.run(100);
  assert.deepEqual(texts(inner), ['in time']);
  assert.equal(sim.trace.countOf('no mapping'), 1);
});

test('packets inwards keep a mapping alive only where the NAT says so', () => {
  for (const inboundRefresh of [false, true]) {
    const { sim, inner, server, seen } = home({ timeout: 30_000, inboundRefresh });
    inner.say('out', at(server));
    sim.run(20_000);
    for (let i = 0; i < 3; i++) {
      server.say(`in ${i}`, seen());
      sim.run(20_000);
    }
    assert.equal(inner.heard.length, inboundRefresh ? 3 : 1);
  }
});

test('a symmetric NAT gives a destination a new port after the timeout', () => {
  const { sim, inner, server, seen } = home({ mapping: APD, ports: 'random', timeout: 30_000 });
  inner.say('a', at(server));
  sim.run(31_000);
  const before = seen();
  inner.say('b', at(server));
  sim.run(100);
  assert.notEqual(seen(), before);
});

test('a NAT at its limit drops new flows and takes them again when old ones ran out', () => {
  const { sim, nat, server } = home({ maxMappings: 2, timeout: 30_000 });
  const inner = [1, 2, 3].map((n) => talker(sim.network.host(`h${n}`, { on: nat })));
  for (const one of inner) one.say('x', at(server));
  sim.run(100);
  assert.equal(server.heard.length, 2);
  assert.equal(sim.trace.countOf('mappings full'), 1);
  sim.run(30_000);
  inner[2]?.say('y', at(server));
  sim.run(100);
  assert.equal(server.heard.length, 3);
});

test('inner hosts meet at their outer endpoints only where the NAT hairpins', () => {
  for (const hairpin of [false, true]) {
    const { sim, nat, inner, server } = home({ hairpin });
    const other = talker(sim.network.host('other', { on: nat }), 7000);
    inner.say('open', at(server));
    other.say('open', at(server));
    sim.run(100);
    inner.say('punch', `${nat.address}:7000`);
    other.say('hello', `${nat.address}:${PORT}`);
    sim.run(100);
    assert.equal(inner.heard[0]?.from, hairpin ? `${nat.address}:7000` : undefined);
    assert.equal(sim.trace.countOf('no hairpin'), hairpin ? 0 : 2);
  }
});

test('hosts of one LAN reach each other directly, with their private addresses', () => {
  const { sim, nat, inner } = home();
  const other = talker(sim.network.host('other', { on: nat }));
  inner.say('hi', at(other));
  sim.run(1);
  assert.deepEqual(other.heard, [{ text: 'hi', from: '192.168.1.2:6550', now: 0.3 }]);
});

test('an address of the own LAN that nobody has does not leave the LAN', () => {
  const { sim, nat, inner } = home();
  inner.say('hi', '192.168.1.77:6550');
  sim.run(100);
  assert.equal(sim.trace.countOf('no route'), 1);
  assert.equal(nat.mappings, 0);
});

test('private addresses lead nowhere in the core', () => {
  const { sim, inner } = home();
  inner.say('hi', '10.1.2.3:6550');
  sim.run(100);
  assert.equal(sim.trace.countOf('no route'), 1);
});

test('behind two NATs both map, both filter, and neighbours behind the carrier meet in its realm', () => {
  const sim = simulation();
  const carrier = sim.network.nat('carrier', { lan: prefix('100.64.0.0/10'), filtering: EI, hairpin: true });
  const [home1, home2] = [sim.network.nat('home1', { on: carrier }), sim.network.nat('home2', { on: carrier })];
  const [a, b] = [talker(sim.network.host('a', { on: home1 })), talker(sim.network.host('b', { on: home2 }))];
  const server = talker(sim.network.host('server'));
  a.say('a', at(server));
  b.say('b', at(server));
  sim.run(100);
  const [outerA, outerB] = server.heard.map(({ from }) => from);
  assert.equal(outerA, `${carrier.address}:6550`);
  server.say('back', outerA ?? '');
  talker(sim.network.host('stranger')).say('stranger', outerA ?? '');
  sim.run(100);
  assert.deepEqual(texts(a), ['back']);
  assert.equal(sim.trace.records().at(-1)?.place, 'home1');
  a.say('punch', outerB ?? '');
  b.say('punch', outerA ?? '');
  sim.run(100);
  a.say('hello', outerB ?? '');
  sim.run(100);
  assert.equal(b.heard.at(-1)?.text, 'hello');
  assert.equal(b.heard.at(-1)?.from, outerA);
});

test('a forwarded port is open to everybody, and its host sends from it', () => {
  const { sim, nat, inner, server, seen } = home({ mapping: APD, ports: 'random' });
  nat.forward(4000, at(inner));
  server.say('in', `${nat.address}:4000`);
  inner.say('out', at(server));
  sim.run(100);
  assert.deepEqual(texts(inner), ['in']);
  assert.equal(seen(), `${nat.address}:4000`);
  nat.unforward(4000);
  server.say('again', `${nat.address}:4000`);
  sim.run(100);
  assert.deepEqual(texts(inner), ['in']);
});

test('a forwarded port is not given to another host that would have it preserved', () => {
  const { sim, nat, inner, server } = home();
  const other = talker(sim.network.host('other', { on: nat }), 7000);
  nat.forward(PORT, at(other));
  inner.say('mine', at(server));
  sim.run(100);
  assert.notEqual(server.heard[0]?.from, `${nat.address}:${PORT}`);
});

test('a firewall keeps every flow of a host, whatever its kind says of mappings', () => {
  const sim = simulation();
  const wall = sim.network.firewall('wall');
  wall.change({ mapping: APD });
  const inner = talker(sim.network.host('inner', { on: wall }));
  const servers = ['s1', 's2'].map((name) => talker(sim.network.host(name)));
  for (const server of servers) inner.say('out', at(server));
  sim.run(100);
  for (const server of servers) server.say('back', at(inner));
  sim.run(100);
  assert.deepEqual(texts(inner), ['back', 'back']);
});

test('a host that leaves a firewall frees its address in the core', () => {
  const sim = simulation();
  const inner = sim.network.host('inner', { on: sim.network.firewall('wall') });
  const old = inner.address;
  inner.move(sim.network.internet);
  assert.notEqual(inner.address, old);
  const heir = talker(sim.network.host('heir', { address: old }));
  talker(sim.network.host('server')).say('hi', at(heir));
  sim.run(100);
  assert.deepEqual(texts(heir), ['hi']);
});

test('a reboot loses mappings, another kind applies at once, another address ends the old one', () => {
  const { sim, nat, inner, server, seen } = home();
  inner.say('out', at(server));
  sim.run(100);
  const first = seen();
  nat.reset();
  server.say('lost', first);
  sim.run(100);
  nat.change({ ports: 'random' });
  inner.say('out', at(server));
  sim.run(100);
  assert.notEqual(seen(), first);
  const old = nat.address;
  nat.changeAddress();
  inner.say('out', at(server));
  sim.run(100);
  assert.ok(seen().startsWith(`${nat.address}:`));
  assert.notEqual(nat.address, old);
  server.say('lost', `${old}:6550`);
  sim.run(100);
  assert.deepEqual(texts(inner), []);
  assert.equal(sim.trace.countOf('no route'), 1);
});

test('where UDP is blocked nothing passes in either direction', () => {
  const sim = simulation();
  const inner = talker(sim.network.host('inner', { on: sim.network.firewall('office', { udp: false }) }));
  const server = talker(sim.network.host('server'));
  inner.say('out', at(server));
  server.say('in', at(inner));
  sim.run(100);
  assert.equal(inner.heard.length + server.heard.length, 0);
  assert.equal(sim.trace.countOf('udp blocked'), 2);
});

test('a box shows its packets to a tap and lets a hostile one change or swallow them', () => {
  const { sim, nat, inner, server } = home();
  const seen: string[] = [];
  nat.tap = ({ from, to, direction, bytes }) => seen.push(`${direction} ${from} ${to} ${bytes.length}`);
  nat.intercept = ({ bytes }) => (bytes[0] === 0x78 ? null : bytes.slice(0, 2));
  inner.say('abc', at(server));
  inner.say('xyz', at(server));
  sim.run(100);
  assert.deepEqual(texts(server), ['ab']);
  assert.deepEqual(seen, [`out ${at(inner)} ${at(server)} 3`, `out ${at(inner)} ${at(server)} 3`]);
  assert.equal(sim.trace.countOf('swallowed'), 1);
});

test('nothing reaches a host behind a closed filter from an endpoint that it did not send to within the timeout', () => {
  const step = fc.record({
    inner: fc.nat(1),
    outer: fc.nat(2),
    outwards: fc.boolean(),
    pause: fc.constantFrom(0, 5, 100, 20_000, 40_000),
  });
  const box = fc.constantFrom('nat', 'symmetric', 'firewall');
  let heard = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), box, (steps, kind) => {
      const sim = simulation();
      const timeout = 30_000;
      const on =
        kind === 'firewall'
          ? sim.network.firewall('box', { timeout })
          : sim.network.nat('box', { timeout, mapping: kind === 'nat' ? EI : APD, filtering: APD });
      const inner = ['i0', 'i1'].map((name) => talker(sim.network.host(name, { on, link: { latency: 0 } })));
      const outer = ['o0', 'o1', 'o2'].map((name) => talker(sim.network.host(name, { link: { latency: 0 } })));
      const lastSent = new Map<string, number>();
      for (const [i, one] of inner.entries()) {
        one.socket.onDatagram = (_, from, now) => {
          heard++;
          const sent = lastSent.get(`${i} ${from}`);
          assert.ok(sent !== undefined && now - sent < timeout, sim.trace.format(10));
        };
      }
      for (const { inner: i, outer: o, outwards, pause } of steps) {
        const [one, other] = [inner[i], outer[o]];
        assert.ok(one !== undefined && other !== undefined);
        if (outwards) {
          one.say('out', at(other));
          lastSent.set(`${i} ${at(other)}`, sim.now);
        } else {
          // Where the inner host was seen last by anybody: the best that a stranger could know.
          const from = [...outer].flatMap(({ heard: all }) => all).at(-1)?.from;
          other.say('in', from ?? (kind === 'firewall' ? at(one) : `${on.address}:${PORT}`));
        }
        sim.run(pause);
      }
    }),
    { numRuns: 400, seed: 1 },
  );
  assert.ok(heard > 100, `only ${heard} packets came in at all: the property was hardly tried`);
});

test('a NAT with given prefix and address has them', () => {
  const sim = simulation();
  const nat = sim.network.nat('nat', { address: address('198.51.100.9'), lan: prefix('10.7.0.0/16') });
  const inner = sim.network.host('inner', { on: nat });
  const fixed = sim.network.host('fixed', { on: nat, address: address('10.7.3.3') });
  assert.equal(nat.address, '198.51.100.9');
  assert.deepEqual([...inner.localAddresses(), ...fixed.localAddresses()], ['10.7.0.2', '10.7.3.3']);
  assert.throws(() => sim.network.host('twice', { on: nat, address: address('10.7.3.3') }), /10\.7\.3\.3 is taken/);
  assert.equal(endpoint('198.51.100.9:1'), '198.51.100.9:1');
});
