/** Reporter of Node's test runner: a line of JSON for each test that ended, into the file that KITH_OUTPUT names. */
import { appendFileSync } from 'node:fs';
import type { TestEvent } from 'node:test/reporters';

export interface GuestTest {
  readonly name: string;
  readonly milliseconds: number;
  /** Why it failed; null when it passed. */
  readonly failure: string | null;
}

export default async function* report(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of source) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const failure = type === 'test:pass' ? null : told(data.details.error);
    const line: GuestTest = { name: data.name, milliseconds: data.details.duration_ms, failure };
    appendFileSync(process.env['KITH_OUTPUT'] ?? '/dev/stdout', `${JSON.stringify(line)}\n`);
    yield '';
  }
}

/** The runner wraps what a test threw. */
function told(error: Error): string {
  const { cause } = error;
  return cause instanceof Error ? (cause.stack ?? cause.message) : error.message;
}
