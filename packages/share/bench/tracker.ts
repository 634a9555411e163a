/**
 * Announces per second and memory of a tracker, with load generators that keep a bounded number of questions under way:
 *
 *   node --conditions=source packages/share/bench/tracker.ts [--seconds 4] [--sockets 500] [--offers 0] [--peers 5000]
 *        [--against FILE]     a program that serves UDP, HTTP and WebSocket on the port in its argument and prints a line
 *
 * The tracker runs in a process of its own, this one makes the load: on a machine of two cores each has one. Memory is what the
 * tracker's process grew by when `--peers` WebSockets had connected and announced, divided by their number.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { TrackerServer } from '../src/tracker/index.ts';

const options = parseArgs({
  options: {
    serve: { type: 'string' },
    seconds: { type: 'string', default: '4' },
    sockets: { type: 'string', default: '500' },
    offers: { type: 'string', default: '0' },
    peers: { type: 'string', default: '5000' },
    against: { type: 'string' },
  },
}).values;

const HOST = '127.0.0.1';
const PORT = 7_391;
const SWARMS = 200;
/** Garbage of new connections would grow this space to 48 MB before it is looked through; a tracker has little of it. */
const YOUNG = '--max-semi-space-size=2';
const UPGRADE =
  'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';

interface Figures {
  readonly perSecond: number;
  /** CPU of the tracker for each, in µs. */
  readonly cpu: number;
}

if (options.serve !== undefined) {
  const limits = { connections: 100_000, connectionsPerAddress: 100_000 };
  await new TrackerServer({ host: HOST, port: Number(options.serve), peersPerAddress: 0, limits }).listen();
  process.stdout.write('ready\n');
} else await main(Number(options.seconds) * 1000);

async function main(duration: number): Promise<void> {
  const rows: Record<string, Figures & { memory?: number }> = {};
  for (const [name, load] of [
    ['udp', udp],
    ['http keep-alive', http],
    ['websocket', websocket],
  ] as const) {
    const child = await start();
    const before = cpuOf(child);
    const answers = await load(duration);
    rows[name] = { perSecond: Math.round((answers * 1000) / duration), cpu: round((cpuOf(child) - before) / answers) };
    await stop(child);
  }
  console.table(rows);
  const child = await start();
  const before = residentOf(child);
  const sockets = await peers(Number(options.peers));
  await sleep(3_000);
  console.log(
    `memory per WebSocket peer: ${Math.round((residentOf(child) - before) / sockets.length)} bytes of ${sockets.length}`,
  );
  for (const socket of sockets) socket.destroy();
  await stop(child);
}

