/**
 * Sends the datagrams of a file, each after its length in two bytes (big endian), at a pace that a kernel can follow:
 * `node send-datagrams.ts <file> <host> <port> [source port]`. Prints how many went out.
 */
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Sent at once before a millisecond of rest. */
const BATCH = 8;

const [file = '', host = '', port = '', source = '0'] = process.argv.slice(2);
const bytes = readFileSync(file);
const socket = createSocket('udp4');
await new Promise<void>((resolve) => socket.bind(Number(source), resolve));
let sent = 0;
for (let at = 0; at + 2 <= bytes.length;) {
  const length = bytes.readUInt16BE(at);
  const datagram = bytes.subarray(at + 2, at + 2 + length);
  at += 2 + length;
  await new Promise<void>((resolve, reject) => {
    socket.send(datagram, Number(port), host, (error) => (error === null ? resolve() : reject(error)));
  });
  if (++sent % BATCH === 0) await delay(1);
}
socket.close();
process.stdout.write(`sent ${sent}\n`);
