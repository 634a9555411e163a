import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseRange } from '../../src/stream/range.ts';

const CASES: readonly [header: string | undefined, length: number, answer: string][] = [
  [undefined, 10, 'whole'],
  ['bytes=0-0', 10, '0-1'],
  ['bytes=0-', 10, '0-10'],
  ['bytes=3-5', 10, '3-6'],
  ['Bytes = 3-5', 10, '3-6'],
  ['bytes=9-100', 10, '9-10'],
  ['bytes=10-', 10, 'none'],
  ['bytes=-3', 10, '7-10'],
  ['bytes=-30', 10, '0-10'],
  ['bytes=-0', 10, 'none'],
  ['bytes=0-', 0, 'none'],
  ['bytes=5-3', 10, 'whole'],
  ['bytes=-', 10, 'whole'],
  ['bytes=', 10, 'whole'],
  ['bytes=a-b', 10, 'whole'],
  ['bytes=1-2;3-4', 10, 'whole'],
  ['items=0-5', 10, 'whole'],
  ['bytes=0-1,4-5', 10, '0-2 4-6'],
  ['bytes=4-5 , ,0-1', 10, '4-6 0-2'],
  ['bytes=0-1,20-30', 10, '0-2'],
  ['bytes=20-,30-', 10, 'none'],
  ['bytes=0-5,3-8', 10, 'whole'],
  ['bytes=18446744073709551616-', 10, 'none'],
  ['bytes=0-18446744073709551616', 10, '0-10'],
  [`bytes=${Array.from({ length: 17 }, (_, i) => `${2 * i}-${2 * i}`).join(',')}`, 100, 'whole'],
  [`bytes=${'0'.repeat(2000)}1-`, 10, 'whole'],
];

for (const [i, [header, length, answer]] of CASES.entries()) {
  test(`range ${i + 1}: ${String(header).slice(0, 40)} of ${length} bytes is ${answer}`, () => {
    const parsed = parseRange(header, length);
    assert.equal(
      typeof parsed === 'string' ? parsed : parsed.map(({ begin, end }) => `${begin}-${end}`).join(' '),
      answer,
    );
  });
}

test('one well-formed range selects what counting byte by byte selects', () => {
  const bound = fc.option(fc.nat({ max: 40 }), { nil: undefined });
  fc.assert(
    fc.property(bound, bound, fc.nat({ max: 30 }), (first, last, length) => {
      const all = Array.from({ length }, (_, i) => i);
      const parsed = parseRange(`bytes=${first ?? ''}-${last ?? ''}`, length);
      if (first === undefined && last === undefined) return parsed === 'whole';
      if (first !== undefined && last !== undefined && last < first) return parsed === 'whole';
      const picked = all.filter((i) =>
        first === undefined ? length - i <= (last ?? 0) : i >= first && i <= (last ?? Infinity),
      );
      if (picked.length === 0) return parsed === 'none';
      return (
        Array.isArray(parsed) &&
        parsed.length === 1 &&
        parsed[0].begin === picked[0] &&
        parsed[0].end === (picked.at(-1) ?? 0) + 1
      );
    }),
    { numRuns: 2000 },
  );
});

test('whatever is sent, ranges lie inside the file, are not empty and do not overlap', () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^bytes=[0-9, -]{0,40}$/));
  fc.assert(
    fc.property(text, fc.nat({ max: 50 }), (header, length) => {
      const parsed = parseRange(header, length);
      if (typeof parsed === 'string') return;
      const seen = new Set<number>();
      for (const { begin, end } of parsed) {
        assert.ok(begin >= 0 && begin < end && end <= length);
        for (let i = begin; i < end; i++) assert.ok(!seen.has(i) && seen.add(i));
      }
    }),
    { numRuns: 5000 },
  );
});
