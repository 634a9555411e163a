/**
 * What Playwright starts in place of a Firefox that lacks some of WebDriver BiDi's commands: starts the real one, and passes
 * everything on but these, which it answers itself.
 *
 *     node bidi-relay.ts PROGRAM [argument …]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { WebSocket, WebSocketServer } from 'ws';

/** Playwright sets it for every context, with nothing to set too; Firefox 153 does not know it. */
const LACKS = 'emulation.setMediaFeaturesOverride';
/** How a browser says where it listens: on a line of its own. */
const LISTENS = /^WebDriver BiDi listening on (ws:\S+)$/;

const [program = '', ...args] = process.argv.slice(2);
const browser = spawn(program, args, { stdio: ['ignore', 'inherit', 'pipe'] });
browser.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
browser.on('exit', (code) => process.exit(code ?? 1));
createInterface(browser.stderr).on('line', (line) => {
  const [, endpoint] = LISTENS.exec(line) ?? [];
  if (endpoint === undefined) process.stderr.write(`${line}\n`);
  else void relayTo(endpoint);
});

async function relayTo(endpoint: string): Promise<void> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  server.on('connection', (client, { url = '' }) => {
    const upstream = new WebSocket(endpoint + url);
    const opened = once(upstream, 'open');
    client.on('message', (data: Buffer) => void opened.then(() => pass(String(data), client, upstream)));
    upstream.on('message', (data: Buffer) => client.send(String(data)));
    client.on('close', () => upstream.close());
    upstream.on('close', () => client.close());
  });
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('it listens on no port');
  process.stderr.write(`WebDriver BiDi listening on ws://127.0.0.1:${address.port}\n`);
}

function pass(text: string, client: WebSocket, upstream: WebSocket): void {
  const { id, method }: { id?: number; method?: string } = JSON.parse(text);
  if (method === LACKS) client.send(JSON.stringify({ type: 'success', id, result: {} }));
  else upstream.send(text);
}
