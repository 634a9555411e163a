/** Entry of the program `kith`: runs one command line and sets the exit code. */
import { CommanderError } from 'commander';
import { asKithError, errorJson, errorText } from './cli/output.ts';
import { buildProgram, usageError } from './cli/program.ts';

/** @param argv the words after the program's name */
export async function main(argv: readonly string[]): Promise<void> {
  const io = {
    out: (text: string) => void process.stdout.write(text),
    err: (text: string) => void process.stderr.write(text),
  };
  // `kith … | head` closes the pipe early; that is no failure worth a stack trace.
  process.stdout.on('error', () => process.exit(0));
  const program = buildProgram(io, (result, context) => {
    if (context.json) io.out(`${JSON.stringify(result.json)}\n`);
    else if (result.text !== '') io.out(`${result.text}\n`);
    process.exitCode = result.exit ?? 0;
  });
  try {
    if (argv.length === 0) program.outputHelp();
    else await program.parseAsync(argv, { from: 'user' });
  } catch (thrown) {
    const error = thrown instanceof CommanderError ? usageError(thrown) : asKithError(thrown);
    if (error === null) return;
    if (argv.includes('--json')) io.out(`${errorJson(error)}\n`);
    else io.err(`${errorText(error)}\n`);
    process.exitCode = error.entry.exit;
  }
}
