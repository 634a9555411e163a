/**
 * Asks a server for the time: `node sntp.ts <address>` prints `stratum <n>`, or ends with 1 after three seconds of
 * silence. It asks every half a second, as clients do: one packet may get lost. RFC 4330: 48 bytes, the first holds version 4 and mode 3 (client); an answer has mode 4 and its stratum in the
 * second byte.
 */
import { createSocket } from 'node:dgram';

const PATIENCE = 3000;
const AGAIN = 500;

const address = process.argv[2] ?? '';
const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
const question = Buffer.alloc(48);
question[0] = (4 << 3) | 3;
socket.on('message', (answer) => {
  if (answer.length < 48 || ((answer[0] ?? 0) & 7) !== 4) return;
  process.stdout.write(`stratum ${answer[1]}\n`);
  process.exit(0);
});
socket.on('error', () => process.exit(1));
socket.send(question, 123, address);
setInterval(() => socket.send(question, 123, address), AGAIN);
setTimeout(() => process.exit(1), PATIENCE);
