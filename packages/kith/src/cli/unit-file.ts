/** Commands in units of systemd. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Words of a unit file: quoted, with systemd's own `%` and `$` doubled. */
export function quote(word: string): string {
  const text = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** The line that runs kith with these words, wherever it is installed. */
export function commandIn(words: readonly string[]): string {
  const program = resolve(fileURLToPath(new URL('../../bin/kith.mjs', import.meta.url)));
  return [process.execPath, program, ...words].map(quote).join(' ');
}
