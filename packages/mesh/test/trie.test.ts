import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { EMPTY_FINGERPRINT, MerkleTrie } from '../src/trie.ts';

const sha256 = (data: Uint8Array) => new Uint8Array(createHash('sha256').update(data).digest());
const make = (bytes = 2) => new MerkleTrie(sha256, bytes);

/** Keys crowd under a few prefixes, so that leaves split and merge at several depths. */
const key = fc
  .tuple(fc.constantFrom('0', '0', '0', '7', 'f'), fc.constantFrom('0', '0', 'a'), fc.nat(255))
  .map(([a, b, n]) => a + b + n.toString(16).padStart(2, '0'));
const step = fc.record({ key, version: fc.nat(3), remove: fc.boolean() });
/** `size`: long ones too, or no leaf would ever be full. */
const script = fc.array(step, { maxLength: 150, size: 'max' });
const prefix = fc.tuple(key, fc.nat(4)).map(([k, n]) => k.slice(0, n));

function play(steps: readonly { key: string; version: number; remove: boolean }[]) {
  const trie = make();
  const model = new Map<string, number>();
  for (const { key: k, version, remove } of steps) {
    if (remove) {
      trie.delete(k);
      model.delete(k);
    } else {
      trie.set(k, version);
      model.set(k, version);
    }
  }
  return { trie, model };
}

function built(entries: Iterable<readonly [string, number]>) {
  const trie = make();
  for (const [k, version] of entries) trie.set(k, version);
  return trie;
}

const sorted = (map: ReadonlyMap<string, number>) => [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));

test('after any changes a trie holds what a plain map holds, under every prefix', () => {
  fc.assert(
    fc.property(script, prefix, (steps, under) => {
      const { trie, model } = play(steps);
      assert.equal(trie.size, model.size);
      for (const [k, version] of model) assert.equal(trie.get(k), version);
      const wanted = sorted(model).filter(([k]) => k.startsWith(under));
      assert.deepEqual(trie.entries(under), wanted);
      assert.equal(trie.count(under), wanted.length);
    }),
    { numRuns: 500 },
  );
});

test('fingerprints of every prefix depend on the set alone, not on how it came about', () => {
  fc.assert(
    fc.property(script, script, prefix, fc.infiniteStream(fc.nat()), (before, steps, under, order) => {
      const { model } = play([...before, ...steps]);
      const { trie } = play([...before, ...steps]);
      const mixed = [...model]
        .map((entry) => ({ entry, at: order.next().value }))
        .toSorted((a, b) => a.at - b.at)
        .map(({ entry }) => entry);
      const fresh = built(mixed);
      for (const each of ['', under, ...Array.from('0123456789abcdef')]) {
        assert.equal(trie.fingerprint(each), fresh.fingerprint(each), `prefix "${each}"`);
      }
    }),
    { numRuns: 500 },
  );
});

test('asking for fingerprints between changes does not change what comes out', () => {
  fc.assert(
    fc.property(script, (steps) => {
      const asked = make();
      for (const { key: k, version, remove } of steps) {
        if (remove) asked.delete(k);
        else asked.set(k, version);
        asked.fingerprint();
        asked.fingerprint(k.slice(0, 2));
      }
      assert.equal(asked.fingerprint(), play(steps).trie.fingerprint());
    }),
  );
});

test('two tries have one fingerprint if and only if they hold the same set', () => {
  fc.assert(
    fc.property(script, script, (a, b) => {
      const [x, y] = [play(a), play(b)];
      const same = JSON.stringify(sorted(x.model)) === JSON.stringify(sorted(y.model));
      assert.equal(x.trie.fingerprint() === y.trie.fingerprint(), same);
    }),
  );
  fc.assert(
    fc.property(script, step, (steps, { key: k, version }) => {
      const [x, y] = [play(steps), play([...steps, { key: k, version, remove: false }])];
      assert.equal(x.trie.fingerprint() === y.trie.fingerprint(), x.model.get(k) === version, 'one entry apart');
    }),
  );
});

