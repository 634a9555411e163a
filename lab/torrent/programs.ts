/** Whether and as what a program of Debian stands on this machine. */
import { execFileSync } from 'node:child_process';

/** First line of what the program says about its version, or null where it is missing. */
export function versionOf(program: string): string | null {
  try {
    const said = execFileSync('sh', ['-c', `${program} --version 2>&1`], { encoding: 'utf8' });
    return said.split('\n')[0] ?? '';
  } catch {
    return null;
  }
}
