// Serves as a tracker on the port in its argument, with bittorrent-tracker from npm as it comes.
import Server from '../../lab/torrent/npm/node_modules/bittorrent-tracker/server.js';

const server = new Server({ udp: true, http: true, ws: true, stats: false, trustProxy: false });
server.on('error', () => undefined).on('warning', () => undefined);
server.listen(Number(process.argv[2]), '127.0.0.1', () => process.stdout.write('ready\n'));
