import assert from 'node:assert/strict';
import { test } from 'node:test';
import { percentile } from '../mesh/measures/rtt.ts';
import { UNITS } from '../mesh/measures/link.ts';
import { search, type Step } from '../mesh/measures/rate.ts';
import { parse } from '../mesh/options.ts';
import { Samples } from '../common/samples.ts';
import { tinc } from '../mesh/systems/tinc.ts';
import { veth } from '../mesh/systems/veth.ts';

/** A tunnel that carries so much and loses the rest, fed by a sender that manages so much. */
function tunnel(capacity: number, sender = Infinity): { tried: number[]; attempt: (rate: number) => Promise<Step> } {
  const tried: number[] = [];
  return {
    tried,
    attempt: (rate) => {
      tried.push(rate);
      const sent = Math.min(rate, sender);
      return Promise.resolve({ sent, received: Math.min(sent, capacity), passed: sent <= capacity * 1.01 });
    },
  };
}

test('the search comes near the rate that a tunnel carries, from below and from above', async () => {
  for (const capacity of [3_000, 12_345, 50_000, 61_000, 140_000, 400_000]) {
    const { received } = await search({ from: 40_000, growth: 2, steps: 9, attempt: tunnel(capacity).attempt });
    assert.ok(received > capacity * 0.9 && received <= capacity, `${received} of ${capacity}`);
  }
});

test('the search ends when the sender has no more to give', async () => {
  const { attempt, tried } = tunnel(1e6, 150_000);
  const { received } = await search({ from: 40_000, growth: 2, steps: 30, attempt });
  assert.equal(received, 150_000);
  assert.ok(tried.length < 6, `${tried.length} steps`);
});

test('the search gives up in bounded steps where nothing passes', async () => {
  const { attempt, tried } = tunnel(0);
  await assert.rejects(search({ from: 40_000, growth: 2, steps: 3, attempt }), /more than 1 % lost/);
  assert.ok(tried.length <= 9);
});

test('a row has the median, the range and the number of rounds', () => {
  const samples = new Samples(UNITS);
  for (const tcp1 of [3, 1, 2]) samples.add('tinc', { tcp1 });
  assert.deepEqual(samples.row('tinc', 'tcp1'), {
    system: 'tinc',
    measure: 'tcp1',
    unit: 'Gb/s',
    median: 2,
    min: 1,
    max: 3,
    rounds: 3,
  });
  samples.add('tinc', { tcp1: 4 });
  assert.equal(samples.row('tinc', 'tcp1').median, 2.5);
});

test('what was not measured says so, with the first reason it was given', () => {
  const samples = new Samples(UNITS);
  samples.fail('kith-native', ['tcp1', 'udp64'], 'absent');
  samples.fail('kith-native', ['tcp1'], 'something later');
  const row = samples.row('kith-native', 'tcp1');
  assert.deepEqual([row.median, row.rounds, row.reason], [null, 0, 'absent']);
  assert.equal(samples.row('veth', 'rss').reason, 'not measured');
});

test('a percentile is a value that was measured', () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i);
  assert.deepEqual([percentile(values, 50), percentile(values, 99), percentile([7], 99)], [50, 99, 7]);
});

test('filters keep the known order and refuse what is unknown', () => {
  const { systems, measures } = parse(['--systems', 'tinc,veth', '--measures', 'udp64, tcp1'], [veth, tinc]);
  assert.deepEqual(
    systems.map(({ name }) => name),
    ['veth', 'tinc'],
  );
  assert.deepEqual([...measures], ['tcp1', 'udp64']);
  assert.throws(() => parse(['--systems', 'tink'], [veth, tinc]), /"tink" is unknown; there is veth, tinc/);
  assert.throws(() => parse(['--rounds', '0'], [veth, tinc]), /1 to 50/);
});
