/** A process of a daemon: started here, or by a supervisor that is dead now. */
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { KithError } from '@kith/core';
import { type ProcessEntry, processesWith, processOf } from './process-table.ts';

/** Names the daemon in the environment of its processes: whoever carries it is the daemon's, whatever became of the record. */
const MARK = 'KITH_DAEMON';

/** Debian has daemons where not every user's path leads. */
const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export class Child {
  readonly entry: ProcessEntry;
  /** How it ended, for a person; never rejects. */
  readonly ended: Promise<string>;
  readonly #leave: () => void;

  /**
   * Starts a daemon in a process group of its own; it writes into `output` and gets nothing else of this process.
   *
   * @param mark as {@link endMarked} takes it
   * @throws KithError HOST_PROGRAM_MISSING, HOST_COMMAND_FAILED
   */
  static async start(argv: readonly string[], mark: string, output: number): Promise<Child> {
    const [program = '', ...rest] = argv;
    const child = spawn(program, rest, {
      detached: true,
      cwd: '/',
      env: { PATH: SYSTEM_PATH, LANG: 'C.UTF-8', [MARK]: mark },
      stdio: ['ignore', output, output],
    });
    const { pid } = child;
    if (pid === undefined) {
      const error = await new Promise<NodeJS.ErrnoException>((resolve) => void child.once('error', resolve));
      if (error.code === 'ENOENT')
        throw new KithError('HOST_PROGRAM_MISSING', `"${program}" is not installed`, { cause: error });
      throw new KithError('HOST_COMMAND_FAILED', `"${argv.join(' ')}": ${error.message}`, { cause: error });
    }
    const ended = new Promise<string>((resolve) => {
      child.once('exit', (code, signal) =>
        resolve(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`),
      );
    });
    // One that has ended already is known by its id alone; nobody will find it.
    return new Child(processOf(pid) ?? { pid, group: pid, started: 0 }, ended, () => child.unref());
  }

  /** Takes over a process that somebody else started. @param every milliseconds between two looks at it */
  static adopt(entry: ProcessEntry, every: number): Child {
    let timer: NodeJS.Timeout | undefined;
    const ended = new Promise<string>((resolve) => {
      timer = setInterval(() => {
        if (isSame(entry)) return;
        clearInterval(timer);
        resolve('ended');
      }, every);
    });
    return new Child(entry, ended, () => clearInterval(timer));
  }

  private constructor(entry: ProcessEntry, ended: Promise<string>, leave: () => void) {
    this.entry = entry;
    this.ended = ended;
    this.#leave = leave;
  }

  /** Asks it to end, insists after `grace` milliseconds, and returns when it is gone. */
  async end(grace: number): Promise<void> {
    const over = new AbortController();
    signal(this.entry, 'SIGTERM');
    const insist = async (): Promise<void> => {
      await sleep(grace, undefined, { signal: over.signal });
      signal(this.entry, 'SIGKILL');
    };
    insist().catch(() => undefined);
    await this.ended;
    over.abort();
  }

  /** Leaves it to whoever comes next. */
  leave(): void {
    this.#leave();
  }
}

/** What carries the mark of a daemon below this folder. */
export function markedBelow(folder: string): { readonly name: string; readonly entry: ProcessEntry }[] {
  return processesWith(MARK).flatMap(({ text, ...entry }) =>
    text.startsWith(`${folder}/`) ? [{ name: text.slice(folder.length + 1), entry }] : [],
  );
}

export function markOf(folder: string, name: string): string {
  return `${folder}/${name}`;
}

/** Ends at once what is left of a daemon: what it started, and copies that no record tells of. */
export async function endMarked(folder: string, name: string): Promise<void> {
  for (;;) {
    const left = markedBelow(folder).filter((each) => each.name === name);
    if (left.length === 0) return;
    for (const { entry } of left) signal(entry, 'SIGKILL');
    await sleep(10);
  }
}

export function isSame(entry: ProcessEntry): boolean {
  return processOf(entry.pid)?.started === entry.started;
}

function signal(entry: ProcessEntry, name: NodeJS.Signals): void {
  // The id may belong to a stranger by now.
  if (!isSame(entry)) return;
  try {
    process.kill(entry.pid, name);
  } catch {
    // It ended just now.
  }
}
