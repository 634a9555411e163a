import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

test('the example of docs/library.md runs as it stands', (t) => {
  const text = readFileSync(new URL('../../../../docs/library.md', import.meta.url), 'utf8');
  const code = /```ts\n([^]*?)```/.exec(text)?.[1] ?? '';
  // Inside the package, which finds itself by its name.
  const folder = mkdtempSync(join(import.meta.dirname, '.example-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const program = join(folder, 'example.ts');
  writeFileSync(program, code);
  const run = spawnSync(process.execPath, ['--conditions=source', program], { encoding: 'utf8', timeout: 30_000 });
  assert.equal(run.status, 0, run.stderr);
  assert.match(run.stdout, /8 bytes\nla la la\n$/);
});
