/** What Prometheus itself says of the figures, and of what the dashboards ask. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { metricsText } from '@kith/host';
import { QUESTIONS } from '../metrics/dashboards.ts';
import { FIGURES } from '../metrics/sample.ts';

function promtool(argv: readonly string[], input = ''): { code: number | null; output: string } {
  const { error, status, stdout, stderr } = spawnSync('promtool', argv, { input, encoding: 'utf8', timeout: 30_000 });
  return { code: error === undefined ? status : null, output: `${stdout}${stderr}` };
}

const skip = promtool(['--version']).code === 0 ? false : 'needs promtool, of the package prometheus';

test('Prometheus takes the figures and has nothing to say about their names', { skip }, () => {
  const { code, output } = promtool(['check', 'metrics'], metricsText(FIGURES));
  assert.deepEqual([code, output], [0, '']);
});

test('Prometheus sees figures that are wrong', { skip }, () => {
  assert.notEqual(promtool(['check', 'metrics'], 'kith_x{a="b} 1\n').code, 0);
});

test('Prometheus understands every question of the dashboards', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'kith-promtool-'));
  try {
    const rules = QUESTIONS.map(({ expr }, i) => {
      const plain = expr.replaceAll('$__rate_interval', '5m').replaceAll(/\$\w+/g, '.*');
      return { record: `question:${i}`, expr: plain };
    });
    const path = join(folder, 'rules.yml');
    writeFileSync(path, JSON.stringify({ groups: [{ name: 'dashboards', rules }] }));
    const { code, output } = promtool(['check', 'rules', path]);
    assert.equal(code, 0, output);
    assert.match(output, new RegExp(`SUCCESS: ${rules.length} rules found`));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