async function start(): Promise<ChildProcess> {
  const self = fileURLToPath(import.meta.url);
  const child =
    options.against === undefined
      ? fork(self, ['--serve', String(PORT)], {
          execArgv: [...process.execArgv, YOUNG],
          stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
        })
      : spawn(process.execPath, [options.against, String(PORT)], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (child.stdout !== null) await once(child.stdout, 'data');
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  child.kill();
  await once(child, 'exit');
}

/** User and system time in µs. */
function cpuOf(child: ChildProcess): number {
  const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

function residentOf(child: ChildProcess): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
}

/** Closed loop of 64 announces, connected as BEP 15 wants it. */
async function udp(duration: number): Promise<number> {
  const socket = createSocket('udp4');
  socket.connect(PORT, HOST);
  await once(socket, 'connect');
  const announce = Buffer.alloc(98);
  announce.writeUInt32BE(1, 8);
  announce.writeUInt32BE(1_000, 68);
  announce.writeInt32BE(30, 92);
  let answers = 0;
  const ask = () => {
    announce.writeUInt32BE(answers, 12);
    announce.writeUInt32BE(answers % SWARMS, 16);
    announce.writeUInt16BE(1_024 + (answers % 60_000), 96);
    socket.send(announce);
  };
  socket.on('message', (bytes) => {
    if (bytes.readUInt32BE(0) === 0) {
      bytes.copy(announce, 0, 8, 16);
      for (let i = 0; i < 64; i++) ask();
    } else {
      answers++;
      ask();
    }
  });
  socket.send(Buffer.from('00000417271019800000000000000001', 'hex'));
  await sleep(duration);
  socket.close();
  return answers;
}

async function http(duration: number): Promise<number> {
  let answers = 0;
  const sockets = await Promise.all(
    Array.from({ length: 50 }, async () => {
      const socket = connect({ port: PORT, host: HOST, noDelay: true });
      await once(socket, 'connect');
      const ask = () => {
        const hash = `%${(answers % SWARMS).toString(16).padStart(2, '0')}${'a'.repeat(19)}`;
        const query = `info_hash=${hash}&peer_id=-XX0001-abcdefghijkl&port=${1_024 + (answers % 60_000)}`;
        socket.write(
          `GET /announce?${query}&uploaded=0&downloaded=0&left=9&compact=1&numwant=30 HTTP/1.1\r\nHost: x\r\n\r\n`,
        );
      };
      socket.on('data', () => {
        answers++;
        ask();
      });
      ask();
      return socket;
    }),
  );
  await sleep(duration);
  for (const socket of sockets) socket.destroy();
  return answers;
}

async function websocket(duration: number): Promise<number> {
  let answers = 0;
  const offers = Number(options.offers);
  const sockets = await Promise.all(
    Array.from({ length: Number(options.sockets) }, async (_, i) => {
      const socket = await upgraded();
      const message = maskedFrame(announceOf(i, offers));
      let rest: Buffer = Buffer.alloc(0);
      socket.on('data', (bytes: Buffer) => {
        rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
        rest = eachFrame(rest, (payload) => {
          // Offers of others need no answer.
          if (!payload.includes('"interval"')) return;
          answers++;
          socket.write(message);
        });
      });
      socket.write(message);
      return socket;
    }),
  );
  answers = 0;
  await sleep(duration);
  for (const socket of sockets) socket.destroy();
  return answers;
}

async function peers(count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const some = await Promise.all(Array.from({ length: Math.min(100, count - sockets.length) }, upgraded));
    for (const socket of some) socket.write(maskedFrame(announceOf(sockets.push(socket), 0)));
  }
  return sockets;
}

async function upgraded(): Promise<Socket> {
  const socket = connect({ port: PORT, host: HOST, noDelay: true });
  socket.write(UPGRADE);
  await once(socket, 'data');
  return socket;
}

function announceOf(peer: number, offers: number): string {
  const id = String(peer).padStart(20, 'p');
  const sdp = `v=0\r\n${'a=candidate:1 1 udp 2122260223 192.0.2.2 54321 typ host\r\n'.repeat(20)}`;
  return JSON.stringify({
    action: 'announce',
    info_hash: String(peer % SWARMS).padStart(20, 'h'),
    peer_id: id,
    numwant: offers,
    uploaded: 0,
    downloaded: 0,
    left: 9,
    offers: Array.from({ length: offers }, (_, i) => ({
      offer: { type: 'offer', sdp },
      offer_id: `${i}${id}`.slice(0, 20),
    })),
  });
}

/** Masked with zeros, which leaves the payload as it is. */
function maskedFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const head =
    payload.length < 126
      ? Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0])
      : Buffer.from([0x81, 0xfe, payload.length >> 8, payload.length & 255, 0, 0, 0, 0]);
  return Buffer.concat([head, payload]);
}

/** Calls with each whole frame; what is left is returned. */
function eachFrame(bytes: Buffer, take: (payload: Buffer) => void): Buffer {
  let at = 0;
  for (;;) {
    const short = (bytes[at + 1] ?? 0) & 127;
    const header = short === 126 ? 4 : 2;
    if (bytes.length < at + header) break;
    const length = short === 126 ? bytes.readUInt16BE(at + 2) : short;
    if (bytes.length < at + header + length) break;
    take(bytes.subarray(at + header, at + header + length));
    at += header + length;
  }
  return bytes.subarray(at);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
