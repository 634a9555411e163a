/** Network namespaces of one test file, with processes in them; everything is gone after {@link Namespaces.remove}. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';

export function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', timeout: 60_000, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** A process in a namespace that talks in lines. It ends when its input is closed, so none outlives the test. */
export class Child {
  readonly #process: ChildProcess;
  readonly #lines: string[] = [];
  readonly #ended: Promise<number | null>;
  #waiting: (() => void) | null = null;
  #complaint = '';
  #over = false;

  constructor(namespace: string, script: URL, argument: unknown) {
    this.#process = spawn(
      'ip',
      ['netns', 'exec', namespace, process.execPath, '--conditions=source', script.pathname, JSON.stringify(argument)],
      { stdio: ['pipe', 'pipe', 'pipe'] },
    );
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#complaint += text));
    this.#process.stdin?.on('error', () => undefined);
    createInterface({ input: this.#process.stdout! }).on('line', (line) => {
      this.#lines.push(line);
      this.#waiting?.();
    });
    this.#ended = new Promise((resolve) => {
      this.#process.on('close', (code) => {
        this.#over = true;
        this.#waiting?.();
        resolve(code);
      });
    });
  }

  /** The next line, read as JSON. */
  async next(limitMs = 30_000): Promise<unknown> {
    const deadline = performance.now() + limitMs;
    while (this.#lines.length === 0) {
      if (this.#over) throw new Error(`the process ended: ${this.#complaint}`);
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`the process said nothing for ${limitMs} ms: ${this.#complaint}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return JSON.parse(this.#lines.shift() as string);
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  tell(line: string): void {
    this.#process.stdin?.write(`${line}\n`);
  }

  /** Closes its input and waits for its end; kills it where it does not listen. */
  async end(): Promise<void> {
    this.#process.stdin?.end();
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), 10_000);
    const code = await this.#ended;
    clearTimeout(timer);
    const name = this.#process.spawnargs.find((argument) => argument.endsWith('.ts'));
    if (code !== 0) throw new Error(`${name} ended with ${code}: ${this.#complaint}`);
  }
}

const open = new Set<Namespaces>();
// A run that is cut short leaves nothing behind either.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
process.on('exit', () => {
  for (const spaces of open) spaces.abandon();
});

export class Namespaces {
  readonly #names: string[] = [];
  readonly #children: Child[] = [];
  #links = 0;

  /** A namespace with loopback up. */
  add(label: string): string {
    const name = `kdp-${process.pid}-${label}`;
    open.add(this);
    run('ip', 'netns', 'add', name);
    this.#names.push(name);
    run('ip', '-n', name, 'link', 'set', 'lo', 'up');
    return name;
  }

  /** A cable between two namespaces: 192.0.2.x/30-like point-to-point addresses, one for each end. */
  link(a: string, addressA: string, b: string, addressB: string): void {
    this.#links += 1;
    const ends = ['a', 'b'].map((end) => `v${this.#links}${end}`) as [string, string];
    run('ip', '-n', a, 'link', 'add', ends[0], 'type', 'veth', 'peer', 'name', ends[1], 'netns', b);
    for (const [namespace, device, own, other] of [
      [a, ends[0], addressA, addressB],
      [b, ends[1], addressB, addressA],
    ] as const) {
      run('ip', '-n', namespace, 'address', 'add', own, 'peer', other, 'dev', device);
      run('ip', '-n', namespace, 'link', 'set', device, 'up');
    }
  }

  start(namespace: string, script: URL, argument: unknown): Child {
    const child = new Child(namespace, script, argument);
    this.#children.push(child);
    return child;
  }

  /** Takes down what it can without waiting: the process is about to end. */
  abandon(): void {
    for (const child of this.#children) child.kill();
    for (const name of this.#names) spawnSync('ip', ['netns', 'delete', name]);
  }

  async remove(): Promise<void> {
    const ends = await Promise.allSettled(this.#children.map((child) => child.end()));
    for (const name of this.#names) run('ip', 'netns', 'delete', name);
    open.delete(this);
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }
}
