/**
 * How fast the data plane is between two network namespaces with a cable between them: bare, native, portable, in rounds
 * that take turns. Needs root and iperf3.
 *
 *   node --conditions=source bench/plane.ts [--rounds=3] [--seconds=3] [--mtu=1392] [--only=native,veth]
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseAddress, parseEndpoint, parsePrefix } from '@kith/core';
import { createNodePlane, nodeCrypto, type PlaneKind } from '@kith/dataplane';
import type { PeerHandle, PlaneEvents } from '@kith/mesh';

type System = 'veth' | PlaneKind;

const SYSTEMS: readonly System[] = ['veth', 'native', 'portable'];
const option = (name: string, otherwise: string): string =>
  process.argv.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3) ?? otherwise;

function ip(...args: string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8', timeout: 60_000, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** One end, in a process of its own: member `n`, until its input ends. */
async function serve(kind: PlaneKind, n: 1 | 2, mtu: number): Promise<void> {
  const other = 3 - n;
  const nothing = () => undefined;
  const events: PlaneEvents = {
    handshake: nothing,
    control: nothing,
    roamed: nothing,
    confirmed: nothing,
    noSession: nothing,
    noNextHop: nothing,
  };
  const node = await createNodePlane({
    kind,
    crypto: nodeCrypto(),
    events,
    port: 6550,
    tun: { name: 'kith0', mtu, addresses: [{ address: parseAddress(`10.77.0.${n}`), length: 16 }], routes: [] },
  });
  const peer = 1 as PeerHandle;
  const now = node.now();
  node.plane.setPeer(
    {
      peer,
      allowed: [parsePrefix(`10.77.0.${other}/32`)],
      path: { kind: 'direct', endpoint: parseEndpoint(`192.0.2.${other}:6550`) },
      gate: 'open',
      cipher: node.plane.prefersAes ? 'aes-256-gcm' : 'chacha20-poly1305',
      keepAlive: 0,
    },
    now,
  );
  node.plane.setSession(
    {
      peer,
      localIndex: 1,
      remoteIndex: 1,
      sendKey: new Uint8Array(32).fill(n),
      receiveKey: new Uint8Array(32).fill(other),
      aesSendKey: new Uint8Array(32).fill(10 + n),
      aesReceiveKey: new Uint8Array(32).fill(10 + other),
      role: 'initiator',
      expiresAt: now + 3_600_000,
    },
    now,
  );
  process.stdout.write('up\n');
  process.stdin.resume();
  process.stdin.on('end', () => void node.stop());
}

function within(namespace: string, command: string, ...args: string[]): ChildProcess {
  return spawn('ip', ['netns', 'exec', namespace, command, ...args], {
    stdio: ['pipe', 'pipe', command === 'iperf3' ? 'ignore' : 'inherit'],
  });
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    if (child.stdout === null) return reject(new Error('no output'));
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`the process ended with ${code}`)));
  });
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once('exit', () => resolve());
  });
}

/** CPU seconds that processes have used, all their threads together. Linux counts hundredths for everybody (USER_HZ). */
function cpuSeconds(children: readonly ChildProcess[]): number {
  return children.reduce((sum, { pid }) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return sum + (Number(fields[11]) + Number(fields[12])) / 100;
  }, 0);
}

interface Reading {
  /** Gb/s */
  readonly one: number;
  /** Gb/s */
  readonly four: number;
  /** CPU seconds of both planes per gigabyte, with one stream. */
  readonly cpu: number;
  /** ms */
  readonly rtt: number;
  /** Thousands of packets a second. */
  readonly udp: number;
}

interface IperfResult {
  readonly end: {
    readonly sum_received: { readonly bits_per_second: number };
    readonly sum: { readonly packets: number; readonly lost_packets: number; readonly seconds: number };
  };
}

/** Gb/s of TCP from the first namespace to the second. */
function iperf(from: string, address: string, streams: number, seconds: number): number {
  const args = ['netns', 'exec', from, 'iperf3', '-J', '-c', address, '-P', String(streams), '-t', String(seconds)];
  const said = execFileSync('ip', args, { encoding: 'utf8', timeout: (seconds + 30) * 1000 });
  const result: IperfResult = JSON.parse(said);
  return result.end.sum_received.bits_per_second / 1e9;
}

