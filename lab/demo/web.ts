/**
 * A web server for the demo: `node web.ts <address> <port> …`. Each port gives a page of half a megabyte that names the
 * port and ends with a digest of what stands before it, so that who fetches it knows that all of it came.
 */
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';

const [address = '127.0.0.1', ...ports] = process.argv.slice(2);
const filler = randomBytes(256 * 1024).toString('hex');
for (const port of ports) {
  const body = `hello from port ${port}\n${filler}\n`;
  const page = `${body}${createHash('sha256').update(body).digest('hex')}`;
  createServer((_request, response) => response.end(page)).listen(Number(port), address, () =>
    process.stdout.write(`serving ${port}\n`),
  );
}
