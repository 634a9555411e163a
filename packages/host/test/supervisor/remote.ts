/** Drives supervisor-process.ts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { DaemonReport } from '@kith/host';
import type { Request } from './supervisor-process.ts';

const SCRIPT = fileURLToPath(new URL('supervisor-process.ts', import.meta.url));

export class Remote {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  /** @param namespace where it lives; this process's own when null */
  constructor(folder: string, timing: object = {}, namespace: string | null = null) {
    const argv = ['--conditions=source', '--disable-warning=ExperimentalWarning', SCRIPT];
    const [program, ...rest] = [
      ...(namespace === null ? [] : ['ip', 'netns', 'exec', namespace]),
      process.execPath,
      ...argv,
      `${folder}/daemons`,
      `${folder}/log`,
      JSON.stringify(timing),
    ];
    this.#child = spawn(program, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
    const { stdout } = this.#child;
    if (stdout === null) throw new Error('no output');
    this.#lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  }

  async ask(request: Request = {}): Promise<readonly DaemonReport[]> {
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    const { value } = await this.#lines.next();
    const answer: { daemons?: DaemonReport[]; error?: string } = JSON.parse(value);
    if (answer.daemons === undefined) throw new Error(answer.error);
    return answer.daemons;
  }

  /** Starts without waiting for the answer. */
  send(request: Request): void {
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
  }

  async kill(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await gone;
  }

  /** Lets it close as it should. */
  async leave(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.stdin?.end();
    await gone;
  }
}
