/** A wireguard-go in a namespace, with one peer. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { run } from '../net/namespaces.ts';

/** Flag of a listening socket in /proc/net/unix. */
const SO_ACCEPTCON = 0x10000;

export interface WireguardGoInit {
  readonly namespace: string;
  readonly secret: Uint8Array;
  readonly port: number;
  /** With the length of its prefix. */
  readonly address: string;
  readonly mtu: number;
  readonly peer: { readonly key: Uint8Array; readonly allowed: string; readonly endpoint: string };
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

export class WireguardGo {
  readonly device: string;
  readonly #init: WireguardGoInit;
  readonly #process: ChildProcess;
  readonly #folder = mkdtempSync(join(tmpdir(), 'kith-wireguard-go-'));

  readonly #abandon = (): void => void this.#process.kill('SIGKILL');

  private constructor(init: WireguardGoInit, device: string) {
    this.#init = init;
    this.device = device;
    this.#process = spawn('ip', ['netns', 'exec', init.namespace, 'wireguard-go', '-f', device], {
      env: { ...process.env, LOG_LEVEL: 'error', WG_PROCESS_FOREGROUND: '1' },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    // A run that is cut short leaves nothing behind either.
    process.once('exit', this.#abandon);
  }

  /** @param device a name that no other wireguard-go of the machine has: their control sockets share a folder */
  static async start(init: WireguardGoInit, device: string): Promise<WireguardGo> {
    const go = new WireguardGo(init, device);
    const deadline = performance.now() + 10_000;
    while (!go.#isListening()) {
      if (performance.now() > deadline) throw new Error(`wireguard-go's ${device} does not come up`);
      await delay(20);
    }
    const keyFile = join(go.#folder, 'key');
    writeFileSync(keyFile, base64(init.secret), { mode: 0o600 });
    go.#wg('set', device, 'listen-port', String(init.port), 'private-key', keyFile);
    go.addPeer();
    const { namespace, address, mtu } = init;
    run('ip', '-n', namespace, 'address', 'add', address, 'dev', device);
    run('ip', '-n', namespace, 'link', 'set', device, 'mtu', String(mtu), 'up');
    return go;
  }

  /** `wg` removes a control socket that exists but does not listen yet: it must not be asked before. */
  #isListening(): boolean {
    const { exitCode, pid } = this.#process;
    if (exitCode !== null) throw new Error(`wireguard-go ended with ${exitCode}`);
    const line = readFileSync(`/proc/${pid}/net/unix`, 'utf8')
      .split('\n')
      .find((each) => each.endsWith(this.#socket));
    return (Number.parseInt(line?.split(/\s+/)[3] ?? '0', 16) & SO_ACCEPTCON) !== 0;
  }

  get #socket(): string {
    return `/var/run/wireguard/${this.device}.sock`;
  }

  #wg(...args: readonly string[]): string {
    return run('ip', 'netns', 'exec', this.#init.namespace, 'wg', ...args);
  }

  addPeer(): void {
    const { key, allowed, endpoint } = this.#init.peer;
    this.#wg('set', this.device, 'peer', base64(key), 'allowed-ips', allowed, 'endpoint', endpoint);
  }

  /** Sessions included. */
  removePeer(): void {
    this.#wg('set', this.device, 'peer', base64(this.#init.peer.key), 'remove');
  }

  /** Bytes that it counted since the peer was added: handshakes and transport messages. */
  transferred(): { readonly received: number; readonly sent: number } {
    const [, received, sent] = this.#wg('show', this.device, 'transfer').trim().split('\t');
    return { received: Number(received), sent: Number(sent) };
  }

  async stop(): Promise<void> {
    process.off('exit', this.#abandon);
    if (this.#process.exitCode === null) {
      const gone = once(this.#process, 'exit');
      this.#process.kill('SIGKILL');
      await gone;
    }
    rmSync(this.#socket, { force: true });
    rmSync(this.#folder, { recursive: true });
  }
}
