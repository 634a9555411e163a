/** Programs of somebody who was killed are waited for. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { run } from '@kith/host';
import { RUN_BY } from '../../src/command.ts';
import { outwait } from '../../src/apply/left-behind.ts';

/** Above the largest process id that Linux gives. */
const NOBODY = 4_194_305;

test('whoever takes back waits for the programs that were left behind', async () => {
  const left = spawn('cat', { env: { ...process.env, [RUN_BY]: String(NOBODY) }, stdio: ['pipe', 'ignore', 'ignore'] });
  await once(left, 'spawn');
  let waited = false;
  const waiting = outwait(NOBODY).then(() => (waited = true));
  // A program that begins and ends meanwhile is a moment that passed.
  await run(['true']);
  assert.equal(waited, false);
  left.stdin.end();
  await waiting;
  assert.equal(left.exitCode ?? (await once(left, 'exit'))[0], 0);
});

test('a program knows who runs it, and nobody waits for its own', async () => {
  const { stdout } = await run(['sh', '-c', `echo $${RUN_BY}`]);
  assert.equal(stdout.trim(), String(process.pid));
  await outwait(process.pid);
});
