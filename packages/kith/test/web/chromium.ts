/**
 * A real Chromium without a window, driven over its DevTools protocol: one page, which runs what it is told. It has a
 * profile of its own and knows no host but 127.0.0.1.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

const PATIENCE = 30_000;
const FLAGS = [
  ...['--headless=new', '--no-sandbox', '--remote-debugging-port=0', '--disable-gpu', '--mute-audio'],
  ...[
    '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    '--no-proxy-server',
    '--disable-background-networking',
  ],
  ...['--disable-component-update', '--disable-domain-reliability', '--disable-sync', '--disable-breakpad'],
  ...['--no-first-run', '--no-default-browser-check', '--disable-extensions', '--metrics-recording-only'],
  '--autoplay-policy=no-user-gesture-required',
];

interface Answer {
  readonly id?: number;
  readonly error?: { readonly message: string };
  readonly result?: {
    readonly result?: { readonly value?: unknown };
    readonly exceptionDetails?: { readonly exception?: { readonly description?: string }; readonly text: string };
  };
}

export class Chromium {
  readonly #page: WebSocket;
  readonly #waiting: Map<number, (answer: Answer) => void> = new Map();
  #asked = 0;

  /** Ends with the test. */
  static async start(t: TestContext): Promise<Chromium> {
    const profile = mkdtempSync(join(tmpdir(), 'kith-chromium-'));
    const child = spawn('chromium', [...FLAGS, `--user-data-dir=${profile}`, 'about:blank'], {
      env: { ...process.env, HOME: profile, XDG_CONFIG_HOME: profile, XDG_CACHE_HOME: profile },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    t.after(async () => {
      await end(child);
      rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
    });
    const listed = await fetch(`http://127.0.0.1:${await portOf(child)}/json/list`);
    const pages = (await listed.json()) as { readonly type: string; readonly webSocketDebuggerUrl: string }[];
    const url = pages.find(({ type }) => type === 'page')?.webSocketDebuggerUrl;
    if (url === undefined) throw new Error('Chromium has no page');
    const page = new WebSocket(url);
    await once(page, 'open', { signal: AbortSignal.timeout(PATIENCE) });
    t.after(() => page.close());
    return new Chromium(page);
  }

  private constructor(page: WebSocket) {
    this.#page = page;
    page.addEventListener('message', ({ data }) => {
      const answer: Answer = JSON.parse(String(data));
      if (answer.id === undefined) return;
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
  }

  /** Runs the body of an async function in the page. Rejects with what it throws, or where it does not end. */
  run(body: string): Promise<unknown> {
    const id = ++this.#asked;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`the page did not end within ${PATIENCE} ms: ${body}`)),
        PATIENCE,
      );
      this.#waiting.set(id, ({ error, result }) => {
        clearTimeout(timer);
        const thrown = result?.exceptionDetails;
        if (error !== undefined) reject(new Error(error.message));
        else if (thrown !== undefined) reject(new Error(thrown.exception?.description ?? thrown.text));
        else resolve(result?.result?.value);
      });
      const expression = `(async () => { ${body} })()`;
      const params = { expression, awaitPromise: true, returnByValue: true };
      this.#page.send(JSON.stringify({ id, method: 'Runtime.evaluate', params }));
    });
  }
}

/** It tells on standard error where it listens. */
function portOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const fail = (why: string): void => reject(new Error(`Chromium ${why}: ${text.slice(-2000)}`));
    const timer = setTimeout(() => fail('did not say where it listens'), PATIENCE);
    child.on('error', ({ message }) => fail(message));
    child.on('exit', () => fail('ended'));
    child.stderr?.setEncoding('utf8').on('data', (more: string) => {
      text = (text + more).slice(-10_000);
      const port = /ws:\/\/127\.0\.0\.1:(\d+)\//.exec(text)?.[1];
      if (port === undefined) return;
      clearTimeout(timer);
      resolve(port);
    });
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
  await ended;
  clearTimeout(timer);
}
