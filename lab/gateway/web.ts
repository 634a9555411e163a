/** The internet's web server: `node web.ts <port>`. Its page says who asks, so that a translated address can be told. */
import { createServer } from 'node:http';

const port = Number(process.argv[2] ?? 80);
const server = createServer((request, response) => {
  response.setHeader('content-type', 'text/plain');
  response.end(
    `hello from the internet, you are ${request.socket.remoteAddress?.replace('::ffff:', '') ?? 'nobody'}\n`,
  );
});
server.listen(port, '::', () => process.stdout.write(`serving ${port}\n`));
