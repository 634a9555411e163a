/** A machine that becomes a gateway: a namespace with an exit and a client's interface, and its folder. Needs root. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Order, Outcome } from './actor.ts';

export const SMALL = `gateway:
  community: Freemesh Ireland
  clients: eth1
  exit: eth0
`;
export const BRIDGE = 'br-freemesh';

const ACTOR = new URL('./actor.ts', import.meta.url).pathname;

export interface Stage {
  readonly namespace: string;
  readonly folder: string;
  /** Runs a shell's commands in the namespace, which have to succeed. */
  sh(script: string): string;
  /** Null when it ended itself as it was told to. */
  act(order: Order): Promise<Outcome | null>;
  /** What can be seen of the machine from outside, without what changes by itself. */
  snapshot(): Record<string, string>;
  /** The transaction is found by a machine that was started anew. */
  pretendNewBoot(): void;
  tearDown(): void;
}

/** Between two listings. */
const LINE = '----';

interface Link {
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly master?: string;
  readonly address?: string;
  readonly mtu: number;
}

let count = 0;

export function setUp(): Stage {
  const namespace = `kith-apply-${process.pid}-${count++}`;
  const folder = mkdtempSync(join(tmpdir(), 'kith-apply-'));
  const sh = (script: string): string => {
    const done = spawnSync('ip', ['netns', 'exec', namespace, 'sh', '-ec', script], {
      encoding: 'utf8',
      timeout: 30_000,
    });
    assert.equal(done.status, 0, `${script}: ${done.stdout}${done.stderr}`);
    return done.stdout;
  };
  assert.equal(spawnSync('ip', ['netns', 'add', namespace]).status, 0);
  sh(`ip link set lo up
    ip link add eth0 type veth peer name far0
    ip link add eth1 type veth peer name far1
    ip addr add 203.0.113.2/24 dev eth0
    ip link set eth0 up
    ip link set far0 up
    ip link set far1 up
    ip route add default via 203.0.113.1
    sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv4.conf.eth0.forwarding=0`);
  return {
    namespace,
    folder,
    sh,
    act: (order) => act(namespace, folder, order),
    snapshot: () => snapshot(sh, folder),
    pretendNewBoot: () => pretendNewBoot(join(folder, 'state', 'transaction.json')),
    tearDown() {
      endDaemons(folder);
      spawnSync('ip', ['netns', 'del', namespace]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function act(namespace: string, folder: string, order: Order): Promise<Outcome | null> {
  const argv = [
    'netns',
    'exec',
    namespace,
    process.execPath,
    '--conditions=source',
    ACTOR,
    folder,
    JSON.stringify(order),
  ];
  // Hundreds of them run: what is compiled once serves all.
  const env = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'kith-apply-compiled') };
  const child = spawn('ip', argv, { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000, killSignal: 'SIGKILL' });
  let [out, complaints] = ['', ''];
  child.stdout.on('data', (data: Buffer) => (out += data.toString()));
  child.stderr.on('data', (data: Buffer) => (complaints += data.toString()));
  return new Promise((resolve, reject) => {
    child.on('exit', (code, signal) => {
      // Programs that it was running may hold its output open: they are not waited for.
      setImmediate(() => {
        if (signal === 'SIGKILL' && (order.dieAt ?? order.dieAfter) !== undefined) resolve(null);
        else if (code !== 0) reject(new Error(`${JSON.stringify(order)} ended with ${code ?? signal}: ${complaints}`));
        else resolve(JSON.parse(out));
      });
    });
  });
}

/** Lines that one of two snapshots has and the other has not. */
export function differences(now: Record<string, string>, then: Record<string, string>): string[] {
  return Object.keys(then).flatMap((key) => {
    const [a, b] = [now[key] ?? '', then[key] ?? ''].map((text) => new Set(text.split('\n')));
    const line = (sign: string) => (text: string) => `${key} ${sign} ${text}`;
    return [...[...(a?.difference(b ?? a) ?? [])].map(line('+')), ...[...(b?.difference(a ?? b) ?? [])].map(line('-'))];
  });
}

function pretendNewBoot(path: string): void {
  const [head = '', body = ''] = readFileSync(path, 'utf8').split('\n');
  const other = JSON.stringify({ ...JSON.parse(body), boot: 'another' });
  const sha256 = createHash('sha256').update(other).digest('hex');
  writeFileSync(path, `${JSON.stringify({ ...JSON.parse(head), sha256 })}\n${other}\n`);
}

/** What lists the parts of a host that kith may change. */
const LISTINGS = {
  links: 'ip -j -d link show',
  addresses: 'ip -o address show scope global',
  routes: 'ip -4 route show table all; ip -6 route show table all',
  rules: 'ip -4 rule show; ip -6 rule show',
  nft: 'nft -t list ruleset',
  sysctls: 'grep -rs . /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf || true',
};

/** Everything that kith may change, as the programs list it. */
function snapshot(sh: (script: string) => string, folder: string): Record<string, string> {
  // In one go: to enter a namespace takes longer than most of them.
  const listed = sh(Object.values(LISTINGS).join(`\necho ${LINE}\n`)).split(`${LINE}\n`);
  const [links = '', addresses = '', routes = '', rules = '', nft = '', sysctls = ''] = listed;
  const parsed: Link[] = JSON.parse(links);
  const told = parsed.map(({ ifname, flags, master, address, mtu }) => ({
    ifname,
    up: flags.includes('UP'),
    master,
    address,
    mtu,
  }));
  return {
    links: JSON.stringify(told),
    // Link-local addresses come and go by themselves with an interface that is up.
    addresses: addresses.replaceAll(/^\d+: |valid_lft.*$/gm, ''),
    routes: routes
      .split('\n')
      .filter((line) => !/fe80::|multicast|ff00::|anycast/.test(line))
      .join('\n'),
    rules,
    // Counters of packets are not the firewall.
    nft: nft.replaceAll(/packets \d+ bytes \d+/g, ''),
    sysctls,
    files: JSON.stringify(filesIn(join(folder, 'state'))),
    daemons: JSON.stringify(daemonsOf(folder).toSorted()),
  };
}

function filesIn(folder: string): Record<string, string> {
  let names: string[];
  try {
    names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted();
  } catch {
    return {};
  }
  // The journal's own order of writing is not the host.
  const kept = names.filter((name) => !/^(?:journal|transaction)\.json|leases/.test(name));
  return Object.fromEntries(
    kept.map((name) => {
      const stats = statSync(join(folder, name));
      const mode = (stats.mode & 0o7777).toString(8);
      return [name, stats.isDirectory() ? mode : `${mode} ${readFileSync(join(folder, name), 'utf8')}`];
    }),
  );
}

/** Command lines of the processes that a supervisor of the folder started. */
function processesOf(folder: string): { pid: number; command: string }[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const marks = readFileSync(`/proc/${name}/environ`, 'utf8');
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      return marks.includes(`${folder}/run/daemons/`) && command !== '' ? [{ pid: Number(name), command }] : [];
    } catch {
      return [];
    }
  });
}

function daemonsOf(folder: string): string[] {
  // dnsmasq runs a helper of the same name.
  return [...new Set(processesOf(folder).map(({ command }) => command.split(' ')[0] ?? ''))];
}

function endDaemons(folder: string): void {
  for (const { pid } of processesOf(folder)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
}
