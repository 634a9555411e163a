/**
 * Two network namespaces with a veth between them: in one the harness, in the other a real wireguard-go. Everything is
 * named after this process and a counter, and taken down again whatever happens.
 */
import { execFile, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TunnelKey } from '@kith/core';
import { SecretKey, generateSecret, keyBytes, toHex, tunnelKeyOf } from '@kith/core';
import type { DeviceLimits } from '@kith/wireguard';
import { realCrypto } from '../helpers/crypto.ts';
import type { Command, HarnessInit, Status } from './harness.ts';

const run = promisify(execFile);
const HARNESS = fileURLToPath(new URL('harness.ts', import.meta.url));

/** Addresses on the veth (documentation range) and in the tunnel. */
export const OURS = '192.0.2.1';
export const OURS_TOO = '192.0.2.3';
const THEIRS = '192.0.2.2';
const PORT = 51820;
const OUR_TUNNEL = '10.7.0.1';
const THEIR_TUNNEL = '10.7.0.2';

export interface LabOptions {
  readonly presharedKey?: boolean;
  readonly timeScale?: number;
  readonly limits?: Partial<DeviceLimits>;
  /** Which side knows where the other one is. */
  readonly endpointKnownTo: 'us' | 'them';
}

/** Flag of a listening socket in /proc/net/unix. */
const SO_ACCEPTCON = 0x10000;

let labs = 0;
const open = new Set<Lab>();
// A run that is cut short leaves nothing behind either.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
process.on('exit', () => {
  for (const lab of open) lab.abandon();
});

export class Lab {
  readonly #id = `${process.pid % 100_000}${'abcdefghijklmnop'[labs++ % 16]}`;
  readonly #ourSpace = `kwg-u${this.#id}`;
  readonly #theirSpace = `kwg-t${this.#id}`;
  readonly #device = `kwg${this.#id}`;
  readonly #processes: ChildProcess[] = [];
  readonly #secret = generateSecret(realCrypto);
  readonly #theirSecret = generateSecret(realCrypto);
  readonly #presharedKey = new SecretKey(realCrypto.random(32));
  #harness: ChildProcess | null = null;
  #folder: string | null = null;
  #answers: Promise<unknown> = Promise.resolve();

  /** Brings a lab up, hands it to `use` and takes it down. */
  static async with(options: LabOptions, use: (lab: Lab) => Promise<void>): Promise<void> {
    const lab = new Lab();
    open.add(lab);
    try {
      await lab.#up(options);
      await use(lab);
    } finally {
      await lab.#down();
      open.delete(lab);
    }
  }

