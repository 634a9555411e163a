/** What the systems have in common: running programs, and the end of several daemons. */
import { execFileSync } from 'node:child_process';
import type { Host, LabProcess } from '@kith/lab';
import type { Node } from '../stage.ts';
import type { Running } from '../system.ts';

const PATH = `${process.env['PATH'] ?? '/usr/bin:/bin'}:/usr/sbin:/sbin`;

/** Output of a short program outside of the lab. @throws Error with its complaint */
export function output(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, {
    encoding: 'utf8',
    env: { ...process.env, PATH },
    timeout: 30_000,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Runs a program on a host. @throws Error with its complaint when its code is not 0 */
export async function must(host: Host, argv: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const { code, stdout, stderr } = await host.run(argv, { timeoutMs: 60_000, env });
  if (code === 0) return stdout;
  throw new Error(`${argv.join(' ')} ended with ${code}: ${(stderr || stdout).trim()}`);
}

/** Daemons in the order of the nodes, which end when they are told to. */
export function daemons(processes: readonly LabProcess[], address: (node: Node) => string): Running {
  return {
    pids: processes.map((each) => each.pid),
    address,
    stop: async () => {
      await Promise.all(processes.map((each) => each.stop()));
    },
  };
}
