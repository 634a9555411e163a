import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Address, KithError, parsePrefix } from '@kith/core';
import fc from 'fast-check';
import type { LogLine } from '@kith/api';
import { bytes, duration, errorText, parseDuration, plain, rtt, table } from '../src/cli/output.ts';
import { freePrefix, reachableAddresses } from '../src/daemon/addresses.ts';
import { WallClock } from '../src/daemon/clock.ts';
import { fileSink, formatLine, LogBook } from '../src/daemon/log.ts';
import { type Sleeper, TimerDriver } from '../src/daemon/timer.ts';

test('columns are as wide as their widest cell and numbers stand to the right', () => {
  const text = table(
    ['NAME', 'RTT'],
    [
      ['a', '1 ms'],
      ['longer', '12 ms'],
    ],
    ['RTT'],
  );
  assert.equal(text, 'NAME      RTT\na        1 ms\nlonger  12 ms');
});

test('amounts are short', () => {
  assert.deepEqual([0, 999, 1500, 99_400, 1e6, 2.5e9].map(bytes), [
    '0 B',
    '999 B',
    '1.5 kB',
    '99.4 kB',
    '1.0 MB',
    '2.5 GB',
  ]);
  assert.deepEqual([null, 0.44, 9.94, 12.4].map(rtt), ['-', '0.4 ms', '9.9 ms', '12 ms']);
  assert.deepEqual([1000, 119_000, 120_000, 7_200_000, 172_800_000].map(duration), [
    '1 s',
    '119 s',
    '2 min',
    '2 h',
    '2 d',
  ]);
});

test('times on the command line are read or refused', () => {
  assert.deepEqual(
    ['90s', '30m', '12h', '7d', '2w', 'never'].map((text) => parseDuration(text, '--expires')),
    [90_000, 1_800_000, 43_200_000, 604_800_000, 1_209_600_000, null],
  );
  for (const text of ['', '7', '0d', '-1d', '1.5h', '7 d', 'd']) {
    assert.throws(() => parseDuration(text, '--expires'), /^KithError: --expires .* is no time/, text);
  }
});

test("a member's words cannot steer the terminal", () => {
  const line: LogLine = { seq: 1, time: 't', level: 'warn', kind: 'path', member: null, text: 'a\u001b[31m\nb' };
  assert.equal(formatLine(line), 't warn path: a [31m b');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      for (const shown of [plain(text), errorText(new KithError('USAGE', text))]) {
        assert.doesNotMatch(shown.split('\n').join(''), /[\u0000-\u001f\u007f-\u009f]/);
      }
    }),
  );
});

test('wall-clock time never runs backwards, not after a restart and not when the clock is set back', () => {
  const clock = new WallClock(5000, 4000, 100);
  assert.equal(clock.at(100), 5000, 'the mark of the run before counts');
  assert.equal(clock.at(200), 5100);
  clock.observe(1000, 300);
  assert.equal(clock.at(300), 5200, 'set back: ignored');
  clock.observe(90_000, 400);
  assert.equal(clock.at(400), 90_000, 'set forward: followed');
});

test('a machine that slept is noticed, a clock that wanders is not', () => {
  const clock = new WallClock(0, 1_000_000, 0);
  assert.equal(clock.observe(1_001_000, 1000), false);
  assert.equal(clock.observe(1_003_500, 2000), false, '1.5 s of drift');
  assert.equal(clock.observe(1_064_500, 3000), true, 'a minute asleep');
  assert.equal(clock.observe(1_065_500, 4000), false);
});

test('the timer wakes whoever is due, each at its time', { timeout: 5000 }, async () => {
  const ticks: string[] = [];
  await new Promise<void>((resolve) => {
    const sleeper = (name: string, delay: number): Sleeper => {
      let at: number | null = performance.now() + delay;
      return {
        wakeAt: () => at,
        tick(now) {
          assert.ok(at !== null && now >= at, 'not before its time');
          at = null;
          ticks.push(name);
          if (ticks.length === 2) resolve();
        },
      };
    };
    new TimerDriver([sleeper('late', 20), sleeper('early', 5)]).rearm();
  });
  // On a busy machine both may be due at one waking, then in the order they were given.
  assert.deepEqual(ticks.toSorted(), ['early', 'late']);
});

test('the log keeps the newest thousand lines and drops what is below its level', () => {
  const seen: LogLine[] = [];
  const log = new LogBook('info', (line) => seen.push(line));
  log.write({ level: 'debug', kind: 'x', member: null, text: 'dropped' });
  for (let i = 1; i <= 1200; i++) log.write({ level: 'info', kind: 'x', member: null, text: String(i) });
  assert.equal(seen.length, 1200);
  const lines = log.lines(0);
  assert.equal(lines.length, 1000);
  assert.equal(lines[0]?.text, '201');
  assert.equal(log.lines(1199).length, 1);
});

test('the log file is moved away when it is full, and one predecessor is kept', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kith-log-'));
  const path = join(folder, 'daemon.log');
  const sink = fileSink(path);
  const line: LogLine = { seq: 1, time: 't', level: 'info', kind: 'x', member: null, text: 'y'.repeat(100_000) };
  for (let i = 0; i < 25; i++) sink(line);
  assert.ok(statSync(`${path}.1`).size > 1 << 20);
  assert.ok(!existsSync(path) || statSync(path).size <= 1 << 20);
  assert.equal(statSync(`${path}.1`).mode & 0o777, 0o600);
  assert.match(readFileSync(`${path}.1`, 'utf8'), /^t x: yyy/);
  rmSync(folder, { recursive: true });
});

test('a prefix that is free here is found', () => {
  assert.equal(freePrefix([]), '10.0.0.0/24');
  assert.equal(freePrefix([parsePrefix('10.0.0.0/23'), parsePrefix('10.0.2.128/25')]), '10.0.3.0/24');
  assert.equal(freePrefix([parsePrefix('10.0.0.0/8')]), null);
});

test("addresses on kith's own interfaces are no way to this machine", () => {
  const prefix = parsePrefix('192.0.2.0/24');
  const at = (name: string, address: string) => ({ interface: name, address: address as Address, prefix });
  const all = [at('eth0', '192.0.2.1'), at('kith-home', '10.0.0.1'), at('mesh7', '10.7.0.1')];
  assert.deepEqual(reachableAddresses(all, ['mesh7']), ['192.0.2.1']);
});
