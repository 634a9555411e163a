/** What all clients share: the process, its usage out of /proc, and waiting for the content to be whole. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { LabError } from '../src/error.ts';
import { LabProcess } from '../src/process.ts';
import type { RunningClient, Usage } from './client.ts';

/** Clock ticks per second in /proc, fixed at 100 on Linux (USER_HZ). */
const TICKS = 100;
const POLL = 25;

/** Starts a program that ends with this process, however this one ends. */
export function spawnTied(what: string, argv: readonly string[], env?: Record<string, string>): Promise<LabProcess> {
  const tied = ['setpriv', '--pdeathsig', 'KILL', ...argv];
  return LabProcess.start(what, tied, env === undefined ? {} : { env });
}

/** Usage of a running process, all of its threads. @throws LabError when it has ended */
export function usageOf(pid: number): Usage {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const peak = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return {
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS,
      peakRss: Number(peak?.[1] ?? 0) * 1024,
    };
  } catch (cause) {
    throw new LabError(`process ${pid} has ended: there is no usage to read`, { cause });
  }
}

/** Resident set of a running process in bytes. @throws LabError when it has ended */
export function residentOf(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch (cause) {
    throw new LabError(`process ${pid} has ended: there is no memory to read`, { cause });
  }
}

/** Asks again and again until `look` says yes. @throws LabError with `what` after `timeoutMs` */
export async function until(look: () => Promise<boolean>, timeoutMs: number, what: () => string): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await look())) {
    if (performance.now() > end) throw new LabError(`${what()} within ${timeoutMs} ms`);
    await sleep(POLL);
  }
}

export abstract class ClientProcess implements RunningClient {
  protected readonly process: LabProcess;
  readonly #name: string;

  constructor(name: string, process: LabProcess) {
    this.#name = name;
    this.process = process;
  }

  get pid(): number {
    return this.process.pid;
  }

  abstract progress(): Promise<number>;
  abstract uploaded(): Promise<number>;

  async finished(timeoutMs: number): Promise<void> {
    let seen = 0;
    const whole = async () => {
      if (!this.process.running) throw new LabError(`${this.#name} ended by itself: ${this.words()}`);
      seen = await this.progress();
      return seen === 1;
    };
    await until(whole, timeoutMs, () => `${this.#name} had ${seen} of the content, not all; ${this.words()}`);
  }

  usage(): Usage {
    return usageOf(this.pid);
  }

  async stop(): Promise<void> {
    await this.process.stop();
  }

  async kill(): Promise<void> {
    await this.process.kill();
  }

  /** The last lines that it printed. */
  words(): string {
    const lines = [...this.process.stdout.slice(-5), ...this.process.stderr.slice(-5)];
    return lines.length === 0 ? 'it said nothing' : `it said: ${lines.join(' | ')}`;
  }
}
