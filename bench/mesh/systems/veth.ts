/** The bare cable: what there is to be lost. Relayed, the kernel of the node between forwards. */
import type { Nodes } from '../stage.ts';
import { far } from '../stage.ts';
import type { System } from '../system.ts';
import { output } from './daemons.ts';

export const veth: System = {
  name: 'veth',
  settings: 'no tunnel; relayed: plain IP forwarding in the kernel',
  noRelay: null,
  version: () => `Linux ${output('uname', '-r').trim()}`,

  async start(nodes: Nodes) {
    if (nodes.length === 3) {
      const [a, m, b] = nodes;
      await m.host.configure('forward on', { sysctls: { 'ipv4.ip_forward': 1 } });
      await a.host.configure('route on', { ip: [`route add default via ${m.addresses[0]}`] });
      await b.host.configure('route on', { ip: [`route add default via ${m.addresses[1]}`] });
    }
    return {
      pids: [],
      address: (node) => (node === far(nodes) ? node.addresses.at(-1) : node.addresses[0]) ?? '',
      stop: () => Promise.resolve(),
    };
  },
};
