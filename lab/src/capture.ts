/** What passes an interface of a machine, taken by tcpdump and kept in memory. */
import { spawn, type ChildProcess } from 'node:child_process';
import { LabError } from './error.ts';
import type { Machine } from './machine.ts';
import { parsePcap, type Packet } from './pcap.ts';
import { environment } from './shell.ts';

export interface CaptureOptions {
  /** An interface of the machine; `any` unless told. */
  readonly iface?: string;
  /** A filter as tcpdump takes it: `udp port 6550`. */
  readonly filter?: string;
  /** The capture fails beyond this many bytes; 64 MiB unless told. */
  readonly maxBytes?: number;
}

export class Capture {
  readonly #child: ChildProcess;
  readonly #chunks: Buffer[] = [];
  readonly #maxBytes: number;
  readonly #ended: Promise<void>;
  readonly #watchers = new Set<() => void>();
  #size = 0;
  #stderr = '';

  /** Use `lab.capture()`: settles once packets are being taken. */
  static async start(machine: Machine, options: CaptureOptions): Promise<Capture> {
    // The kernel's ring has slots of the snapshot length: with tcpdump's own sizes there are eight, and a burst is lost.
    const sizes = ['--immediate-mode', '-U', '-s', '65535', '-B', '65536'];
    const args = ['-i', options.iface ?? 'any', ...sizes, '-n', '-Z', 'root', '-w', '-'];
    const filter = options.filter === undefined ? [] : [options.filter];
    const child = spawn('ip', ['netns', 'exec', machine.namespace, 'tcpdump', ...args, ...filter], {
      env: environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const capture = new Capture(child, options.maxBytes ?? 64 << 20);
    await capture.#until(() => capture.#stderr.includes('listening on'), 5000, 'tcpdump did not begin to listen');
    return capture;
  }

  private constructor(child: ChildProcess, maxBytes: number) {
    this.#child = child;
    this.#maxBytes = maxBytes;
    child.stdout?.on('data', (chunk: Buffer) => {
      this.#size += chunk.length;
      if (this.#size > maxBytes) child.kill('SIGKILL');
      else this.#chunks.push(chunk);
      this.#notify();
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString();
      this.#notify();
    });
    this.#ended = new Promise((resolve) => {
      const end = () => {
        resolve();
        this.#notify();
      };
      child.once('close', end);
      child.once('error', (cause) => {
        this.#stderr += cause.message;
        end();
      });
    });
  }

  /** The packets so far. */
  packets(): Packet[] {
    if (this.#size > this.#maxBytes) {
      throw new LabError(`the capture grew beyond ${this.#maxBytes} bytes: give it a filter or a larger maxBytes`);
    }
    return parsePcap(Buffer.concat(this.#chunks));
  }

  /** Whether any packet so far holds these bytes; what is spread over two packets is not found. */
  contains(bytes: Uint8Array | string): boolean {
    const wanted = Buffer.from(bytes);
    return this.packets().some((packet) => packet.data.includes(wanted));
  }

  /**
   * Waits for a packet that holds the bytes: the way to know that a capture is past a certain point.
   * @param deadlineMs how long to wait, in milliseconds.
   * @throws LabError when it did not come.
   */
  async waitFor(bytes: Uint8Array | string, deadlineMs = 5000): Promise<void> {
    await this.#until(() => this.contains(bytes), deadlineMs, 'the capture saw no packet with these bytes');
  }

  /**
   * Ends the capture; returns everything taken, as a pcap file.
   * @throws LabError when packets came faster than they could be taken: what is missing proves nothing then.
   */
  async stop(): Promise<Buffer> {
    this.#child.kill('SIGINT');
    await this.#ended;
    const missed = Number(/^(\d+) packets? dropped by kernel$/m.exec(this.#stderr)?.[1] ?? 0);
    if (missed > 0) throw new LabError(`the capture missed ${missed} packets: give it a filter`);
    return Buffer.concat(this.#chunks);
  }

  /** Ends the capture whatever it holds. */
  async abandon(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  async #until(done: () => boolean, deadlineMs: number, complaint: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const finish = (settle: () => void) => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        settle();
      };
      const look = () => {
        try {
          const over = this.#child.exitCode !== null || this.#child.pid === undefined;
          if (done()) finish(resolve);
          else if (over) finish(() => reject(new LabError(`${complaint}: ${this.#stderr.trim()}`)));
        } catch (error) {
          finish(() => reject(error));
        }
      };
      const timer = setTimeout(
        () => finish(() => reject(new LabError(`${complaint} within ${deadlineMs} ms: ${this.#stderr.trim()}`))),
        deadlineMs,
      );
      this.#watchers.add(look);
      look();
    });
  }

  #notify(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}
