import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { REPLAY_WINDOW, ReplayWindow } from '@kith/wireguard';
import fc from 'fast-check';

const W = REPLAY_WINDOW;

/** Counter and whether it is accepted, in order, on one window. */
const TABLE: readonly (readonly [number, boolean])[] = [
  /*  1 */ [0, true],
  /*  2 */ [0, false],
  /*  3 */ [1, true],
  /*  4 */ [9, true],
  /*  5 */ [8, true],
  /*  6 */ [7, true],
  /*  7 */ [7, false],
  /*  8 */ [9, false],
  /*  9 */ [W, true],
  /* 10 */ [W - 1, true],
  /* 11 */ [W - 1, false],
  /* 12 */ [2, true],
  /* 13 */ [2, false],
  /* 14 */ [W + 16, true],
  /* 15 */ [3, false],
  /* 16 */ [16, false],
  /* 17 */ [17, true],
  /* 18 */ [W + 16, false],
  /* 19 */ [3 * W, true],
  /* 20 */ [3 * W - W, false],
  /* 21 */ [3 * W - W + 1, true],
  /* 22 */ [3 * W - W + 1, false],
  /* 23 */ [W + 17, false],
  /* 24 */ [2 ** 40, true],
  /* 25 */ [2 ** 40 - W, false],
  /* 26 */ [2 ** 40 - W + 1, true],
  /* 27 */ [2 ** 40 - 1, true],
  /* 28 */ [3 * W, false],
  /* 29 */ [-1, false],
  /* 30 */ [0.5, false],
  /* 31 */ [2 ** 53, false],
  /* 32 */ [Number.NaN, false],
];

test('the window accepts each counter once, and none that lies 8192 or more behind', () => {
  const window = new ReplayWindow();
  for (const [at, [counter, expected]] of TABLE.entries()) {
    equal(window.isFresh(counter), expected, `line ${at + 1}`);
    equal(window.accept(counter), expected, `line ${at + 1}`);
  }
});

test('asking whether a counter is fresh changes nothing', () => {
  const window = new ReplayWindow();
  window.accept(5);
  equal(window.isFresh(10 * W), true);
  equal(window.accept(6), true);
});

test('after a dense stretch every counter of the window is remembered, and every one skipped by a jump is fresh', () => {
  for (const jump of [1, 2, 31, 33, 64, 167, W / 2 + 5, W - 1, W]) {
    const window = new ReplayWindow();
    const last = 2 * W + 10;
    for (let counter = 0; counter <= last; counter++) equal(window.accept(counter), true);
    for (let counter = last - W - 1; counter <= last; counter++) equal(window.isFresh(counter), false, `${counter}`);
    equal(window.accept(last + jump), true);
    for (let counter = last + 1; counter < last + jump; counter++) equal(window.accept(counter), true, `${jump}`);
    for (let counter = last; counter <= last + jump; counter++) equal(window.isFresh(counter), false, `${jump}`);
  }
});

test('the window behaves like a set of all counters seen, on any order of arrival', () => {
  const jump = fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: -40, max: 40 }) },
    { weight: 2, arbitrary: fc.integer({ min: -W - 40, max: W + 40 }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 3 * W }) },
  );
  fc.assert(
    fc.property(fc.array(jump, { maxLength: 400 }), (jumps) => {
      const window = new ReplayWindow();
      const seen = new Set<number>();
      let greatest = -1;
      let at = 0;
      for (const by of jumps) {
        at = Math.max(0, at + by);
        const expected = !seen.has(at) && at > greatest - W;
        equal(window.accept(at), expected);
        if (expected) seen.add(at);
        greatest = Math.max(greatest, at);
      }
    }),
  );
});
