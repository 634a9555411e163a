import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { commandLine, keep } from '../common/kept.ts';

function fileIn(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'kith-kept-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, 'rows.json');
}

function row(system: string, measure: string, median: number) {
  return { system, measure, unit: 's', median, min: median, max: median, rounds: 1 };
}

test('figures of a later run are added to those of earlier ones, in place of what they measure anew', (t) => {
  const file = fileIn(t);
  keep(file, 'first', [row('a', 'x', 1), row('b', 'x', 2)]);
  const kept = keep(file, 'second', [row('b', 'y', 4), row('a', 'x', 3)]);
  assert.deepEqual(kept.commands, ['first', 'second']);
  assert.deepEqual(
    kept.rows.map(({ system, measure, median }) => `${system} ${measure} ${median}`),
    ['a x 3', 'b x 2', 'b y 4'],
  );
});

test('a file with something else in it is refused and stays', (t) => {
  const file = fileIn(t);
  writeFileSync(file, '{"rows": []}');
  assert.throws(() => keep(file, 'first', []), /holds no figures/);
});

test('the command of a run leaves out where figures are kept', () => {
  assert.equal(
    commandLine('npm run bench:mesh', ['--keep', '/tmp/x', '--rounds', '3']),
    'npm run bench:mesh -- --rounds 3',
  );
  assert.equal(commandLine('npm run bench:mesh', ['--keep', '/tmp/x']), 'npm run bench:mesh');
});