  /** Takes down what it can without waiting: the process is about to end. */
  abandon(): void {
    for (const child of this.#processes) child.kill('SIGKILL');
    for (const space of [this.#ourSpace, this.#theirSpace]) spawnSync('ip', ['netns', 'delete', space]);
    rmSync(this.#socket, { force: true });
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true });
  }

  async #up(options: LabOptions): Promise<void> {
    await run('ip', ['netns', 'add', this.#ourSpace]);
    await run('ip', ['netns', 'add', this.#theirSpace]);
    await this.#ours('ip', ['link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1', 'netns', this.#theirSpace]);
    for (const address of [OURS, OURS_TOO]) await this.#ours('ip', ['address', 'add', `${address}/24`, 'dev', 'v0']);
    await this.#ours('ip', ['link', 'set', 'v0', 'up']);
    await this.theirs('ip', ['address', 'add', `${THEIRS}/24`, 'dev', 'v1']);
    await this.theirs('ip', ['link', 'set', 'v1', 'up']);
    await this.#startWireguardGo(options);
    await this.#startHarness(options);
  }

  async #startWireguardGo(options: LabOptions): Promise<void> {
    const go = spawn('ip', ['netns', 'exec', this.#theirSpace, 'wireguard-go', '-f', this.#device], {
      env: { ...process.env, LOG_LEVEL: 'error', WG_PROCESS_FOREGROUND: '1' },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    this.#processes.push(go);
    await until(`wireguard-go's ${this.#device}`, () => this.#isListening(go));
    const key = await this.#keyFile('private', this.#theirSecret.reveal());
    await this.wg(['set', this.#device, 'listen-port', String(PORT), 'private-key', key]);
    await this.addPeer(options);
    await this.theirs('ip', ['address', 'add', `${THEIR_TUNNEL}/24`, 'dev', this.#device]);
    await this.theirs('ip', ['link', 'set', this.#device, 'up']);
  }

  /** `wg` removes a control socket that exists but does not listen yet: it must not be asked before. */
  async #isListening(go: ChildProcess): Promise<boolean> {
    if (go.exitCode !== null) throw new Error(`wireguard-go ended with ${go.exitCode}`);
    const sockets = await readFile(`/proc/${go.pid}/net/unix`, 'utf8');
    const flags = sockets
      .split('\n')
      .find((line) => line.endsWith(this.#socket))
      ?.split(/\s+/)[3];
    return (Number.parseInt(flags ?? '0', 16) & SO_ACCEPTCON) !== 0;
  }

  get #socket(): string {
    return `/var/run/wireguard/${this.#device}.sock`;
  }

  /** Configures us as wireguard-go's peer. */
  async addPeer(options: LabOptions): Promise<void> {
    const peer = ['set', this.#device, 'peer', base64(keyBytes(this.ourKey)), 'allowed-ips', `${OUR_TUNNEL}/32`];
    if (options.endpointKnownTo === 'them') peer.push('endpoint', `${OURS}:${PORT}`);
    if (options.presharedKey) {
      peer.push('preshared-key', await this.#keyFile('preshared', this.#presharedKey.reveal()));
    }
    await this.wg(peer);
  }

  /** Makes wireguard-go forget us, sessions included. */
  async removePeer(): Promise<void> {
    await this.wg(['set', this.#device, 'peer', base64(keyBytes(this.ourKey)), 'remove']);
  }

  async #startHarness(options: LabOptions): Promise<void> {
    const init: HarnessInit = {
      secret: toHex(this.#secret.reveal()),
      peer: tunnelKeyOf(realCrypto, this.#theirSecret),
      ...(options.presharedKey && { presharedKey: toHex(this.#presharedKey.reveal()) }),
      address: OURS,
      port: PORT,
      endpoint: options.endpointKnownTo === 'us' ? { address: THEIRS, port: PORT } : null,
      tunnelAddress: OUR_TUNNEL,
      peerTunnelAddress: THEIR_TUNNEL,
      timeScale: options.timeScale ?? 1,
      ...(options.limits && { limits: options.limits }),
    };
    const node = [process.execPath, '--conditions=source', HARNESS, JSON.stringify(init)];
    const harness = spawn('ip', ['netns', 'exec', this.#ourSpace, ...node], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#processes.push(harness);
    await answer(harness);
    this.#harness = harness;
  }

  async #down(): Promise<void> {
    for (const child of this.#processes) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
    for (const space of [this.#ourSpace, this.#theirSpace]) {
      await run('ip', ['netns', 'delete', space]).catch(() => undefined);
    }
    await rm(this.#socket, { force: true });
    if (this.#folder !== null) await rm(this.#folder, { recursive: true });
  }

  get ourKey(): TunnelKey {
    return tunnelKeyOf(realCrypto, this.#secret);
  }

  /** Has the harness do something; answers with its status afterwards. One command at a time. */
  tell(command: Command): Promise<Status> {
    const harness = this.#harness;
    if (harness === null) throw new Error('the harness is not up');
    const next = this.#answers.then(() => {
      const status = answer(harness);
      harness.send(command);
      return status;
    });
    this.#answers = next;
    return next;
  }

  /** Waits until the harness's status is as wanted, at most `limit` ms. */
  async status(what: string, wanted: (status: Status) => boolean, limit = 15_000): Promise<Status> {
    let last: Status | undefined;
    try {
      await until(what, async () => wanted((last = await this.tell({ do: 'status' }))), limit);
    } catch (cause) {
      throw new Error(`${what}: ${JSON.stringify(last)}`, { cause });
    }
    return this.tell({ do: 'status' });
  }

  /** Echoes from us to wireguard-go's side, one every `interval` ms. Returns how many were sent and answered. */
  async echoes(count: number, interval: number, first = 1): Promise<{ sent: number; answered: number }> {
    for (let i = 0; i < count; i++) {
      await this.tell({ do: 'send echo', sequence: first + i });
      if (i < count - 1) await pause(interval);
    }
    const ours = (status: Status) => status.repliesSeen.filter((n) => n >= first && n < first + count).length;
    const status = await this.status('answers to echoes', (s) => ours(s) === count, 3000).catch(() => null);
    return { sent: count, answered: ours(status ?? (await this.tell({ do: 'status' }))) };
  }

  /** The real ping from wireguard-go's side to us. Returns how many came back. */
  async ping(count: number, interval: number, more: { wait?: number; size?: number } = {}): Promise<number> {
    const { wait = 2, size = 56 } = more;
    // For the late answers of several, ping waits only two round trips of the others: on a busy machine that is nothing.
    if (count > 1 && count <= 10) {
      let answered = 0;
      for (let i = 0; i < count; i++) answered += await this.ping(1, interval, more);
      return answered;
    }
    const options = ['-c', String(count), '-i', String(interval), '-W', String(wait), '-s', String(size)];
    const { stdout } = await this.theirs('ping', [...options, OUR_TUNNEL]).catch((error: { stdout: string }) => error);
    return Number(/(\d+) received/.exec(stdout)?.[1] ?? '0');
  }

  /** Where wireguard-go believes us to be, and when it last completed a handshake (s since 1970). */
  async theirView(): Promise<{ endpoint: string; handshake: number }> {
    const dump = await this.wg(['show', this.#device, 'dump']);
    const fields = (dump.trim().split('\n')[1] ?? '').split('\t');
    return { endpoint: fields[2] ?? '', handshake: Number(fields[4] ?? '0') };
  }

  /** Moves wireguard-go to another port. */
  async moveThem(port: number): Promise<void> {
    await this.wg(['set', this.#device, 'listen-port', String(port)]);
  }

  async wg(args: readonly string[]): Promise<string> {
    return (await this.theirs('wg', args)).stdout;
  }

  /** `wg` takes keys from files only. */
  async #keyFile(name: string, key: Uint8Array): Promise<string> {
    this.#folder ??= await mkdtemp(join(tmpdir(), 'kith-wireguard-'));
    const path = join(this.#folder, name);
    await writeFile(path, base64(key), { mode: 0o600 });
    return path;
  }

  theirs(command: string, args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
    return run('ip', ['netns', 'exec', this.#theirSpace, command, ...args]);
  }

  #ours(command: string, args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
    return run('ip', ['netns', 'exec', this.#ourSpace, command, ...args]);
  }
}

/** Looks every 50 ms; throws once `limit` ms have passed. */
export async function until(what: string, holds: () => Promise<boolean>, limit = 15_000): Promise<void> {
  const deadline = performance.now() + limit;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`still waiting after ${limit} ms for: ${what}`);
    await pause(50);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function base64(key: Uint8Array): string {
  return Buffer.from(key).toString('base64');
}

function answer(harness: ChildProcess): Promise<Status> {
  return new Promise((resolve, reject) => {
    const died = () => reject(new Error('the harness died'));
    harness.once('exit', died);
    harness.once('message', (status) => {
      harness.off('exit', died);
      // The harness sends nothing else.
      resolve(status as Status);
    });
  });
}
