/** Tests in a kernel of their own, where the one underneath has no batman-adv. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { obstacle, runInGuest } from './machine.ts';
import type { GuestTest } from './reporter.ts';

export { obstacle };

const REPORTER = fileURLToPath(new URL('reporter.ts', import.meta.url));

/**
 * Runs a file of tests in a guest; each of them becomes a subtest here.
 *
 * @param file URL of a module with top-level tests
 * @param deadline milliseconds until the machine is switched off
 */
export async function testInGuest(context: TestContext, file: URL, deadline: number): Promise<void> {
  const node = [
    process.execPath,
    '--conditions=source',
    '--test-force-exit',
    `--test-reporter=${REPORTER}`,
    fileURLToPath(file),
  ];
  const { code, console, output } = await runInGuest(node, { deadline });
  const ended = output
    .split('\n')
    .filter((line) => line !== '')
    .map((line): GuestTest => JSON.parse(line));
  for (const { name, milliseconds, failure } of ended) {
    await context.test(`${name} (${(milliseconds / 1000).toFixed(1)} s in the guest)`, () => {
      if (failure !== null) assert.fail(`${failure}\n\nConsole of the guest:\n${console.slice(-4000)}`);
    });
  }
  assert.ok(ended.length > 0 && code !== null, `the guest did not come to an end:\n${console.slice(-8000)}`);
  assert.equal(code, 0, console.slice(-8000));
}
