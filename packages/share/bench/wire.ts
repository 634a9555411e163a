/**
 * What the peer protocol costs over TCP on loopback, without disks and hashes: one process serves blocks out of memory,
 * another one asks for them, 500 requests ahead, and puts them in slabs.
 *
 *   node --conditions=source packages/share/bench/wire.ts [--gib 8] [--encrypt]
 *
 * Prints MB/s and, for each side, seconds of CPU for one GiB.
 */
import { fork } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BLOCK, PeerWire, type Encryption, type Handshake, type WireHandler } from '@kith/torrent';
import { LOOPBACK_ONLY, nodeDiffieHellman, TcpDialer, TcpListener } from '../src/index.ts';

const PIECE = 1 << 20;
const BLOCKS_PER_PIECE = PIECE / BLOCK;
const PIECES = 64;
const AHEAD = 500;
/** Bytes that wait in the seeding connection before it stops answering until it drained. */
const HIGH = 1 << 20;

const { values } = parseArgs({
  options: {
    gib: { type: 'string', default: '8' },
    encrypt: { type: 'boolean', default: false },
    seed: { type: 'boolean', default: false },
  },
});
const total = Number(values.gib) * 2 ** 30;

const encryption: Encryption = {
  policy: values.encrypt ? 'required' : 'off',
  random: (length) => randomBytes(length),
  hashes: {
    sha1: (data) => createHash('sha1').update(data).digest(),
    sha256: (data) => createHash('sha256').update(data).digest(),
  },
  diffieHellman: nodeDiffieHellman(),
};
const handshake: Handshake = {
  infoHash: new Uint8Array(20).fill(1),
  peerId: new Uint8Array(20).fill(2),
  extensions: true,
  fast: true,
  dht: false,
  v2: false,
};

function ignore(): void {}

/** A handler that takes no notice of anything, to be overridden. */
const silent: WireHandler = {
  handshake: ignore,
  choke: ignore,
  unchoke: ignore,
  interested: ignore,
  notInterested: ignore,
  have: ignore,
  bitfield: ignore,
  haveAll: ignore,
  haveNone: ignore,
  request: ignore,
  cancel: ignore,
  reject: ignore,
  suggest: ignore,
  allowedFast: ignore,
  port: ignore,
  blockStart: () => undefined,
  block: ignore,
  extension: ignore,
  hashRequest: ignore,
  hashes: ignore,
  hashReject: ignore,
  settled: ignore,
  drain: ignore,
  closed: ignore,
};

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

if (values.seed) await seed();
else await leech();

async function seed(): Promise<void> {
  const content = randomBytes(PIECES * PIECE);
  const listener = await TcpListener.listen({
    port: 0,
    addresses: ['127.0.0.1'],
    filter: LOOPBACK_ONLY,
    onConnection: (duplex) => {
      const asked = new Float64Array(AHEAD + 1);
      let head = 0;
      let tail = 0;
      let started = 0;
      const answer = (): void => {
        while (head !== tail && wire.pending < HIGH) {
          const at = asked[head] ?? 0;
          head = (head + 1) % asked.length;
          wire.piece(Math.floor(at / PIECE), at % PIECE, content.subarray(at, at + BLOCK));
        }
      };
      const wire = PeerWire.accepted(
        duplex,
        {
          findTorrent: () => handshake.infoHash,
          attach: () => ({
            handshake,
            handler: {
              ...silent,
              handshake: () => {
                started = cpuSeconds();
                wire.haveAll();
                wire.unchoke();
              },
              request: (piece, begin) => {
                asked[tail] = piece * PIECE + begin;
                tail = (tail + 1) % asked.length;
              },
              settled: answer,
              drain: () => {
                answer();
                wire.flush();
              },
              closed: () => {
                process.send?.({ cpu: cpuSeconds() - started });
                process.disconnect();
                void listener.close();
              },
            },
          }),
          closed: (_wire, reason) => {
            throw new Error(reason);
          },
        },
        { encryption },
      );
    },
  });
  process.send?.({ port: listener.port });
}

async function leech(): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), [...process.argv.slice(2), '--seed']);
  const slab = new Uint8Array(PIECES * PIECE);
  const told = new Promise<number>((resolve, reject) => {
    child.on('message', (message: { port?: number; cpu?: number }) => {
      if (message.cpu !== undefined) resolve(message.cpu);
      if (message.port !== undefined) download(message.port, slab).catch(reject);
    });
  });
  const theirs = await told;
  report('seeding', theirs);
}

async function download(port: number, slab: Uint8Array): Promise<void> {
  const dialer = new TcpDialer({ filter: LOOPBACK_ONLY });
  const duplex = await dialer.dial({ ip: '127.0.0.1', port });
  const blocks = PIECES * BLOCKS_PER_PIECE;
  let next = 0;
  let outstanding = 0;
  let received = 0;
  let began = 0;
  let cpu = 0;
  const ask = (): void => {
    while (outstanding < AHEAD) {
      const at = (next++ % blocks) * BLOCK;
      wire.request(Math.floor(at / PIECE), at % PIECE, BLOCK);
      outstanding++;
    }
  };
  const wire = PeerWire.dialed(
    duplex,
    {
      ...silent,
      unchoke: () => {
        began = performance.now();
        cpu = cpuSeconds();
        ask();
      },
      blockStart: (piece, begin, length) => {
        const at = piece * PIECE + begin;
        return slab.subarray(at, at + length);
      },
      block: (_piece, _begin, length) => {
        outstanding--;
        received += length;
      },
      settled: () => {
        if (received < total) {
          if (outstanding < AHEAD / 2) ask();
          return;
        }
        const seconds = (performance.now() - began) / 1000;
        process.stdout.write(`${(received / 1e6 / seconds).toFixed(0)} MB/s\n`);
        report('leeching', cpuSeconds() - cpu);
        wire.close('done');
      },
      closed: (reason) => {
        if (reason !== 'done') throw new Error(reason);
      },
    },
    { handshake, encryption },
  );
}

function report(side: string, seconds: number): void {
  process.stdout.write(`${side}: ${(seconds / (total / 2 ** 30)).toFixed(3)} CPU s/GiB\n`);
}
