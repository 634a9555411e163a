/** Other programs, run to their end. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export function has(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)));
}

/** What it printed. @throws Error with its last lines when it fails */
export function must(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  const done = spawnSync(program, args, {
    env: { ...process.env, ...env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 256 * 1024 * 1024,
  });
  if (done.error !== undefined) throw new Error(`cannot run ${program}: ${done.error.message}`);
  if (done.status === 0) return done.stdout;
  const output = `${done.stdout}${done.stderr}`.trimEnd().split('\n').slice(-60).join('\n');
  throw new Error(`${[program, ...args].join(' ')} failed with ${done.signal ?? done.status}:\n${output}`);
}
