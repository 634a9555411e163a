/** The two ways from kith to a browser: its WebSocket and its WebRTC, from the same process into the same kind of page. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { type Attempt, EVERYBODY, WebRtc, WsDuplex } from '@kith/share';
import type { Duplex } from '@kith/torrent';
import { WebSocketServer } from 'ws';

export type Way = 'wss' | 'webrtc';

const CHROMIUM = '/usr/bin/chromium';
const WITHIN = 90_000;
/** Bytes of a write, and of what waits at most: as a seed writes. */
const CHUNK = 262_144;
const MOST_PENDING = 2_097_152;

/** What the page does: it counts what comes until it is `total`, and says how fast that was. */
const PAGE = `<!doctype html><title>bench</title><script type="module">
const query = new URLSearchParams(location.search);
const total = Number(query.get('total'));
let came = 0;
let begun = 0;
const take = ({ data }) => {
  if (came === 0) begun = performance.now();
  came += data.byteLength;
  if (came >= total) fetch('/result', { method: 'POST', body: String(came / 1e3 / (performance.now() - begun)) });
};
if (query.get('way') === 'wss') {
  const socket = new WebSocket('wss://' + location.host + '/bytes');
  socket.binaryType = 'arraybuffer';
  socket.onmessage = take;
} else {
  const connection = new RTCPeerConnection();
  connection.ondatachannel = ({ channel }) => {
    channel.binaryType = 'arraybuffer';
    channel.onmessage = take;
  };
  await connection.setRemoteDescription({ type: 'offer', sdp: await (await fetch('/offer')).text() });
  await connection.setLocalDescription();
  while (connection.iceGatheringState !== 'complete') await new Promise((go) => setTimeout(go, 10));
  await fetch('/answer', { method: 'POST', body: connection.localDescription.sdp });
}
</script>`;

/** What is missing here, or null. */
export function missingBrowser(): string | null {
  return existsSync(CHROMIUM) ? null : `missing here: ${CHROMIUM}`;
}

export async function toBrowser(way: Way, bytes: number, folder: string): Promise<Record<string, number>> {
  const place = mkdtempSync(join(folder, 'browser-'));
  const webrtc = new WebRtc({ bindAddress: '127.0.0.1' });
  const server = createServer(certificate(place));
  const result = serve(server, webrtc, bytes);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const browser = spawn(
    CHROMIUM,
    [
      ...['--headless=new', '--no-sandbox', '--disable-gpu', '--ignore-certificate-errors', `--user-data-dir=${place}`],
      // Its makers' machines are asked whatever is switched off.
      ...['--disable-background-networking', '--host-resolver-rules=MAP *.com ~NOTFOUND'],
      // As between two machines: the page may name an address, and reach one.
      ...['--allow-loopback-in-peer-connection', '--disable-features=WebRtcHideLocalIpsWithMdns'],
      `https://127.0.0.1:${port}/?way=${way}&total=${bytes}`,
    ],
    { stdio: 'ignore', detached: true },
  );
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error(`the page was not done within ${WITHIN / 1000} s`)), WITHIN).unref();
  });
  try {
    return { wall: await Promise.race([result, late]) };
  } finally {
    const ended = new Promise((resolve) => browser.once('close', resolve));
    if (browser.pid !== undefined) process.kill(-browser.pid, 'SIGKILL');
    await ended;
    webrtc.close();
    server.close();
    server.closeAllConnections();
    rmSync(place, { recursive: true, force: true, maxRetries: 10 });
  }
}

/** Resolves with the rate that the page saw. */
function serve(server: Server, webrtc: WebRtc, bytes: number): Promise<number> {
  const sockets = new WebSocketServer({ server, perMessageDeflate: false });
  sockets.on('connection', (socket) => {
    const clock = (): number => performance.now();
    pump(new WsDuplex(socket, { remote: { ip: '127.0.0.1', port: 1 }, incoming: true, clock }), bytes);
  });
  let attempt: Promise<Attempt> | undefined;
  return new Promise((resolve, reject) => {
    server.on('request', (request, response) => {
      const body: Buffer[] = [];
      request.on('data', (part: Buffer) => void body.push(part));
      request.on('end', () => {
        const text = Buffer.concat(body).toString();
        if (request.url === '/result') resolve(Number(text));
        if (request.url === '/answer') attempt?.then((each) => each.answered(text), reject);
        if (request.url !== '/offer') {
          response.writeHead(200, { 'Content-Type': 'text/html' }).end(request.method === 'GET' ? PAGE : '');
          return;
        }
        attempt = webrtc.offer(EVERYBODY);
        attempt.then(({ sdp, opened }) => {
          response.end(sdp);
          opened.then((duplex) => pump(duplex, bytes), reject);
        }, reject);
      });
    });
  });
}

function pump(duplex: Duplex, bytes: number): void {
  const chunk = new Uint8Array(CHUNK);
  let sent = 0;
  const more = (): void => {
    while (sent < bytes && duplex.pending < MOST_PENDING) {
      duplex.write([chunk]);
      sent += CHUNK;
    }
  };
  duplex.start({ data: () => undefined, drain: more, closed: () => undefined });
  more();
}

function certificate(folder: string): { readonly key: Buffer; readonly cert: Buffer } {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const args = ['req', '-x509', ...curve, '-keyout', key, '-out', cert, '-days', '1', '-subj', '/CN=127.0.0.1'];
  execFileSync('openssl', args, { stdio: 'pipe' });
  return { key: readFileSync(key), cert: readFileSync(cert) };
}
