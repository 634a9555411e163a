/** A long-running program inside a namespace: its lines, its end, and a way to wait for either. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { LabError } from './error.ts';
import { environment } from './shell.ts';

export interface SpawnOptions {
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** A file that receives every line of both outputs. */
  readonly log?: string;
}

/** How a process ended: a code, or the signal that ended it. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Lines kept for waitFor and for error messages; older ones are in the log file only. */
const KEEP_LINES = 10_000;

/** Told every new line, and null once the process has ended. */
type Watcher = (line: string | null) => void;

export class LabProcess {
  readonly pid: number;
  /** Settles when the process has ended and its outputs are read to the end. Never rejects. */
  readonly exited: Promise<Exit>;
  /** The last lines of standard output, oldest first. */
  readonly stdout: string[] = [];
  /** The last lines of standard error, oldest first. */
  readonly stderr: string[] = [];
  readonly #what: string;
  readonly #child: ChildProcess;
  readonly #watchers = new Set<Watcher>();
  #exit: Exit | null = null;

  /** Use `machine.spawn`: it knows the namespace, and the lab then ends the process at close. */
  static async start(what: string, argv: readonly string[], options: SpawnOptions): Promise<LabProcess> {
    const [program = '', ...args] = argv;
    // A process group of its own: what the program starts ends with it.
    const child = spawn(program, args, {
      env: environment(options.env),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const pid = await new Promise<number>((resolve, reject) => {
      child.once('spawn', () => resolve(child.pid ?? 0));
      child.once('error', (cause) => reject(new LabError(`could not start ${what}: ${cause.message}`, { cause })));
    });
    const log = options.log === undefined ? null : createWriteStream(options.log, { flags: 'a' });
    return new LabProcess(what, child, pid, log);
  }

  private constructor(what: string, child: ChildProcess, pid: number, log: WriteStream | null) {
    this.#what = what;
    this.#child = child;
    this.pid = pid;
    this.#read(child.stdout, this.stdout, log);
    this.#read(child.stderr, this.stderr, log);
    // Writing to a process that has ended is not an error of the lab: the end itself is reported by `exited`.
    child.stdin?.on('error', () => undefined);
    this.exited = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.#exit = { code, signal };
        log?.end();
        this.#notify(null);
        resolve(this.#exit);
      });
    });
  }

  get running(): boolean {
    return this.#exit === null;
  }

  /** Writes one line to the standard input. */
  write(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  /**
   * The first line of either output that matches, among those already printed and those to come.
   * @param deadlineMs how long to wait, in milliseconds.
   * @throws LabError with the last lines when the time is over or the process ends first.
   */
  async waitFor(pattern: RegExp, deadlineMs = 5000): Promise<RegExpMatchArray> {
    for (const line of [...this.stdout, ...this.stderr]) {
      const match = line.match(pattern);
      if (match !== null) return match;
    }
    const gone = () => this.#complaint(`ended without a line matching ${pattern}`);
    if (this.#exit !== null) throw gone();
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void) => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        settle();
      };
      const look: Watcher = (line) => {
        const match = line?.match(pattern) ?? null;
        if (match !== null) finish(() => resolve(match));
        else if (line === null) finish(() => reject(gone()));
      };
      const timer = setTimeout(
        () => finish(() => reject(this.#complaint(`printed no line matching ${pattern} within ${deadlineMs} ms`))),
        deadlineMs,
      );
      this.#watchers.add(look);
    });
  }

  /** Forgets the lines so far: a `waitFor` after this one waits for what is printed from now on. */
  forget(): void {
    this.stdout.length = 0;
    this.stderr.length = 0;
  }

  /** Asks to end (SIGTERM to the whole group), insists after `graceMs` (SIGKILL). */
  async stop(graceMs = 3000): Promise<Exit> {
    this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), graceMs);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }

  /** Ends the whole group at once (SIGKILL). */
  async kill(): Promise<Exit> {
    this.signal('SIGKILL');
    return this.exited;
  }

  /** Sends a signal to the whole process group; nothing happens when it has ended. */
  signal(name: NodeJS.Signals): void {
    if (this.#exit !== null) return;
    try {
      process.kill(-this.pid, name);
    } catch {
      // The group ended between the check and the call.
    }
  }

  #read(stream: NodeJS.ReadableStream | null, lines: string[], log: WriteStream | null): void {
    if (stream === null) return;
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      if (lines.length > KEEP_LINES) lines.splice(0, KEEP_LINES / 2);
      log?.write(`${line}\n`);
      this.#notify(line);
    });
  }

  #notify(line: string | null): void {
    for (const watcher of [...this.#watchers]) watcher(line);
  }

  #complaint(problem: string): LabError {
    const tail = [...this.stdout.slice(-10), ...this.stderr.slice(-10)].map((line) => `  ${line}`).join('\n');
    const end = this.#exit === null ? '' : ` (exit ${this.#exit.code ?? this.#exit.signal})`;
    return new LabError(`${this.#what} ${problem}${end}; it printed:\n${tail || '  nothing'}`);
  }
}
