/** fastd: one interface per peer in TUN mode, the fastest of its methods that still encrypts. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LabProcess } from '@kith/lab';
import type { Node, Nodes } from '../stage.ts';
import type { System } from '../system.ts';
import { daemons, output } from './daemons.ts';

const PORT = 10_000;
const address = (node: Node): string => `10.83.0.${node.index}`;

export const fastd: System = {
  name: 'fastd',
  settings: 'salsa2012+umac, mode tun, MTU 1448 (fills the cable)',
  noRelay: 'not measured: fastd forwards only inside one Ethernet segment (mode tap), not in the TUN mode used here',
  version: () => output('fastd', '--version').trim(),

  async start(nodes: Nodes) {
    const keys = new Map(nodes.map((node) => [node, generateKey()]));
    const processes: LabProcess[] = [];
    for (const node of nodes) {
      const file = join(node.folder, 'fastd.conf');
      writeFileSync(file, configuration(node, keys), { mode: 0o600 });
      const started = await node.host.spawn(['fastd', '--config', file], { log: join(node.folder, 'log') });
      processes.push(started);
      // Who is called has to be there first: the next call is a long time off.
      await started.waitFor(/bound to/, 10_000);
    }
    await Promise.all(processes.map((each) => each.waitFor(/connection with .* established/, 30_000)));
    return daemons(processes, address);
  },
};

interface Key {
  readonly secret: string;
  readonly shown: string;
}

function generateKey(): Key {
  const text = output('fastd', '--generate-key');
  const [, secret] = /^Secret: ([0-9a-f]{64})$/m.exec(text) ?? [];
  const [, shown] = /^Public: ([0-9a-f]{64})$/m.exec(text) ?? [];
  if (secret === undefined || shown === undefined) throw new Error(`fastd --generate-key printed no key: ${text}`);
  return { secret, shown };
}

function configuration(node: Node, keys: ReadonlyMap<Node, Key>): string {
  return [
    'log level verbose;',
    'mode tun;',
    'interface "fastd0";',
    'method "salsa2012+umac";',
    'mtu 1448;',
    `bind any:${PORT};`,
    `secret "${keys.get(node)?.secret}";`,
    `on up "ip addr add ${address(node)}/24 dev $INTERFACE && ip link set $INTERFACE up";`,
    ...node.neighbours.map(({ node: peer, address: reached }) => {
      // Handshakes begun by both at once can cross and take half a minute more: one of the two waits to be called.
      const remote = peer.index < node.index ? ` remote ${reached}:${PORT};` : '';
      return `peer "${peer.name}" { key "${keys.get(peer)?.shown}";${remote} }`;
    }),
    '',
  ].join('\n');
}
