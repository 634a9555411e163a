/**
 * Load for trackers: each generator keeps a bounded number of questions under way and counts the answers. A tracker runs in
 * a process of its own, this one makes the load: on a machine of two cores each has one.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const HOST = '127.0.0.1';
const SWARMS = 200;
const UDP_UNDER_WAY = 64;
const HTTP_SOCKETS = 50;
const WEB_SOCKETS = 500;
/** Bytes of one read. */
const READ = 65_536;
/** Bytes: offers are longer, answers to announces are not. */
const LONGEST_ANSWER = 512;
const UPGRADE = [
  'GET / HTTP/1.1',
  'Host: x',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
  '\r\n',
].join('\r\n');

/** The swarms that are asked for, in hex, for trackers that want to know them. */
export function swarmsInHex(): string[] {
  return Array.from({ length: SWARMS }, (_, i) => hashOf(i).toString('hex'));
}

function hashOf(i: number): Buffer {
  const hash = Buffer.alloc(20, 'a');
  hash[0] = i % SWARMS;
  return hash;
}

/** Announces over one socket that are answered within `duration` ms, connected as BEP 15 wants it. */
export async function udp(port: number, duration: number): Promise<number> {
  const socket = createSocket('udp4');
  socket.connect(port, HOST);
  await once(socket, 'connect');
  const announce = Buffer.alloc(98);
  announce.writeUInt32BE(1, 8);
  announce.writeUInt32BE(1_000, 68);
  announce.writeInt32BE(30, 92);
  let answers = 0;
  const ask = () => {
    announce.writeUInt32BE(answers, 12);
    hashOf(answers).copy(announce, 16);
    announce.writeUInt32BE(answers % 60_000, 36);
    announce.writeUInt16BE(1_024 + (answers % 60_000), 96);
    socket.send(announce);
  };
  socket.on('message', (bytes) => {
    if (bytes.readUInt32BE(0) === 0) {
      bytes.copy(announce, 0, 8, 16);
      for (let i = 0; i < UDP_UNDER_WAY; i++) ask();
    } else if (bytes.readUInt32BE(0) === 1) {
      answers++;
      ask();
    }
  });
  socket.send(Buffer.from('00000417271019800000000000000001', 'hex'));
  await sleep(duration);
  socket.close();
  return answers;
}

export async function http(port: number, duration: number): Promise<number> {
  let answers = 0;
  const ask = (socket: Socket) => {
    const hash = [...hashOf(answers)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
    const query = `info_hash=${hash}&peer_id=-XX0001-abcdefghijkl&port=${1_024 + (answers % 60_000)}`;
    const rest = 'uploaded=0&downloaded=0&left=9&compact=1&numwant=30';
    socket.write(`GET /announce?${query}&${rest} HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n`);
  };
  const sockets = await Promise.all(
    Array.from({ length: HTTP_SOCKETS }, async () => {
      const socket = connect({ port, host: HOST, noDelay: true });
      await once(socket, 'connect');
      // Answers are short: each comes as one read, or as two of which the second has no head.
      socket.on('data', (bytes: Buffer) => {
        if (!bytes.subarray(0, 5).equals(HTTP)) return;
        answers++;
        ask(socket);
      });
      ask(socket);
      return socket;
    }),
  );
  await sleep(duration);
  for (const socket of sockets) socket.destroy();
  return answers;
}

const HTTP = Buffer.from('HTTP/');

/** @param offers of 1.2 KB in each announce, as a browser that looks for peers sends them */
export async function webSocket(port: number, duration: number, offers: number): Promise<number> {
  let answers = 0;
  // One for all sockets: what came is looked at before the next one is read.
  const buffer = Buffer.alloc(READ);
  const sockets = await Promise.all(
    Array.from({ length: WEB_SOCKETS }, async (_, i) => {
      const message = maskedFrame(announceOf(i, offers));
      let answersIn: ((bytes: Buffer) => number) | undefined;
      const socket = await new Promise<Socket>((resolve) => {
        const callback = (length: number): boolean => {
          if (answersIn === undefined) {
            answersIn = answerCounter();
            resolve(made);
          } else {
            for (let count = answersIn(buffer.subarray(0, length)); count > 0; count--) {
              answers++;
              made.write(message);
            }
          }
          return true;
        };
        const made = connect({ port, host: HOST, noDelay: true, onread: { buffer, callback } });
        made.write(UPGRADE);
      });
      return { socket, message };
    }),
  );
  for (const { socket, message } of sockets) socket.write(message);
  await sleep(duration);
  for (const { socket } of sockets) socket.destroy();
  return answers;
}

/** Connects so many, each of which announces once and stays. */
export async function webSocketPeers(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const more = Math.min(100, count - sockets.length);
    const some = await Promise.all(Array.from({ length: more }, () => upgraded(port)));
    for (const socket of some) socket.write(maskedFrame(announceOf(sockets.push(socket), 0)));
  }
  return sockets;
}

async function upgraded(port: number): Promise<Socket> {
  const socket = connect({ port, host: HOST, noDelay: true });
  socket.write(UPGRADE);
  await once(socket, 'data');
  return socket;
}

function announceOf(peer: number, offers: number): string {
  const id = String(peer).padStart(20, 'p');
  const sdp = `v=0\r\n${'a=candidate:1 1 udp 2122260223 192.0.2.2 54321 typ host\r\n'.repeat(20)}`;
  return JSON.stringify({
    action: 'announce',
    info_hash: hashOf(peer).toString('latin1'),
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

/** Masked with zeros, which leaves the payload as it is (RFC 6455, section 5.2). */
function maskedFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const head =
    payload.length < 126
      ? Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0])
      : Buffer.from([0x81, 0xfe, payload.length >> 8, payload.length & 255, 0, 0, 0, 0]);
  return Buffer.concat([head, payload]);
}

/** Counts the answers that end in what one socket brings: the load must cost less than the tracker that is under it. */
function answerCounter(): (bytes: Buffer) => number {
  let rest = Buffer.alloc(0);
  /** Bytes of the frame that are still to come. */
  let left = 0;
  let short = false;
  return (chunk) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    rest = Buffer.alloc(0);
    let answers = 0;
    for (let at = 0; at < bytes.length;) {
      if (left > 0) {
        const here = Math.min(left, bytes.length - at);
        left -= here;
        at += here;
        // Offers of others need no answer.
        if (left === 0 && short) answers++;
        continue;
      }
      const small = (bytes[at + 1] ?? 0) & 127;
      const header = small === 126 ? 4 : 2;
      if (bytes.length - at < header) {
        rest = Buffer.from(bytes.subarray(at));
        break;
      }
      left = small === 126 ? bytes.readUInt16BE(at + 2) : small;
      short = left < LONGEST_ANSWER;
      at += header;
    }
    return answers;
  };
}
