/**
 * A router as Gluon's are, as far as respondd goes: `node responder.ts <interface> <node id> <name>` answers on both groups
 * with deflated documents, from its link-local address.
 */
import { createSocket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { deflateRawSync } from 'node:zlib';

const PORT = 1001;
const GROUPS = ['ff02::2:1001', 'ff05::2:1001'];

const [iface = 'eth0', nodeId = '02caffee0001', hostname = 'router'] = process.argv.slice(2);
const mac = networkInterfaces()[iface]?.[0]?.mac ?? '02:ca:ff:ee:00:01';

function documents(): object {
  return {
    nodeinfo: {
      node_id: nodeId,
      hostname,
      hardware: { model: 'TP-Link Archer C7 v5', nproc: 1 },
      software: { firmware: { base: 'gluon-v2025.1.3', release: '1.0' }, fastd: { version: 'v23', enabled: true } },
      network: { mac, mesh: { bat0: { interfaces: { tunnel: [mac] } } } },
      location: { latitude: 53.34, longitude: -6.26 },
      system: { site_code: 'freemesh', domain_code: 'freemesh' },
    },
    statistics: { node_id: nodeId, clients: { total: 3, wifi: 3 }, uptime: 4711.5, loadavg: 0.1 },
    neighbours: { node_id: nodeId, batadv: {} },
  };
}

const socket = createSocket({ type: 'udp6', reuseAddr: true });
socket.on('message', (question, { address, port }) => {
  if (!question.toString('latin1').startsWith('GET ')) return;
  socket.send(deflateRawSync(JSON.stringify(documents())), port, address);
});
socket.bind(PORT, '::', () => {
  for (const group of GROUPS) socket.addMembership(group, `::%${iface}`);
  process.stdout.write(`answering on ${iface}\n`);
});
