/** What crosses a cable, caught by tcpdump. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A datagram of UDP over IPv4; with offloads a train of them, uncut. */
export interface CaughtDatagram {
  /** Address of the sender. */
  readonly from: string;
  /** Ports of both ends, the sender's first. */
  readonly ports: readonly [from: number, to: number];
  readonly payload: Buffer;
}

export class Wire {
  readonly #folder = mkdtempSync(join(tmpdir(), 'kith-wire-'));
  readonly #process: ChildProcess;

  private constructor(namespace: string, device: string, packets: number) {
    const args = ['-i', device, '-c', String(packets), '-B', '16384', '-w', this.#path, 'ip'];
    this.#process = spawn('ip', ['netns', 'exec', namespace, 'tcpdump', ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  }

  /** Catches the first packets of IPv4 from now on. */
  static async open(namespace: string, device: string, packets: number): Promise<Wire> {
    const wire = new Wire(namespace, device, packets);
    // It says that it listens.
    if (wire.#process.stderr !== null) await once(wire.#process.stderr, 'data');
    wire.#process.stderr?.resume();
    return wire;
  }

  get #path(): string {
    return join(this.#folder, 'caught.pcap');
  }

  /** Once it has caught as many as it was opened for. @throws as `close`, and where they do not come within 30 s */
  async full(): Promise<readonly CaughtDatagram[]> {
    if (this.#process.exitCode === null) await once(this.#process, 'exit', { signal: AbortSignal.timeout(30_000) });
    return this.close();
  }

  /** Ends it. @throws Error where anything but UDP was caught */
  async close(): Promise<readonly CaughtDatagram[]> {
    if (this.#process.exitCode === null) {
      const gone = once(this.#process, 'exit');
      this.#process.kill('SIGINT');
      await gone;
    }
    const file = readFileSync(this.#path);
    rmSync(this.#folder, { recursive: true });
    const out: CaughtDatagram[] = [];
    // Header of the file 24 bytes; of each packet 16: seconds(4) microseconds(4) caught(4) length(4). Then Ethernet.
    for (let at = 24; at + 16 <= file.length;) {
      const caught = file.readUInt32LE(at + 8);
      const packet = file.subarray(at + 16 + 14, at + 16 + caught);
      at += 16 + caught;
      const transport = ((packet[0] as number) & 15) * 4;
      if (packet[9] !== 17) throw new Error(`protocol ${packet[9]} crossed the cable`);
      const ports = [packet.readUInt16BE(transport), packet.readUInt16BE(transport + 2)] as const;
      out.push({ from: packet.subarray(12, 16).join('.'), ports, payload: packet.subarray(transport + 8) });
    }
    return out;
  }
}
