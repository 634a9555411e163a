/** Nebula with certificates of an authority of its own; the hub is lighthouse and relay. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LabProcess } from '@kith/lab';
import { hub, type Node, type Nodes } from '../stage.ts';
import type { System } from '../system.ts';
import { daemons, output } from './daemons.ts';

const PORT = 4242;
const address = (node: Node): string => `10.85.0.${node.index}`;

export const nebula: System = {
  name: 'nebula',
  settings: 'cipher aes, MTU 1440 (fills the cable), UDP buffers 10 MiB, tx_queue 5000',
  noRelay: null,
  version: () => `nebula ${/\d\S*/.exec(output('nebula', '-version'))?.[0] ?? ''}`,

  async start(nodes: Nodes) {
    const [ca, key] = [join(hub(nodes).folder, 'ca.crt'), join(hub(nodes).folder, 'ca.key')];
    output('nebula-cert', 'ca', '-name', 'bench', '-out-crt', ca, '-out-key', key);
    const processes: LabProcess[] = [];
    for (const node of [hub(nodes), ...nodes.filter((each) => each !== hub(nodes))]) {
      const [crt, own] = [join(node.folder, 'node.crt'), join(node.folder, 'node.key')];
      const who = ['-name', node.name, '-ip', `${address(node)}/24`];
      output('nebula-cert', 'sign', '-ca-crt', ca, '-ca-key', key, ...who, '-out-crt', crt, '-out-key', own);
      const file = join(node.folder, 'config.yml');
      writeFileSync(file, JSON.stringify(configuration(node, nodes, { ca, cert: crt, key: own })));
      processes.push(await node.host.spawn(['nebula', '-config', file], { log: join(node.folder, 'log') }));
    }
    await Promise.all(processes.map((each) => each.waitFor(/interface is active/, 10_000)));
    const ordered = nodes.length === 3 ? [processes[1], processes[0], processes[2]] : processes;
    return daemons(
      ordered.filter((each) => each !== undefined),
      address,
    );
  },
};

/** YAML takes JSON as it is. */
function configuration(node: Node, nodes: Nodes, pki: Record<'ca' | 'cert' | 'key', string>): object {
  const center = hub(nodes);
  const anybody = [{ port: 'any', proto: 'any', host: 'any' }];
  return {
    pki,
    static_host_map: Object.fromEntries(
      node.neighbours
        .filter((each) => each.node === center)
        .map((each) => [address(center), [`${each.address}:${PORT}`]]),
    ),
    lighthouse: { am_lighthouse: node === center, interval: 5, hosts: node === center ? [] : [address(center)] },
    listen: { host: '0.0.0.0', port: PORT, read_buffer: 10_485_760, write_buffer: 10_485_760 },
    cipher: 'aes',
    tun: { dev: 'nebula0', mtu: 1440, tx_queue: 5000 },
    ...(nodes.length === 3
      ? { relay: { am_relay: node === center, use_relays: true, relays: node === center ? [] : [address(center)] } }
      : {}),
    logging: { level: 'info', format: 'text' },
    firewall: { outbound: anybody, inbound: anybody },
  };
}
