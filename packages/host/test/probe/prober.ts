/** Puts the doctor's client into the bridge of the namespace that it is in, and prints what the client got. */
import { gatewayOn, readGatewayFile } from '@kith/gateway';
import { hostOn } from '@kith/host';
import { probe } from '../../src/probe/probe.ts';
import { FILE } from '../doctor/stage.ts';

const file = readGatewayFile(FILE, 'kith.yaml');
const folders = { state: '/nonexistent/state', run: '/nonexistent/run' };
const host = await hostOn({ name: 'tower', exit: 'eth0', mesh: null, draining: false, folders });
const gateway = gatewayOn(host, file.settings, { seeds: {}, fastd: null, wireguard: null });
const [each] = gateway.domains;
if (each === undefined) throw new Error('the file has no domain');
process.stdout.write(JSON.stringify(await probe(gateway, each, [])));
