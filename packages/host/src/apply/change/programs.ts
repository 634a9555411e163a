/** How the programs are told what to change. */
import { KithError } from '@kith/core';
import { must, run } from '../../command.ts';

/** What iproute2 says of a thing that is not there. */
const GONE = /no such|not found|cannot find device|does not exist|cannot assign/i;

/** Several commands of `ip` in one process, which stops at the first that fails. */
export async function ipBatch(lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  const { code, stderr } = await run(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });
  if (code === 0) return;
  const at = Number(/-:(\d+)/.exec(stderr)?.[1] ?? 1);
  const said = stderr.trim().split('\n').slice(0, -1).join(' ');
  throw new KithError('HOST_COMMAND_FAILED', `"ip ${lines[at - 1] ?? ''}" failed: ${said || stderr.trim()}`);
}

/** A command that takes something away, which may be gone already. */
export async function takeAway(argv: readonly string[]): Promise<void> {
  const { code, stderr } = await run(argv);
  if (code !== 0 && !GONE.test(stderr)) await must(argv);
}
