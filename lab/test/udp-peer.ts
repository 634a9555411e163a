/**
 * A program with UDP sockets, steered by lines. Arguments: its ports. It answers `who <token>` with
 * `you <token> <address>:<port>`, the sender as seen here, and prints `got <own port> <address>:<port> <text>`.
 * Lines: `send <own port> <address> <port> <text>`.
 */
import { createSocket, type Socket } from 'node:dgram';
import { createInterface } from 'node:readline';

const sockets = new Map<number, Socket>();
for (const text of process.argv.slice(2)) {
  const port = Number(text);
  const socket = createSocket({ type: 'udp6', ipv6Only: false });
  socket.on('message', (data, from) => {
    const message = data.toString();
    const sender = `${from.address.replace('::ffff:', '')}:${from.port}`;
    console.log(`got ${port} ${sender} ${message}`);
    if (message.startsWith('who ')) socket.send(`you ${message.slice(4)} ${sender}`, from.port, from.address);
  });
  // A machine without carrier or route says so here; the tests look at what arrives.
  socket.on('error', () => undefined);
  socket.bind(port, '::', () => console.log(`ready ${port}`));
  sockets.set(port, socket);
}
createInterface({ input: process.stdin }).on('line', (line) => {
  const [verb, own, address = '', port, ...text] = line.split(' ');
  if (verb !== 'send') return;
  const target = address.includes(':') ? address : `::ffff:${address}`;
  sockets.get(Number(own))?.send(text.join(' '), Number(port), target, () => undefined);
});
