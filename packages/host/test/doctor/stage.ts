/**
 * A gateway that serves, and the internet behind it, each in a namespace: for a doctor, and for whoever breaks something.
 * Needs root, dnsmasq and chronyd.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Finding } from '@kith/gateway';
import { Remote } from '../remote.ts';
import { until } from '../until.ts';
import type { Answer, Request } from './patient.ts';

export const FILE = `gateway:
  community: { name: Freemesh Ireland, code: fmie }
  exit: { interface: eth0, via: [203.0.113.1], mtu: 1492 }
  domains:
    main: { interfaces: eth1, prefix4: 10.70.0.0/16, prefix6: fd70::/64 }
  gateways: { tower: , cave: }
  dns: { upstreams: [203.0.113.1] }
  ntp: { upstreams: [203.0.113.1] }
  map: { interval: 60 }
`;
export const BRIDGE = 'br-main';
/** The gateway's slot is 0, its pool the first quarter of what is left of the prefix. */
export const OWN_POOL = '10.70.1.5';

/** Bytes of the file system that the gateway's state lies on. */
export const STATE_SIZE: number = 16 << 20;

type Name = 'gateway' | 'internet' | 'other';

export class Stage {
  readonly folder: string;
  readonly #patient: Remote<Request, Answer>;
  readonly #running: ChildProcess[] = [];
  readonly #strangers: ChildProcess[] = [];

  static async open(file: string = FILE): Promise<Stage> {
    for (const name of ['gateway', 'internet', 'other'] as const) command('ip', 'netns', 'add', namespace(name));
    wire('gateway', 'eth0', 'internet', 'eth0');
    wire('gateway', 'eth1', 'other', 'eth0');
    for (const name of ['gateway', 'internet', 'other'] as const) sh(name, 'ip link set lo up');
    sh(
      'gateway',
      `ip addr add 203.0.113.2/24 dev eth0
      ip addr add 2001:db8::2/64 dev eth0 nodad
      ip link set eth0 up
      ip route add default via 203.0.113.1
      # Where this module is loaded, rules for packets that are routed hit those that are bridged.
      if [ -e /proc/sys/net/bridge ]; then sysctl -qw net.bridge.bridge-nf-call-iptables=0; fi`,
    );
    sh(
      'internet',
      `ip addr add 203.0.113.1/24 dev eth0
      ip addr add 2001:db8::1/64 dev eth0 nodad
      ip link set eth0 up`,
    );
    sh('other', 'ip link set eth0 up');
    const folder = mkdtempSync(join(tmpdir(), 'kith-doctor-'));
    const stage = new Stage(folder, file);
    await stage.serveNames();
    await stage.serveTime();
    return stage;
  }

  private constructor(folder: string, file: string) {
    this.folder = folder;
    // chronyd gives up its rights, and has to get at its folder.
    chmodSync(folder, 0o755);
    // A file system of its own, which can be filled.
    mkdirSync(this.state);
    command('mount', '-t', 'tmpfs', '-o', `size=${STATE_SIZE},mode=755`, 'kith-doctor', this.state);
    this.#patient = new Remote(new URL('./patient.ts', import.meta.url), [folder, file], namespace('gateway'));
  }

  get state(): string {
    return join(this.folder, 'state');
  }

  ask(request: Request): Promise<Answer> {
    return this.#patient.ask(request);
  }

  /** What is wrong, without what is only worth knowing. */
  async findings(request: Partial<Request> = {}): Promise<readonly Finding[]> {
    const { findings, facts } = await this.ask({ verb: 'examine', ...request });
    if (process.env['DOCTOR_FACTS'] !== undefined) process.stderr.write(`${JSON.stringify(facts, null, 1)}\n`);
    return findings.filter(({ severity }) => severity !== 'notice');
  }

  /** Names as providers answer them. @returns what ends it */
  serveNames(): Promise<ChildProcess> {
    const argv = ['dnsmasq', '-k', '-C', '/dev/null', '--pid-file=', '--no-resolv', '--no-hosts', '--port=53'];
    return this.spawn('internet', argv, 'udp', 53);
  }

  serveTime(): Promise<ChildProcess> {
    const path = join(this.folder, 'far-chrony.conf');
    const lines = ['local stratum 3', 'allow all', 'cmdport 0', 'bindcmdaddress /', `pidfile ${path}.pid`];
    writeFileSync(path, `${lines.join('\n')}\n`);
    return this.spawn('internet', ['chronyd', '-x', '-d', '-f', path], 'udp', 123);
  }

  /** Starts a program and waits until it listens. */
  async spawn(name: Name, argv: readonly string[], protocol: 'udp' | 'tcp', port: number): Promise<ChildProcess> {
    const child = spawn('ip', ['netns', 'exec', namespace(name), ...argv], { stdio: 'ignore' });
    this.#running.push(child);
    const hex = `:${port.toString(16).toUpperCase().padStart(4, '0')} `;
    await until(`${argv[0]} listens`, () => sh(name, `cat /proc/net/${protocol} /proc/net/${protocol}6`).includes(hex));
    return child;
  }

  /** Starts a server among the clients, which listens for requests of leases. */
  async strange(argv: readonly string[]): Promise<void> {
    this.#strangers.push(await this.spawn('other', argv, 'udp', 67));
  }

  /** Ends what was started among the clients, and takes its addresses away. */
  async endStrangers(): Promise<void> {
    for (const child of this.#strangers.splice(0)) await this.end(child);
    sh('other', 'ip addr flush dev eth0 scope global');
  }

  async end(child: ChildProcess): Promise<void> {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await gone;
  }

  async close(): Promise<void> {
    try {
      await this.ask({ verb: 'remove' });
    } finally {
      await this.#patient.leave();
      for (const child of this.#running) await this.end(child);
      for (const name of ['gateway', 'internet', 'other'] as const) command('ip', 'netns', 'del', namespace(name));
      command('umount', this.state);
      rmSync(this.folder, { recursive: true, force: true });
    }
  }
}

function namespace(name: Name): string {
  return `kith-doctor-${process.pid}-${name}`;
}

/** Runs a shell's commands in a namespace, which have to succeed. */
export function sh(name: Name, script: string): string {
  return command('ip', 'netns', 'exec', namespace(name), 'sh', '-ec', script);
}

function wire(a: Name, ifA: string, b: Name, ifB: string): void {
  command('ip', '-n', namespace(a), 'link', 'add', ifA, 'type', 'veth', 'peer', 'name', ifB, 'netns', namespace(b));
}

function command(program: string, ...args: readonly string[]): string {
  const done = spawnSync(program, args, { encoding: 'utf8', timeout: 30_000 });
  assert.equal(done.status, 0, `${program} ${args.join(' ')}: ${done.stdout}${done.stderr}`);
  return done.stdout;
}
