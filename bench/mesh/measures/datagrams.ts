/** A burst of datagrams at a rate, by the small program beside this file: iperf3 would spend more than the tunnel does. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Link } from './link.ts';

const SOURCE = fileURLToPath(new URL('datagrams.cc', import.meta.url));
const PORT = 7000;
/** Milliseconds for what is still under way when the last datagram is sent. */
const STRAGGLERS = 150;

export interface Burst {
  readonly sent: number;
  readonly sendSeconds: number;
  readonly received: number;
  /** From the first datagram that came to the last. */
  readonly receiveSeconds: number;
}

/** @returns the program's path @throws Error with the compiler's complaint */
export function compile(folder: string): string {
  const program = join(folder, 'datagrams');
  execFileSync('g++', ['-std=c++17', '-O2', '-o', program, SOURCE], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
  });
  return program;
}

/**
 * @param size bytes of UDP payload
 * @param rate datagrams per second
 * @param seconds how long to send
 * @throws Error when one of the two ends failed
 */
export async function burst(program: string, link: Link, size: number, rate: number, seconds: number): Promise<Burst> {
  const receiver = await link.to.spawn([program, 'receive', String(PORT)]);
  try {
    await receiver.waitFor(/ready/, 5000);
    const numbers = [PORT, size, Math.round(rate), Math.round(rate * seconds)].map(String);
    const { code, stdout, stderr } = await link.from.run([program, 'send', link.target, ...numbers], {
      timeoutMs: seconds * 4000 + 5000,
    });
    if (code !== 0) throw new Error(`sending datagrams failed: ${stderr.trim()}`);
    const sent = JSON.parse(stdout) as { readonly sent: number; readonly seconds: number };
    await delay(STRAGGLERS);
    receiver.signal('SIGTERM');
    const [line] = await receiver.waitFor(/\{.*\}/, 10_000);
    const came = JSON.parse(line) as { readonly received: number; readonly seconds: number };
    return {
      sent: sent.sent,
      sendSeconds: sent.seconds,
      received: came.received,
      receiveSeconds: came.seconds,
    };
  } finally {
    await receiver.kill();
  }
}
