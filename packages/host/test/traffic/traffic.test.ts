import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { type Grain, TrafficHistory, type TrafficRow, trafficText } from '@kith/host';
import { type Counters, growth } from '../../src/traffic/growth.ts';
import { slotOf } from '../../src/traffic/slot.ts';
import { clockCounter } from './traffic-process.ts';

// Slots begin where the host lives; a place with a summer time.
process.env['TZ'] = 'Europe/Berlin';

const folder = mkdtempSync(join(tmpdir(), 'kith-traffic-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const GRAINS: readonly Grain[] = ['minutes', 'hours', 'days', 'months'];
const NOON = Date.parse('2026-11-22T12:00:00+01:00');
const DAY = 86_400_000;

let files = 0;

interface Stage {
  readonly path: string;
  readonly history: TrafficHistory;
  readonly told: string[];
  /** Looks at counters that stand like this. */
  readonly look: (
    now: number,
    counters: Readonly<Record<string, readonly [received: number, sent: number]>>,
  ) => Promise<void>;
}

function stage(path = join(folder, `traffic-${files++}.sqlite`), boot = 'one'): Stage {
  let current = new Map<string, Counters>();
  const told: string[] = [];
  const history = new TrafficHistory({
    path,
    boot,
    counters: () => Promise.resolve(current),
    tell: (text) => told.push(text),
  });
  return {
    path,
    history,
    told,
    look(now, counters) {
      current = new Map(Object.entries(counters).map(([name, [received, sent]]) => [name, { received, sent }]));
      return history.sample(now);
    },
  };
}

const amounts = (rows: readonly TrafficRow[]): [number, number][] => rows.map(({ received, sent }) => [received, sent]);

test('slots follow one another without a gap and hold the moment they are asked for', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e12 }), fc.constantFrom(...GRAINS), (now, grain) => {
      const slot = slotOf(grain, now);
      assert.ok(slot.start <= now && now < slot.end);
      assert.equal(slotOf(grain, slot.end).start, slot.end);
      assert.equal(slotOf(grain, slot.end - 1).start, slot.start);
    }),
  );
});

test('a day of a change of the clocks has 23 or 25 hours', () => {
  const hours = (day: string): number => {
    const { start, end } = slotOf('days', Date.parse(`${day}T12:00:00Z`));
    return (end - start) / 3_600_000;
  };
  assert.deepEqual([hours('2026-03-29'), hours('2026-10-25'), hours('2026-11-22')], [23, 25, 24]);
});

test('counters that begin anew count from nothing, whatever made them', () => {
  const seen = (received: number, sent: number, boot = 'one'): { received: number; sent: number; boot: string } => ({
    received,
    sent,
    boot,
  });
  assert.deepEqual(growth(null, seen(100, 10)), { received: 0, sent: 0 });
  assert.deepEqual(growth(seen(100, 10), seen(150, 11)), { received: 50, sent: 1 });
  assert.deepEqual(growth(seen(100, 10), seen(30, 3)), { received: 30, sent: 3 });
  assert.deepEqual(growth(seen(100, 10), seen(120, 3)), { received: 120, sent: 3 });
  assert.deepEqual(growth(seen(100, 10), seen(150, 11, 'two')), { received: 150, sent: 11 });
});

test('growth is added to the slots of the moment, for each interface', async () => {
  const { history, look } = stage();
  await look(NOON, { wan: [1_000, 2_000], br0: [5, 5] });
  await look(NOON + 30_000, { wan: [1_500, 2_100], br0: [5, 5] });
  await look(NOON + 60_000, { wan: [1_600, 2_200], br0: [6, 5] });
  await look(NOON + 400_000, { wan: [1_610, 2_200], br0: [6, 5] });
  assert.deepEqual(history.interfaces(), ['br0', 'wan']);
  assert.deepEqual(amounts(history.rows('wan', 'minutes')), [
    [600, 200],
    [10, 0],
  ]);
  for (const grain of ['hours', 'days', 'months'] as const)
    assert.deepEqual(amounts(history.rows('wan', grain)), [[610, 200]]);
  assert.deepEqual(amounts(history.rows('br0', 'days')), [[1, 0]]);
  assert.deepEqual(history.rows('none', 'days'), []);
  history.close();
});

test('an interface that was made anew, or a machine that started anew, loses nothing', async () => {
  const { history, look, path } = stage();
  await look(NOON, { wan: [1_000, 0] });
  await look(NOON, { wan: [1_100, 0] });
  await look(NOON, {});
  await look(NOON, { wan: [40, 0] });
  history.close();
  // Nobody looked for a while, but the machine ran on.
  const second = stage(path);
  await second.look(NOON, { wan: [1_040, 0] });
  second.history.close();
  const third = stage(path, 'two');
  await third.look(NOON, { wan: [5_000, 0] });
  assert.deepEqual(amounts(third.history.rows('wan', 'days')), [[100 + 40 + 1_000 + 5_000, 0]]);
  third.history.close();
});

test('whatever happens between looks, all grains tell the same sum: what the counters grew by', async () => {
  const step = fc.record({
    jump: fc.integer({ min: -40 * DAY, max: 40 * DAY }),
    grown: fc.nat(1e9),
    reset: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const { history, look } = stage(':memory:');
      let [now, counter, sum] = [NOON, 0, 0];
      await look(now, { wan: [0, 0] });
      for (const { jump, grown, reset } of steps) {
        now += jump;
        // A counter that begins anew is seen where it is smaller than before.
        counter = reset && grown < counter ? grown : counter + grown;
        sum += grown;
        await look(now, { wan: [counter, 0] });
      }
      for (const grain of GRAINS)
        assert.equal(
          history.rows('wan', grain).reduce((all, { received }) => all + received, 0),
          sum,
        );
      history.close();
    }),
    { numRuns: 40 },
  );
});