/** Datagrams of 64 bytes that arrive each second, in thousands, while more are sent than fit. */
function floodRate(from: string, address: string, seconds: number): number {
  const args = [
    'netns',
    'exec',
    from,
    'iperf3',
    '-J',
    '-u',
    '-b',
    '0',
    '-l',
    '64',
    '-c',
    address,
    '-t',
    String(seconds),
  ];
  const said = execFileSync('ip', args, { encoding: 'utf8', timeout: (seconds + 30) * 1000 });
  const { end }: IperfResult = JSON.parse(said);
  return (end.sum.packets - end.sum.lost_packets) / end.sum.seconds / 1000;
}

/** Median round trip in ms while nothing else is sent. */
function roundTrip(from: string, address: string): number {
  const said = ip('netns', 'exec', from, 'ping', '-c', '200', '-i', '0.005', address);
  const times = [...said.matchAll(/time=([\d.]+) ms/g)].map(([, ms]) => Number(ms)).sort((x, y) => x - y);
  return times[Math.floor(times.length / 2)] ?? Number.NaN;
}

async function measure(system: System, mtu: number, seconds: number): Promise<Reading> {
  const [a, b] = ['a', 'b'].map((end) => `kbench-${process.pid}-${end}`) as [string, string];
  const children: ChildProcess[] = [];
  for (const name of [a, b]) ip('netns', 'add', name);
  try {
    ip('-n', a, 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v0', 'netns', b);
    for (const [i, name] of [a, b].entries()) {
      ip('-n', name, 'address', 'add', `192.0.2.${i + 1}/24`, 'dev', 'v0');
      for (const device of ['lo', 'v0']) ip('-n', name, 'link', 'set', device, 'up');
    }
    if (system !== 'veth') {
      for (const [i, name] of [a, b].entries()) {
        const script = fileURLToPath(import.meta.url);
        const args = ['--conditions=source', script, `--serve=${system}`, `--member=${i + 1}`, `--mtu=${mtu}`];
        const child = within(name, process.execPath, ...args);
        children.push(child);
        await firstLine(child);
      }
    }
    const server = within(b, 'iperf3', '-s', '--forceflush');
    children.push(server);
    await firstLine(server);
    const address = system === 'veth' ? '192.0.2.2' : '10.77.0.2';
    const planes = children.filter((child) => child !== server);
    const before = cpuSeconds(planes);
    const one = iperf(a, address, 1, seconds);
    const cpu = (cpuSeconds(planes) - before) / ((one * seconds) / 8);
    const four = iperf(a, address, 4, seconds);
    return { one, four, cpu, rtt: roundTrip(a, address), udp: floodRate(a, address, seconds) };
  } finally {
    for (const child of children) {
      child.stdin?.end();
      if (child.spawnargs.includes('iperf3')) child.kill();
      await ended(child);
    }
    for (const name of [a, b]) ip('netns', 'delete', name);
  }
}

function summary(unit: string, values: readonly number[]): string {
  const sorted = [...values].sort((x, y) => x - y);
  const at = (i: number) => (sorted[i] ?? Number.NaN).toFixed(2);
  return `${at(Math.floor(sorted.length / 2))} ${unit} (${at(0)} to ${at(sorted.length - 1)})`;
}

async function main(): Promise<void> {
  const rounds = Number(option('rounds', '3'));
  const seconds = Number(option('seconds', '3'));
  const mtu = Number(option('mtu', '1392'));
  const only = option('only', SYSTEMS.join(',')).split(',');
  const systems = SYSTEMS.filter((system) => only.includes(system));
  const results = new Map<System, Reading[]>(systems.map((system) => [system, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [system, readings] of results) readings.push(await measure(system, mtu, seconds));
  }
  for (const [system, readings] of results) {
    const each = (unit: string, of: (reading: Reading) => number): string => summary(unit, readings.map(of));
    const parts = [
      `1 stream ${each('Gb/s', ({ one }) => one)}`,
      `4 streams ${each('Gb/s', ({ four }) => four)}`,
      `RTT ${each('ms', ({ rtt }) => rtt)}`,
      `64 B of UDP ${each('kpps', ({ udp }) => udp)}`,
      ...(system === 'veth' ? [] : [each('CPU s/GB', ({ cpu }) => cpu)]),
    ];
    process.stdout.write(`${system.padEnd(9)} ${parts.join('   ')}\n`);
  }
}

const kind = option('serve', '');
if (kind === 'native' || kind === 'portable') {
  await serve(kind, option('member', '1') === '1' ? 1 : 2, Number(option('mtu', '1392')));
} else await main();
