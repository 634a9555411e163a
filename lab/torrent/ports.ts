import { createServer } from 'node:net';

/** Below what Linux gives to connections that go out: none of them can take a port between its choice and its use. */
const [FIRST, END] = [12_000, 32_000];

let next = FIRST + ((process.pid * 37) % (END - FIRST));

/** A TCP port of loopback that nobody listens on at the moment, and that this process was not given before. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = next;
    next = next + 1 < END ? next + 1 : FIRST;
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
