/** The test's hand on a udp-peer inside a machine. */
import { fileURLToPath } from 'node:url';
import type { LabProcess, Machine } from '../src/index.ts';

const PROGRAM = fileURLToPath(new URL('./udp-peer.ts', import.meta.url));
let tokens = 0;

export class Peer {
  readonly process: LabProcess;
  readonly #port: number;

  static async start(machine: Machine, ...ports: number[]): Promise<Peer> {
    const started = await machine.spawn([process.execPath, PROGRAM, ...ports.map(String)]);
    for (const port of ports) await started.waitFor(new RegExp(`^ready ${port}$`));
    return new Peer(started, ports[0] ?? 0);
  }

  private constructor(started: LabProcess, port: number) {
    this.process = started;
    this.#port = port;
  }

  /** Sends from the first port, or from `own`. */
  send(address: string, port: number, text: string, own: number = this.#port): void {
    this.process.write(`send ${own} ${address} ${port} ${text}`);
  }

  /** `address:port` of this peer as the peer at the other end sees it. */
  async seenBy(address: string, port: number, own: number = this.#port): Promise<string> {
    const token = `t${++tokens}`;
    this.send(address, port, `who ${token}`, own);
    const [, endpoint = ''] = await this.process.waitFor(new RegExp(`you ${token} (\\S+)$`));
    return endpoint;
  }

  /** Whether it is answered within the time: for what should not work, so keep the time short. */
  async answeredBy(address: string, port: number, deadlineMs: number): Promise<boolean> {
    const token = `t${++tokens}`;
    this.send(address, port, `who ${token}`);
    try {
      await this.process.waitFor(new RegExp(`you ${token} `), deadlineMs);
      return true;
    } catch {
      return false;
    }
  }

  /** Waits for a text; returns the sender. */
  async receive(text: string): Promise<string> {
    const [, sender = ''] = await this.process.waitFor(new RegExp(`^got \\d+ (\\S+) ${text}$`));
    return sender;
  }

  /** How many messages with this text have come. */
  count(text: string): number {
    return this.process.stdout.filter((line) => line.endsWith(` ${text}`)).length;
  }
}

/** `203.0.113.7:6550` in two. */
export function split(endpoint: string): [address: string, port: number] {
  const at = endpoint.lastIndexOf(':');
  return [endpoint.slice(0, at), Number(endpoint.slice(at + 1))];
}

/** Asks again and again until it is true: for conditions that no line announces. */
export async function until(
  what: string,
  deadlineMs: number,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
