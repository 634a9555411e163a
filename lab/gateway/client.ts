/** Somebody's laptop: takes a lease, asks for names and the time, fetches a page. With programs that kith did not write. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LabError, type Machine } from '../src/index.ts';
import { withResolver } from './resolver.ts';

const SCRIPT = fileURLToPath(new URL('lease.sh', import.meta.url));
const TIME_QUESTION = fileURLToPath(new URL('sntp.ts', import.meta.url));

/** What udhcpc was told, by the names that it has for it; empty for nothing. */
export interface Lease {
  readonly ip: string;
  readonly mask: string;
  readonly router: string;
  readonly dns: string;
  readonly ntpsrv: string;
  readonly mtu: string;
  readonly domain: string;
  /** Seconds. */
  readonly lease: string;
  readonly serverid: string;
}

/** Addresses that the kernel made of an advertisement. */
export interface Advertised {
  readonly addresses: readonly string[];
  /** Link-local address of the router that it leads through; null without one. */
  readonly router: string | null;
}

export interface ResolveOptions {
  readonly server?: string;
  readonly over?: 'udp' | 'tcp';
}

export class Client {
  readonly machine: Machine;
  readonly #folder: string;

  constructor(machine: Machine, folder: string) {
    this.machine = machine;
    this.#folder = join(folder, machine.name);
    mkdirSync(this.#folder, { recursive: true });
    writeFileSync(this.#resolver, '');
  }

  get #resolver(): string {
    return join(this.#folder, 'resolv.conf');
  }

  /** Takes a lease with udhcpc and sets `eth0` up with it. @throws LabError when none comes in time */
  async lease(seconds = 10): Promise<Lease> {
    const file = join(this.#folder, 'lease');
    writeFileSync(file, '');
    const options = ['-O', 'mtu', '-O', 'ntpsrv', '-O', 'domain'];
    const { code, stderr, stdout } = await this.machine.run(
      ['udhcpc', '-i', 'eth0', '-f', '-q', '-n', '-t', String(seconds), '-T', '1', '-s', SCRIPT, ...options],
      { timeoutMs: (seconds + 5) * 1000, env: { LEASE: file, RESOLVER: this.#resolver } },
    );
    if (code !== 0) throw new LabError(`${this.machine.name} got no lease: ${(stderr || stdout).trim()}`);
    const told = new Map(
      readFileSync(file, 'utf8')
        .trim()
        .split('\n')
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
    const get = (key: keyof Lease): string => told.get(key) ?? '';
    return {
      ...{ ip: get('ip'), mask: get('mask'), router: get('router'), dns: get('dns'), ntpsrv: get('ntpsrv') },
      ...{ mtu: get('mtu'), domain: get('domain'), lease: get('lease'), serverid: get('serverid') },
    };
  }

  /** What the kernel made of advertisements so far. */
  async advertised(): Promise<Advertised> {
    const { stdout } = await this.machine.run(['ip', '-6', '-o', 'addr', 'show', 'dev', 'eth0', 'dynamic']);
    const { stdout: routes } = await this.machine.run(['ip', '-6', 'route', 'show', 'default', 'proto', 'ra']);
    return {
      addresses: [...stdout.matchAll(/inet6 ([0-9a-f:]+)\/\d+ .*(?:dynamic)(?!.*tentative)/g)].map(
        (match) => match[1] ?? '',
      ),
      router: /default via ([0-9a-f:]+)/.exec(routes)?.[1] ?? null,
    };
  }

  /** What dig answers to a question for a name, by a server or by the one that the lease named; empty for nothing. */
  async resolve(name: string, type: 'A' | 'AAAA', options: ResolveOptions = {}): Promise<string[]> {
    const server = options.server ?? this.#firstServer();
    const words = ['+short', '+tries=1', '+time=2', ...(options.over === 'tcp' ? ['+tcp'] : ['+notcp'])];
    const { code, stdout } = await this.machine.run(['dig', ...words, `@${server}`, type, name]);
    return code === 0 && stdout.trim() !== '' ? stdout.trim().split('\n') : [];
  }

  /** The stratum of a time server that answered; null for silence. */
  async time(server: string): Promise<number | null> {
    const { code, stdout } = await this.machine.run([process.execPath, TIME_QUESTION, server]);
    return code === 0 ? Number(/^stratum (\d+)$/m.exec(stdout)?.[1]) : null;
  }

  /** The page at an address, the name in it resolved as the lease says; null without an answer. */
  async fetch(url: string, seconds = 5): Promise<string | null> {
    const { code, stdout } = await this.machine.run(
      [...withResolver(this.#resolver), 'curl', '-s', '-m', String(seconds), '--noproxy', '*', url],
      { timeoutMs: (seconds + 5) * 1000 },
    );
    return code === 0 ? stdout : null;
  }

  #firstServer(): string {
    return /nameserver (\S+)/.exec(readFileSync(this.#resolver, 'utf8'))?.[1] ?? '';
  }
}