test('where two sets differ, the prefixes that differ lead to it', () => {
  fc.assert(
    fc.property(script, step, (steps, { key: k, version }) => {
      const { trie: x } = play(steps);
      const { trie: y } = play([...steps, { key: k, version: version + 10, remove: false }]);
      for (let digits = 0; digits <= 4; digits++) {
        assert.notEqual(x.fingerprint(k.slice(0, digits)), y.fingerprint(k.slice(0, digits)));
        if (digits === 0) continue;
        const sibling = k.slice(0, digits - 1) + ((Number.parseInt(k.charAt(digits - 1), 16) + 1) % 16).toString(16);
        assert.equal(x.fingerprint(sibling), y.fingerprint(sibling));
      }
    }),
  );
});

test('a leaf that splits at its seventeenth entry and merges again goes back through the same fingerprints', () => {
  for (const keys of [
    Array.from({ length: 16 }, (_, n) => `000${n.toString(16)}`).concat('0010'),
    Array.from({ length: 17 }, (_, n) => `ab${n.toString(16).padStart(2, '0')}`),
  ]) {
    const trie = make();
    const up: string[] = [];
    for (const k of keys) {
      up.push(trie.fingerprint());
      trie.set(k, 1);
    }
    assert.equal(
      trie.count(keys[0]?.slice(0, 2) ?? ''),
      keys.filter((k) => k.startsWith(keys[0]?.slice(0, 2) ?? '')).length,
    );
    for (const k of keys.toReversed()) {
      trie.delete(k);
      assert.equal(trie.fingerprint(), up.pop());
    }
    assert.equal(trie.size, 0);
    assert.equal(trie.fingerprint(), EMPTY_FINGERPRINT);
  }
});

test('keys of another length and versions that do not fit 48 bits are refused', () => {
  const trie = make(8);
  assert.throws(() => trie.set('00', 1), RangeError);
  for (const version of [-1, 1.5, 2 ** 48, Number.NaN]) {
    assert.throws(() => trie.set('0'.repeat(16), version), RangeError, String(version));
  }
  assert.equal(trie.size, 0);
});

/** For ports to other languages, computed by one: SHA-256 over key and 6 bytes of version, or over 16 children. */
const TABLE: readonly { what: string; entries: readonly (readonly [string, number])[]; fingerprint: string }[] = [
  { what: '1 nothing', entries: [], fingerprint: '0000000000000000' },
  { what: '2 one entry', entries: [['0123', 5]], fingerprint: '75e0141a4b58adb5' },
  {
    what: '3 two entries',
    entries: [
      ['ff00', 1],
      ['0001', 2 ** 48 - 1],
    ],
    fingerprint: '7b68507a07d2b4e4',
  },
  {
    what: '4 seventeen entries under two digits',
    entries: Array.from({ length: 17 }, (_, i) => [`a${(i % 2) * 3}${i.toString(16).padStart(2, '0')}`, i] as const),
    fingerprint: '029bfd00dda18391',
  },
];
for (const { what, entries, fingerprint } of TABLE) {
  test(`fingerprint of a set, case ${what}`, () => {
    assert.equal(built(entries).fingerprint(), fingerprint);
  });
}

test('a set of 50,000 keys takes changes and fingerprints quickly', (t) => {
  const trie = make(16);
  const keys = Array.from({ length: 50_000 }, (_, i) => createHash('md5').update(`${i}`).digest('hex'));
  const started = performance.now();
  for (const k of keys) trie.set(k, 0);
  const filled = performance.now();
  const whole = trie.fingerprint();
  const hashed = performance.now();
  for (const k of keys.slice(0, 1000)) {
    trie.delete(k);
    trie.fingerprint();
    trie.set(k, 0);
    trie.fingerprint();
  }
  assert.equal(trie.fingerprint(), whole);
  const us = ((performance.now() - hashed) / 2000) * 1000;
  t.diagnostic(
    `filled in ${(filled - started).toFixed(0)} ms, hashed in ${(hashed - filled).toFixed(0)} ms, ` +
      `${us.toFixed(0)} µs per change with its fingerprint`,
  );
});
