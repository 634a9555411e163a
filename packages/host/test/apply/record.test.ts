/** What kith remembers of its own doings survives everything but being believed when it is wrong. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { KithError } from '@kith/core';
import type { ItemKey, Owned } from '@kith/gateway';
import { Journal } from '../../src/apply/journal.ts';
import { type Transaction, transactionFile } from '../../src/apply/transaction.ts';

const folder = mkdtempSync(join(tmpdir(), 'kith-record-'));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'journal.json');

const OWNED = new Map<ItemKey, Owned>([
  [
    'sysctl net/ipv4/ip_forward',
    { original: { kind: 'sysctl', name: 'net/ipv4/ip_forward', value: { value: '0' } }, needs: ['table kith'] },
  ],
  ['table kith', { original: null, needs: [] }],
]);
const STATE = {
  owned: OWNED,
  rulesets: { '0123456789abcdef': 'add table inet kith\n' },
  aside: { 'net/ipv4/conf/eth0/forwarding': '0' },
  inForce: { file: 'kith.yaml', text: 'gateway:\n  community: Ä\n', draining: true },
  made: '/var/lib/kith',
};
const TRANSACTION: Transaction = {
  phase: 'waiting',
  boot: 'a',
  worker: 1,
  confirmBy: 5,
  before: { owned: [...OWNED], found: [], rulesets: {}, inForce: null },
  next: STATE.inForce,
};

const isCorrupt = (error: unknown): boolean =>
  error instanceof KithError && error.code === 'GATEWAY_RECORD_CORRUPT' && error.message.includes(folder);

function written(): string {
  rmSync(path, { force: true });
  new Journal(path).write(STATE);
  return readFileSync(path, 'utf8');
}

test('a journal comes back as it was written, and one that owns nothing is no file', () => {
  written();
  assert.deepEqual(new Journal(path).state, STATE);
  new Journal(path).write({ owned: new Map(), inForce: null, aside: {} });
  assert.throws(() => readFileSync(path), /ENOENT/);
  assert.equal(new Journal(path).state.owned.size, 0);
});

test('a transaction comes back as it was written', () => {
  const file = transactionFile(join(folder, 'transaction.json'));
  assert.equal(file.read(), null);
  file.write(TRANSACTION);
  assert.deepEqual(file.read(), TRANSACTION);
  file.remove();
  assert.equal(file.read(), null);
});

test('a journal that was cut short is not believed, wherever it was cut, and stays', () => {
  const text = written();
  // Without the last line break everything is there.
  for (let length = 0; length < text.length - 1; length += 7) {
    writeFileSync(path, text.slice(0, length));
    assert.throws(() => new Journal(path).state, isCorrupt, `${length} of ${text.length} characters`);
    assert.equal(readFileSync(path, 'utf8'), text.slice(0, length));
  }
});

test('a journal in which a single byte is another is not believed', () => {
  const bytes = Buffer.from(written());
  fc.assert(
    fc.property(fc.nat(bytes.length - 2), fc.integer({ min: 1, max: 255 }), (at, by) => {
      const other = Buffer.from(bytes);
      other[at] = (bytes[at] as number) ^ by;
      writeFileSync(path, other);
      assert.throws(() => new Journal(path).state, isCorrupt);
    }),
  );
});

test('a record of another version or another kind is named as such', () => {
  const text = written();
  writeFileSync(path, text.replace('"version":1', '"version":2'));
  assert.throws(() => new Journal(path).state, /is of version 2, this kith knows version 1/);
  const other = join(folder, 'transaction.json');
  writeFileSync(other, text);
  assert.throws(() => transactionFile(other).read(), /is no kith gateway transaction/);
});

test('whatever shape is written under a right digest, nothing but typed errors come out', () => {
  const anything = fc.object({
    key: fc.constantFrom('owned', 'found', 'before', 'inForce', 'next', 'phase', 'rulesets', 'aside', 'made', 'boot'),
    maxDepth: 4,
    withNullPrototype: false,
  });
  fc.assert(
    fc.property(anything, (body) => {
      transactionFile(path).write(body);
      assert.throws(() => transactionFile(path).read(), isCorrupt);
    }),
    { numRuns: 300 },
  );
});