test('so many slots are kept of each length, and a clock that stands wrong for a moment costs none', async () => {
  const { history, look } = stage();
  let bytes = 0;
  await look(NOON, { wan: [bytes, 0] });
  for (let i = 0; i < 800; i++) await look(NOON + i * DAY, { wan: [(bytes += 1), 0] });
  const days = history.rows('wan', 'days', 10_000);
  assert.equal(days.length, 731);
  assert.equal(history.rows('wan', 'minutes', 10_000).length, 576);
  assert.equal(days.at(-1)?.start, slotOf('days', NOON + 799 * DAY).start);
  await look(Date.parse('2099-01-01'), { wan: [(bytes += 1), 0] });
  await look(NOON + 800 * DAY, { wan: [(bytes += 1), 0] });
  assert.equal(history.rows('wan', 'days', 10_000).length, 731);
  assert.equal(history.rows('wan', 'days', 3)[1]?.start, slotOf('days', NOON + 800 * DAY).start);
  history.close();
});

test('interfaces that come and go by the thousand are forgotten, those that stay are not', async () => {
  const { history, look } = stage();
  for (let i = 0; i < 600; i++) await look(NOON + i, { wan: [i, 0], [`veth${i}`]: [1, 1], [`veth${i - 1}`]: [2, 2] });
  assert.equal(history.interfaces().length, 256);
  assert.deepEqual(amounts(history.rows('wan', 'months')), [[599, 0]]);
  assert.deepEqual(history.rows('veth0', 'months'), []);
  history.close();
});

test('a rate is the growth between the last two looks', async () => {
  const { history, look } = stage();
  await look(NOON, { wan: [0, 0] });
  assert.equal(history.rate('wan'), null);
  const begun = performance.now();
  await sleep(50);
  // The wall clock stands still and jumps: rates do not mind.
  await look(NOON - DAY, { wan: [1_000_000, 10] });
  const { received = 0 } = history.rate('wan') ?? {};
  assert.ok(received <= 1_000_000 / 0.049 && received >= 1_000_000 / ((performance.now() - begun) / 1000 + 0.05));
  history.close();
});

test('a history that cannot be written is told once, and made up for later', async () => {
  const { history, look, path, told } = stage();
  await look(NOON, { wan: [0, 0] });
  const { DatabaseSync } = await import('node:sqlite');
  const blocker = new DatabaseSync(path);
  blocker.exec("CREATE TRIGGER full BEFORE UPDATE ON interfaces BEGIN SELECT RAISE(ABORT, 'disk is full'); END");
  await look(NOON, { wan: [100, 0] });
  await look(NOON, { wan: [200, 0] });
  blocker.exec('DROP TRIGGER full');
  blocker.close();
  await look(NOON, { wan: [300, 0] });
  assert.deepEqual(told, ['traffic is not kept: disk is full']);
  assert.deepEqual(amounts(history.rows('wan', 'days')), [[300, 0]]);
  history.close();
});

test('killed again and again, the history holds exactly what the counter grew by', async () => {
  const path = join(folder, 'killed.sqlite');
  const script = new URL('traffic-process.ts', import.meta.url).pathname;
  const argv = ['--conditions=source', '--disable-warning=ExperimentalWarning', script, path, 'one'];
  const first = stage(path);
  const begun = clockCounter();
  await first.look(Date.now(), { wan: [begun, 2 * begun] });
  first.history.close();
  for (let round = 0; round < 10; round++) {
    const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    await sleep(10 + round);
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
  const { history, look } = stage(path);
  const ended = clockCounter();
  await look(Date.now(), { wan: [ended, 2 * ended] });
  for (const grain of GRAINS) {
    const rows = history.rows('wan', grain);
    assert.equal(
      rows.reduce((sum, row) => sum + row.received, 0),
      ended - begun,
    );
    assert.equal(
      rows.reduce((sum, row) => sum + row.sent, 0),
      2 * (ended - begun),
    );
  }
  history.close();
});

test('the table tells what came in and went out, the average, and what to expect', () => {
  const row = (day: number, received: number, sent: number): TrafficRow => {
    const slot = slotOf('days', NOON + day * DAY);
    return { interface: 'wan', grain: 'days', ...slot, received, sent };
  };
  const rows = [row(-1, 1_000, 0), row(0, 3 * 2 ** 30, 2 ** 29)];
  assert.equal(
    trafficText([...rows, { ...row(0, 5, 5), interface: 'br0' }], NOON),
    [
      'wan',
      '  day         received        sent     total        average',
      '  2026-11-21    1000 B         0 B    1000 B        0 bit/s',
      '  2026-11-22  3.00 GiB  512.00 MiB  3.50 GiB  695.94 kbit/s',
      '  expected    6.00 GiB    1.00 GiB  7.00 GiB',
      '',
      'br0',
      '  day         received  sent  total  average',
      '  2026-11-22       5 B   5 B   10 B  0 bit/s',
      '  expected        10 B  10 B   20 B',
    ].join('\n'),
  );
  assert.match(trafficText([{ ...row(0, 1, 1), grain: 'months' }], NOON), / {2}2026-11 /);
  assert.match(trafficText([{ ...row(0, 1, 1), grain: 'hours' }], NOON), / {2}2026-11-22 00:00 /);
  assert.equal(trafficText([], NOON), '');
});
