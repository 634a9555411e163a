import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

/** Waits for a condition, at most `limit` ms; where it does not come, `what` says for what in vain. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string | (() => string),
  limit: number = 30_000,
): Promise<void> {
  for (const end = performance.now() + limit; !(await condition()); await sleep(5)) {
    assert.ok(performance.now() < end, `in vain: ${typeof what === 'string' ? what : what()}`);
  }
}
