/** One end of a TCP transfer: sends bytes that a seed determines, or hashes what it receives. */
import { createHash } from 'node:crypto';
import { connect, createServer } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { content } from './content.ts';

export type TransferProcess =
  | { readonly role: 'receive'; readonly host: string; readonly port: number }
  | { readonly role: 'send'; readonly host: string; readonly port: number; readonly bytes: number };

const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);

const init: TransferProcess = JSON.parse(process.argv[2] as string);
const hash = createHash('sha256');
if (init.role === 'receive') {
  const server = createServer((socket) => {
    let bytes = 0;
    socket.on('data', (chunk: Buffer) => {
      hash.update(chunk);
      bytes += chunk.length;
    });
    socket.on('end', () => {
      say({ bytes, hash: hash.digest('hex') });
      socket.end();
      server.close();
    });
  });
  server.listen(init.port, init.host, () => say('listening'));
  process.stdin.on('end', () => server.close()).resume();
} else {
  const socket = connect(init.port, init.host);
  const start = performance.now();
  await pipeline(function* () {
    for (const chunk of content(init.bytes)) {
      hash.update(chunk);
      yield chunk;
    }
  }, socket);
  say({ bytes: init.bytes, hash: hash.digest('hex'), ms: Math.round(performance.now() - start) });
}
