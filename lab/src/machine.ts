/** What every namespace of the lab can do: run a program to its end, keep one running, be told a setup. */
import { execFile } from 'node:child_process';
import { LabError } from './error.ts';
import { LabProcess, type SpawnOptions } from './process.ts';
import { configure, environment, shell, type Setup } from './shell.ts';

export interface RunOptions {
  /** Milliseconds until the program is ended by force and the call fails; 10 s unless told. */
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Given to the program on its standard input. */
  readonly input?: string;
}

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/** What a machine knows of the lab it stands in. */
export interface Site {
  /** Begins the name of every namespace of this lab. */
  readonly prefix: string;
  /** Everything started here, ended by close. */
  readonly processes: Set<LabProcess>;
  /** A number nobody in this lab had before, from 1 on: of cables, or of LANs. */
  nextNumber(of: 'cable' | 'lan'): number;
}

export abstract class Machine {
  readonly name: string;
  /** Name of the network namespace, as `ip netns` shows it. */
  readonly namespace: string;
  protected readonly site: Site;

  constructor(site: Site, name: string) {
    this.site = site;
    this.name = name;
    this.namespace = `${site.prefix}${name}`;
  }

  /**
   * Runs a program to its end; a code other than 0 is a result, not an error.
   * @throws LabError when it cannot start or does not end in time.
   */
  async run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const timeout = options.timeoutMs ?? 10_000;
    const what = `${this.name}: ${argv.join(' ')}`;
    return new Promise((resolve, reject) => {
      const child = execFile(
        'ip',
        ['netns', 'exec', this.namespace, ...argv],
        {
          env: environment(options.env),
          ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
          timeout,
          killSignal: 'SIGKILL',
          maxBuffer: 64 << 20,
        },
        (error, stdout, stderr) => {
          if (error === null) resolve({ stdout, stderr, code: 0 });
          else if (error.killed === true) reject(new LabError(`${what} did not end within ${timeout} ms`));
          else if (typeof error.code === 'number') resolve({ stdout, stderr, code: error.code });
          else reject(new LabError(`${what}: ${error.message}`, { cause: error }));
        },
      );
      child.stdin?.on('error', () => undefined);
      child.stdin?.end(options.input ?? '');
    });
  }

  /** Starts a program and lets it run: until it ends, until it is stopped, or until the lab closes. */
  async spawn(argv: readonly string[], options: SpawnOptions = {}): Promise<LabProcess> {
    const started = await LabProcess.start(
      `${this.name}: ${argv.join(' ')}`,
      ['ip', 'netns', 'exec', this.namespace, ...argv],
      options,
    );
    this.site.processes.add(started);
    void started.exited.then(() => this.site.processes.delete(started));
    return started;
  }

  /** Applies kernel settings, an nftables file, `ip` and `tc` lines, in this order. */
  async configure(doing: string, setup: Setup): Promise<void> {
    await shell(`${doing} ${this.name}`, [configure(this.namespace, setup)]);
  }
}
