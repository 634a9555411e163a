/** WireGuard in Go as Debian has it: what runs where the kernel has no WireGuard. */
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { LabProcess } from '@kith/lab';
import type { Node, Nodes } from '../stage.ts';
import type { System } from '../system.ts';
import { daemons, must, output } from './daemons.ts';

const PORT = 51_820;
const address = (node: Node): string => `10.84.0.${node.index}`;
/** Control sockets of all namespaces share one folder: names must differ, also from those of other benchmarks. */
const SOCKETS = '/var/run/wireguard';
const iface = (node: Node): string => `wgb${process.pid}${node.name}`;

export const wireguardGo: System = {
  name: 'wireguard-go',
  settings: 'as it comes: MTU 1420, logging off',
  noRelay: 'WireGuard has no relaying of its own; a hub would decrypt, route and encrypt again',
  version: () => /wireguard-go v\S+/.exec(output('wireguard-go', '--version'))?.[0] ?? 'wireguard-go',

  async start(nodes: Nodes) {
    sweep();
    const keys = new Map(nodes.map((node) => [node, output('wg', 'genkey').trim()]));
    const processes: LabProcess[] = [];
    for (const node of nodes) {
      const argv = ['wireguard-go', '--foreground', iface(node)];
      processes.push(await node.host.spawn(argv, { env: { LOG_LEVEL: 'silent' }, log: join(node.folder, 'log') }));
    }
    for (const node of nodes) {
      await listening(node);
      await configure(node, keys);
    }
    return daemons(processes, address);
  },
};

/** Removes the sockets that killed benchmarks left. */
function sweep(): void {
  if (!existsSync(SOCKETS)) return;
  for (const name of readdirSync(SOCKETS)) {
    const pid = /^wgb(\d+)[amb]\.sock$/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) rmSync(join(SOCKETS, name), { force: true });
  }
}

async function listening(node: Node): Promise<void> {
  for (const deadline = performance.now() + 5000; ;) {
    // Sockets are listed per namespace, so the look has to come from inside.
    if ((await must(node.host, ['cat', '/proc/net/unix'])).includes(`/${iface(node)}.sock`)) return;
    if (performance.now() > deadline) throw new Error(`wireguard-go opened no control socket for ${iface(node)}`);
    await delay(20);
  }
}

async function configure(node: Node, keys: ReadonlyMap<Node, string>): Promise<void> {
  const file = join(node.folder, 'key');
  writeFileSync(file, keys.get(node) ?? '', { mode: 0o600 });
  await must(node.host, ['wg', 'set', iface(node), 'private-key', file, 'listen-port', String(PORT)]);
  for (const { node: other, address: reached } of node.neighbours) {
    const { stdout } = await other.host.run(['wg', 'pubkey'], { input: keys.get(other) ?? '' });
    const peer = ['peer', stdout.trim(), 'allowed-ips', `${address(other)}/32`, 'endpoint', `${reached}:${PORT}`];
    await must(node.host, ['wg', 'set', iface(node), ...peer]);
  }
  await node.host.configure('address the tunnel of', {
    ip: [`addr add ${address(node)}/24 dev ${iface(node)}`, `link set ${iface(node)} mtu 1420 up`],
  });
}
