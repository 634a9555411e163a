// Serves as a tracker on the port in its argument, with nothing in the way of a load from one address.
import { setFlagsFromString } from 'node:v8';
import { TrackerServer } from '@kith/share';

// As `kith tracker` does.
setFlagsFromString('--semi-space-growth-factor=1');
const limits = { connections: 100_000, connectionsPerAddress: 100_000 };
const port = Number(process.argv[2]);
await new TrackerServer({ host: '127.0.0.1', port, peersPerAddress: 0, limits }).listen();
process.stdout.write('ready\n');
