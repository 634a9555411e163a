import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WALL_START, drive } from '@kith/sim';
import type { Machine } from '@kith/sim';
import { at, endpoint, prefix, simulation, talker, texts } from './support.ts';

test('timers fire at their time and not after they were cancelled', () => {
  const sim = simulation();
  const host = sim.network.host('a');
  const fired: number[] = [];
  host.setTimer(30, (now) => fired.push(now));
  host.setTimer(10, (now) => fired.push(now));
  host.setTimer(20, (now) => fired.push(now)).cancel();
  sim.run(25);
  assert.deepEqual(fired, [10]);
  sim.run(5);
  assert.deepEqual(fired, [10, 30]);
});

test('timers that run out in sleep fire on waking, in order, and a timer cancelled on waking does not', () => {
  const sim = simulation();
  const host = sim.network.host('a');
  const fired: string[] = [];
  const late = host.setTimer(300, () => fired.push('late'));
  host.setTimer(200, (now) => fired.push(`b ${now}`));
  host.setTimer(100, (now) => fired.push(`a ${now}`));
  host.setTimer(2000, (now) => fired.push(`c ${now}`));
  host.onWake = (now) => {
    fired.push(`wake ${now}`);
    late.cancel();
  };
  host.sleep(1000);
  sim.run(999);
  assert.deepEqual(fired, []);
  sim.run(2000);
  assert.deepEqual(fired, ['wake 1000', 'a 1000', 'b 1000', 'c 2000']);
});

test('a second sleep inside the first lasts until the later end', () => {
  const sim = simulation();
  const host = sim.network.host('a');
  let wakes = 0;
  host.onWake = () => wakes++;
  host.sleep(1000);
  sim.run(500);
  host.sleep(100);
  host.sleep(2000);
  sim.run(1900);
  assert.equal(host.isAsleep, true);
  sim.run(200);
  assert.equal(host.isAsleep, false);
  assert.equal(wakes, 1);
});

test('a monotonic clock that stops in sleep puts timers off; the wall clock runs on', () => {
  const sim = simulation();
  const host = sim.network.host('a');
  const fired: number[] = [];
  host.setTimer(500, (now) => fired.push(now, sim.now));
  host.setTimer(5000, (now) => fired.push(now, sim.now));
  sim.run(100);
  host.sleep(1000, 'stops');
  sim.run(500);
  assert.equal(host.now(), 100);
  sim.run(600);
  assert.equal(host.now(), 200);
  assert.equal(host.wall(), WALL_START + 1200);
  sim.run(10_000);
  assert.deepEqual(fired, [500, 1500, 5000, 6000]);
});

test('a machine is woken right after a sleep that stopped the clock at an odd moment', () => {
  for (let i = 1; i < 50; i++) {
    const sim = simulation();
    const host = sim.network.host('a');
    const machine = heartbeat(100.1 + i / 7);
    drive(host, machine);
    sim.run(10 / 3 + i / 11);
    host.sleep(1000 / 3, 'stops');
    sim.run(5000);
    assert.ok(machine.ticks.length > 30);
    assert.deepEqual(
      [...machine.ticks].sort((a, b) => a - b),
      machine.ticks,
    );
    assert.ok(machine.ticks.every((now, n) => Math.abs(now - (n + 1) * (100.1 + i / 7)) < 1e-6));
  }
});

test('a network that changed in sleep is reported on waking, after the waking itself', () => {
  const sim = simulation();
  const host = sim.network.host('a');
  const seen: string[] = [];
  host.onWake = (now) => seen.push(`wake ${now}`);
  host.onNetworkChange = (now) => seen.push(`network ${now}`);
  host.sleep(1000);
  sim.run(500);
  host.move(sim.network.nat('cafe'));
  assert.deepEqual(seen, []);
  sim.run(1000);
  assert.deepEqual(seen, ['wake 1000', 'network 1000']);
});

test('packets to a sleeping host are lost, and it sends none', () => {
  const sim = simulation();
  const [a, b] = [talker(sim.network.host('a')), talker(sim.network.host('b'))];
  a.say('before', at(b));
  sim.run(10);
  b.host.sleep(1000);
  b.say('asleep', at(a));
  sim.run(500);
  a.say('during', at(b));
  sim.run(600);
  a.say('after', at(b));
  sim.run(100);
  assert.deepEqual(texts(b), ['after']);
  assert.deepEqual(texts(a), []);
  assert.equal(sim.trace.countOf('receiver asleep'), 2);
  assert.equal(sim.trace.countOf('sender asleep'), 1);
});

test('the wall clock may be wrong and run fast', () => {
  const sim = simulation();
  const host = sim.network.host('pi');
  host.setWall(-WALL_START, 0.001);
  sim.run(10_000);
  assert.equal(host.wall(), 10_010);
  assert.equal(host.wall(5000), 5005);
});

/** Ticks every `gap` ms, and puts its next tick off by `gap` whenever a datagram comes in. */
function heartbeat(gap: number): Machine & { ticks: number[]; next: number | null; heard(now: number): void } {
  return {
    ticks: [],
    next: gap,
    wakeAt() {
      return this.next;
    },
    tick(now) {
      this.ticks.push(now);
      this.next = now + gap;
    },
    heard(now) {
      this.next = now + gap;
    },
  };
}

