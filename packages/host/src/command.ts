/** Runs the programs of the host: ip, nft, batctl and their like, never through a shell. */
import { spawn } from 'node:child_process';
import { KithError } from '@kith/core';

/** Where programs are looked for: without a login the folders of the system's own are often not in PATH. */
export const PROGRAM_FOLDERS: readonly string[] = [
  ...new Set([...(process.env['PATH'] ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin']),
].filter((folder) => folder.startsWith('/'));

/** In the environment of each program that is run: whoever ended suddenly is known to have left it behind. */
export const RUN_BY = 'KITH_RUN_BY';

export interface RunOptions {
  /** Given to its standard input, which is empty otherwise. */
  readonly input?: string | Uint8Array;
  /** Milliseconds after which it is killed; 20 s when not given. */
  readonly timeout?: number;
  /** Most bytes of output that are kept of each stream; the program is killed beyond. 16 MiB when not given. */
  readonly most?: number;
}

export interface Ran {
  /** Exit code; null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program to its end, whatever its exit code is.
 *
 * @throws KithError HOST_PROGRAM_MISSING when it is not installed, HOST_COMMAND_FAILED when it hangs or floods
 */
export function run(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const [program, ...rest] = argv;
  const { input = '', timeout = 20_000, most = 16 << 20 } = options;
  return new Promise((resolve, reject) => {
    // What they say is read: it has to be in one language.
    const env = { ...process.env, PATH: PROGRAM_FOLDERS.join(':'), LC_ALL: 'C', [RUN_BY]: String(process.pid) };
    const child = spawn(program ?? '', rest, { stdio: ['pipe', 'pipe', 'pipe'], env });
    const chunks: { stdout: Buffer[]; stderr: Buffer[] } = { stdout: [], stderr: [] };
    let stopped = '';
    const stop = (why: string): void => {
      stopped = why;
      child.kill('SIGKILL');
      // What it started may hold them open after its end.
      for (const name of ['stdout', 'stderr'] as const) child[name].destroy();
    };
    const timer = setTimeout(() => stop(`did not end within ${timeout / 1000} s`), timeout);
    for (const name of ['stdout', 'stderr'] as const) {
      let length = 0;
      child[name].on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > most) stop(`wrote more than ${most} bytes`);
        else chunks[name].push(chunk);
      });
    }
    child.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      const missing = error.code === 'ENOENT';
      const message = missing ? `"${program}" is not installed` : `"${argv.join(' ')}": ${error.message}`;
      reject(new KithError(missing ? 'HOST_PROGRAM_MISSING' : 'HOST_COMMAND_FAILED', message, { cause: error }));
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      if (stopped !== '') reject(new KithError('HOST_COMMAND_FAILED', `"${argv.join(' ')}" ${stopped}`));
      else
        resolve({
          code,
          stdout: Buffer.concat(chunks.stdout).toString(),
          stderr: Buffer.concat(chunks.stderr).toString(),
        });
    });
    // A program that ends before it has read everything is told by its exit code.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

/**
 * Runs a program that has to succeed.
 *
 * @returns what it wrote to its standard output
 * @throws KithError HOST_COMMAND_FAILED with the command and what it said, besides those of {@link run}
 */
export async function must(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(argv, options);
  if (code === 0) return stdout;
  const said = (stderr.trim() || stdout.trim()).slice(0, 2000);
  throw new KithError('HOST_COMMAND_FAILED', `"${argv.join(' ')}" ended with ${code ?? 'a signal'}: ${said}`);
}
