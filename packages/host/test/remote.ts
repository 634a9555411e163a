/** Talks with a script that runs in a process of its own, to be killed or to live in another namespace: a line of JSON to and fro. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export class Remote<Request, Answer> {
  readonly #child: ChildProcess;
  readonly #gone: Promise<unknown>;
  readonly #lines: AsyncIterator<string>;

  /** @param namespace where it lives; this process's own when null */
  constructor(script: URL, args: readonly string[], namespace: string | null = null) {
    const [program, ...rest] = [
      ...(namespace === null ? [] : ['ip', 'netns', 'exec', namespace]),
      ...[process.execPath, '--conditions=source', '--disable-warning=ExperimentalWarning', script.pathname, ...args],
    ];
    this.#child = spawn(program ?? '', rest, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#gone = new Promise((resolve) => this.#child.once('exit', resolve));
    const { stdin, stdout } = this.#child;
    if (stdin === null || stdout === null) throw new Error('no way to talk with it');
    stdin.on('error', () => undefined);
    this.#lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** @throws Error what the script threw */
  async ask(request: Request): Promise<Answer> {
    this.send(request);
    const { value } = await this.#lines.next();
    const { answer, error }: { answer: Answer; error?: string } = JSON.parse(value);
    if (error !== undefined) throw new Error(error);
    return answer;
  }

  /** Does not wait for the answer. */
  send(request: Request): void {
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#gone;
  }

  /** Lets it close as it should. */
  async leave(): Promise<void> {
    this.#child.stdin?.end();
    await this.#gone;
  }
}

/** The script's side: answers until there are no more questions. */
export async function serve<Request>(answerTo: (request: Request) => Promise<unknown>): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const reply = await answerTo(JSON.parse(line)).then(
      (answer) => ({ answer }),
      (error: unknown) => ({ error: error instanceof Error ? error.message : String(error) }),
    );
    process.stdout.write(`${JSON.stringify(reply)}\n`);
  }
}