test('a driven machine is ticked exactly when it is due, also when that moves either way', () => {
  const sim = simulation();
  const [a, b] = [talker(sim.network.host('a')), talker(sim.network.host('b'))];
  const machine = heartbeat(100);
  a.socket.onDatagram = (bytes, _, now) => {
    machine.next = now + (bytes.length === 1 ? 1 : 100);
  };
  drive(a.host, machine);
  sim.schedule(60, () => b.say('later', at(a)));
  sim.schedule(200, () => b.say('!', at(a)));
  sim.run(400);
  // Heard at 80: due at 180. Ticked, then heard at 220: due at 221.
  assert.deepEqual(machine.ticks, [180, 221, 321]);
});

test('a change of plan by the scenario is seen at once, and a machine without a plan sleeps', () => {
  const sim = simulation();
  const machine = heartbeat(1000);
  machine.next = null;
  const driving = drive(sim.network.host('a'), machine);
  sim.schedule(50, () => (machine.next = 70));
  sim.run(100);
  machine.next = 120;
  sim.run(100);
  assert.deepEqual(machine.ticks, [70, 120]);
  driving.stop();
  sim.run(5000);
  assert.deepEqual(machine.ticks, [70, 120]);
});

test('a machine that stays due is reported with its host instead of running forever', () => {
  const sim = simulation();
  drive(sim.network.host('stuck'), { wakeAt: () => 5, tick: () => {} });
  assert.throws(() => sim.run(10), /host stuck: .* asks to be woken at 5 .*\n.*seed "test"/);
});

test('a crash ends sockets, timers and driven machines, and the host can start again', () => {
  const sim = simulation();
  const [a, b] = [talker(sim.network.host('a')), talker(sim.network.host('b'))];
  const machine = heartbeat(100);
  const driving = drive(a.host, machine);
  let fired = false;
  a.host.setTimer(500, () => (fired = true));
  sim.run(150);
  a.host.crash();
  machine.next = 160;
  driving.poke();
  b.say('lost', at(a));
  sim.run(1000);
  assert.deepEqual(machine.ticks, [100]);
  assert.equal(fired, false);
  assert.equal(sim.trace.countOf('no socket'), 1);
  const again = talker(a.host);
  b.say('hello', at(again));
  sim.run(100);
  assert.deepEqual(texts(again), ['hello']);
});

test('a port is bound once, free after closing, and 0 takes a free one', () => {
  const sim = simulation();
  const host = sim.network.host('a');
  const first = host.bind(7);
  assert.throws(() => host.bind(7), /port 7 of host a is taken/);
  first.close();
  const second = host.bind(7);
  first.close();
  assert.throws(() => host.bind(7), /taken/);
  assert.equal(second.port, 7);
  assert.notEqual(host.bind().port, host.bind().port);
  assert.throws(() => host.bind(65536), RangeError);
});

test('offline a host has no addresses, hears nothing, says nothing, and is told so', () => {
  const sim = simulation();
  const [a, b] = [talker(sim.network.host('a')), talker(sim.network.host('b'))];
  let changes = 0;
  a.host.onNetworkChange = () => changes++;
  const there = at(a);
  a.host.offline();
  assert.deepEqual(a.host.localAddresses(), []);
  b.say('1', there);
  a.say('2', at(b));
  sim.run(100);
  a.host.online();
  b.say('3', there);
  sim.run(100);
  assert.deepEqual(texts(a), ['3']);
  assert.deepEqual(texts(b), []);
  assert.equal(changes, 2);
});

test('a moved host sends from its new place and is gone from the old one', () => {
  const sim = simulation();
  const [a, b] = [talker(sim.network.host('a')), talker(sim.network.host('b'))];
  const old = at(a);
  const nat = sim.network.nat('cafe');
  a.host.move(nat);
  assert.deepEqual(a.host.localAddresses(), ['192.168.1.2']);
  a.say('roamed', at(b));
  b.say('lost', old);
  sim.run(100);
  assert.equal(b.heard[0]?.from, `${nat.address}:6550`);
  assert.deepEqual(texts(a), []);
  a.host.move(sim.network.internet);
  const before = a.host.address;
  a.host.changeAddress();
  assert.notEqual(a.host.address, before);
  a.say('again', at(b));
  sim.run(100);
  assert.equal(b.heard[1]?.from, at(a));
});

test('a host in two LANs reaches the neighbours in each from its address there', () => {
  const sim = simulation();
  const [one, two] = [sim.network.nat('one'), sim.network.nat('two', { lan: prefix('10.0.0.0/24') })];
  const a = talker(sim.network.host('a', { on: one }));
  a.host.attach(two);
  const [b, c] = [talker(sim.network.host('b', { on: one })), talker(sim.network.host('c', { on: two }))];
  a.say('b', at(b));
  a.say('c', at(c));
  sim.run(1);
  assert.deepEqual([b.heard[0]?.from, c.heard[0]?.from], ['192.168.1.2:6550', '10.0.0.2:6550']);
});

test('a host with both families sends each destination from an address of its family', () => {
  const sim = simulation();
  const a = talker(sim.network.host('a', { on: sim.network.nat('nat') }));
  const wall = sim.network.firewall('wall6');
  const six = a.host.attach(wall, 6);
  const server = talker(sim.network.host('server'));
  const server6 = server.host.attach(sim.network.internet, 6);
  a.say('four', at(server));
  a.say('six', endpoint(`[${server6}]:6550`));
  sim.run(100);
  assert.deepEqual(
    server.heard.map(({ from }) => from),
    ['203.0.113.1:6550', `[${six}]:6550`],
  );
  talker(sim.network.host('only4')).say('none', endpoint(`[${six}]:6550`));
  assert.equal(sim.trace.countOf('no route'), 1);
});
