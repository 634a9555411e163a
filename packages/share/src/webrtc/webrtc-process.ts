/** The engine's end of the process that has WebRTC. */
import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { withReadBuffer } from '../net/read-buffer.ts';
import { FRAME, FrameError, type FrameHandler, FrameReader, type FrameKind, frame, frameHead } from './frames.ts';
import type { LibraryName } from './library.ts';

/** What the process is started with. */
export interface WebRtcSetup {
  /** URLs of STUN and TURN servers, who learn of every connection. */
  readonly iceServers: readonly string[];
  /** The one address that is used; without it all of the machine. */
  readonly bindAddress?: string;
  /** This one and no other; without it the fastest one that loads. */
  readonly library?: LibraryName;
}

export interface ProcessHandler extends FrameHandler {
  /** Once; nothing comes after it. */
  ended(reason: string): void;
}

/** Node's defaults would let the process inspect, or start, what was meant for the engine alone. */
const ENVIRONMENT = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'SYSTEMROOT'];

/** Bytes of one read at most. */
const READ = 262_144;

/** For the process to end by itself, ms. */
const PATIENCE = 2_000;

export class WebRtcProcess {
  readonly #child: ChildProcess;
  readonly #stream: Socket;
  readonly #handler: ProcessHandler;
  #over = false;

  constructor(setup: WebRtcSetup, handler: ProcessHandler) {
    this.#handler = handler;
    const fromSource = import.meta.url.endsWith('.ts');
    const script = fileURLToPath(new URL(`webrtc-worker.${fromSource ? 'ts' : 'js'}`, import.meta.url));
    const flags = fromSource ? ['--conditions=source'] : [];
    this.#child = spawn(process.execPath, [...flags, script, JSON.stringify(setup)], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
      env: Object.fromEntries(ENVIRONMENT.map((name) => [name, process.env[name]])),
      windowsHide: true,
    });
    const made = this.#child.stdio[3];
    if (!(made instanceof Socket)) throw new TypeError('the process has no socket');
    const reader = new FrameReader(handler);
    const stream = withReadBuffer(made, new Uint8Array(READ), (bytes) => {
      if (this.#over) return;
      try {
        reader.push(bytes);
      } catch (error) {
        if (!(error instanceof FrameError)) throw error;
        this.#end(error.message);
      }
    });
    this.#stream = stream;
    stream.on('error', () => undefined);
    this.#child.on('error', (error) => this.#end(error.message));
    this.#child.on('exit', (code, signal) => this.#end(signal ?? `code ${code}`));
    // Neither keeps a program alive that has nothing else to do.
    this.#child.unref();
  }

  /** Of the process; for tests that end it. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  say(kind: FrameKind, connection: number, payload?: string | Uint8Array): void {
    if (!this.#over) this.#stream.write(frame(kind, connection, payload));
  }

  /** Chunks of one connection, which must not change until they are reported as taken. */
  send(connection: number, chunks: readonly Uint8Array[], length: number): void {
    if (this.#over) return;
    this.#stream.cork();
    this.#stream.write(frameHead(FRAME.data, connection, length));
    for (const chunk of chunks) this.#stream.write(chunk);
    this.#stream.uncork();
  }

  /** Lets it say goodbye to the other sides. Idempotent; `ended` is not told. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#stream.end();
    setTimeout(() => this.#kill(), PATIENCE).unref();
  }

  #end(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#kill();
    this.#handler.ended(reason);
  }

  #kill(): void {
    this.#child.kill('SIGKILL');
    this.#stream.destroy();
  }
}
