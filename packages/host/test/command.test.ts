import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KithError } from '@kith/core';
import { must, run } from '@kith/host';

const failing = (code: string, text: RegExp) => (error: unknown) =>
  error instanceof KithError && error.code === code && text.test(error.message);

test('a program gets its input and tells its output and exit code', async () => {
  assert.deepEqual(await run(['sh', '-c', 'cat; echo no >&2; exit 3'], { input: 'yes' }), {
    code: 3,
    stdout: 'yes',
    stderr: 'no\n',
  });
});

test('a program that has to succeed and fails is named with what it said', async () => {
  assert.equal(await must(['echo', 'fine']), 'fine\n');
  await assert.rejects(
    must(['sh', '-c', 'echo why >&2; exit 2']),
    failing('HOST_COMMAND_FAILED', /ended with 2: why$/),
  );
});

test('a program that is missing, hangs or floods is named', async () => {
  await assert.rejects(run(['no-such-program']), failing('HOST_PROGRAM_MISSING', /"no-such-program" is not installed/));
  await assert.rejects(run(['sleep', '60'], { timeout: 50 }), failing('HOST_COMMAND_FAILED', /within 0.05 s/));
  const heir = ['sh', '-c', 'sleep 5 & sleep 5'];
  await assert.rejects(run(heir, { timeout: 50 }), failing('HOST_COMMAND_FAILED', /within 0.05 s/));
  await assert.rejects(run(['yes'], { most: 1000 }), failing('HOST_COMMAND_FAILED', /more than 1000 bytes/));
});
