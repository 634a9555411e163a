import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { VirtualClock } from '@kith/sim';

test('events run in the order of their times, and of one instant in the order of scheduling', () => {
  const clock = new VirtualClock();
  const seen: string[] = [];
  for (const [name, at] of [
    ['d', 7],
    ['a', 3],
    ['b', 3],
    ['e', 9],
    ['c', 3],
  ] as const) {
    clock.schedule(at, () => seen.push(`${name}${clock.now}`));
  }
  clock.run(8);
  assert.deepEqual(seen, ['a3', 'b3', 'c3', 'd7']);
  assert.equal(clock.now, 8);
  assert.equal(clock.pending, 1);
});

test('an event that is scheduled in the past runs now, after those that wait for now', () => {
  const clock = new VirtualClock();
  const seen: string[] = [];
  clock.schedule(5, () => {
    clock.schedule(1, () => seen.push(`late ${clock.now}`));
    seen.push('first');
  });
  clock.schedule(5, () => seen.push('second'));
  clock.run(5);
  assert.deepEqual(seen, ['first', 'second', 'late 5']);
});

test('a time that is no number is refused', () => {
  assert.throws(() => new VirtualClock().schedule(Number.NaN, () => {}), RangeError);
});

test('cancelled events never run, cancelled twice or swept or not', () => {
  const clock = new VirtualClock();
  let ran = 0;
  const events = Array.from({ length: 5000 }, (_, i) => clock.schedule(i % 97, () => ran++));
  for (const [i, event] of events.entries()) if (i % 5 !== 0) clock.cancel(event);
  for (const event of events.slice(0, 10)) if (event.run === null) clock.cancel(event);
  assert.equal(clock.pending, 1000);
  clock.run(100);
  assert.equal(ran, 1000);
  assert.equal(clock.pending, 0);
});

test('sweeping cancelled events keeps the order of the others', () => {
  const clock = new VirtualClock();
  const seen: number[] = [];
  // Times that fall and rise leave a heap whose order depends on the events that go.
  const times = Array.from({ length: 6000 }, (_, i) => (i * 7919) % 6007);
  const events = times.map((at) => clock.schedule(at, () => seen.push(at)));
  for (const [i, event] of events.entries()) if ((times[i] ?? 0) < 3900) clock.cancel(event);
  clock.run(7000);
  assert.deepEqual(
    seen,
    times.filter((at) => at >= 3900).sort((x, y) => x - y),
  );
});

test('runUntil looks at the condition between instants, never in the middle of one', () => {
  const clock = new VirtualClock();
  let [sent, received] = [0, 0];
  for (const at of [1, 2]) {
    clock.schedule(at, () => sent++);
    clock.schedule(at, () => received++);
  }
  assert.equal(
    clock.runUntil(() => sent !== received, 10),
    false,
  );
});

test('runUntil stops where the condition first holds', () => {
  const clock = new VirtualClock();
  let count = 0;
  for (let at = 10; at <= 100; at += 10) clock.schedule(at, () => count++);
  assert.equal(
    clock.runUntil(() => count === 4, 1000),
    true,
  );
  assert.equal(clock.now, 40);
  assert.equal(count, 4);
});

test('runUntil stands at its deadline when the condition never holds, and leaves later events alone', () => {
  const clock = new VirtualClock();
  let late = false;
  clock.schedule(51, () => (late = true));
  assert.equal(
    clock.runUntil(() => late, 50),
    false,
  );
  assert.equal(clock.now, 50);
  assert.equal(late, false);
});

test('runUntil looks at the condition at most once per interval, and at the end', () => {
  const clock = new VirtualClock();
  for (let at = 1; at <= 1000; at++) clock.schedule(at, () => {});
  let looks = 0;
  clock.runUntil(() => (looks++, false), 1000, 100);
  assert.ok(looks >= 10 && looks <= 13, `${looks} looks`);
});

test('any mix of schedules and cancellations runs like a stably sorted list', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ at: fc.nat(50), cancel: fc.boolean() }), { maxLength: 300 }), (plan) => {
      const clock = new VirtualClock();
      const seen: number[] = [];
      const events = plan.map(({ at }, i) => clock.schedule(at, () => seen.push(i)));
      for (const [i, event] of events.entries()) if (plan[i]?.cancel === true) clock.cancel(event);
      clock.run(60);
      const expected = plan
        .map(({ at, cancel }, i) => ({ at, cancel, i }))
        .filter(({ cancel }) => !cancel)
        .sort((a, b) => a.at - b.at || a.i - b.i)
        .map(({ i }) => i);
      assert.deepEqual(seen, expected);
    }),
  );
});
