/**
 * Mixed traffic of one member, as a program on its machine has it: TCP in big and tiny writes both ways, datagrams from
 * a few bytes to ones that are fragmented. Every byte says where it belongs. It does what lines of JSON on its input say
 * and answers each with one.
 */
import { createSocket } from 'node:dgram';
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

export interface TrafficProcess {
  readonly host: string;
  /** Addresses that it connects to; the others connect to it. */
  readonly connects: readonly string[];
  /** All addresses that it sends datagrams to. */
  readonly others: readonly string[];
  /** Bytes per second and stream. */
  readonly rate: number;
  readonly seed: number;
}

export type TrafficCommand =
  | { readonly do: 'start' }
  /** What was sent and received so far. */
  | { readonly do: 'look' }
  /** Ends every stream and waits until the other side has ended it too. */
  | { readonly do: 'finish'; readonly limitMs: number }
  /** A defect: the next byte of a stream is wrong. */
  | { readonly do: 'spoil' };

export interface TrafficReport {
  readonly streams: readonly {
    readonly to: string;
    readonly sent: number;
    readonly received: number;
    /** Where the first wrong byte stood; null where there was none. */
    readonly wrongAt: number | null;
    readonly error: string | null;
    /** Whether both sides have ended it. */
    readonly ended: boolean;
  }[];
  readonly datagrams: { readonly sent: number; readonly received: number; readonly wrong: number };
}

const PORT = 7000;
const STEP_MS = 20;
/** Length of the pattern that streams repeat: a prime, so that no lost packet or buffer goes unseen. */
const PERIOD = 1_048_573;
const pattern = Buffer.alloc(2 * PERIOD);
for (let i = 0; i < PERIOD; i++) pattern[i] = pattern[i + PERIOD] = Math.imul(i, 0x9e3779b1) >>> 17;

const init: TrafficProcess = JSON.parse(process.argv[2] as string);
const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);

let state = init.seed >>> 0;
/** Mulberry32. */
function below(limit: number): number {
  state = (state + 0x6d2b79f5) >>> 0;
  let z = Math.imul(state ^ (state >>> 15), state | 1);
  z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
  return ((z ^ (z >>> 14)) >>> 0) % limit;
}

interface Stream {
  readonly to: string;
  readonly socket: Socket;
  sent: number;
  received: number;
  wrongAt: number | null;
  error: string | null;
  ended: boolean;
}

const streams: Stream[] = [];
const datagrams = { sent: 0, received: 0, wrong: 0 };
let running = false;
let spoilt = false;

function adopt(socket: Socket, to: string): void {
  const stream: Stream = { to, socket, sent: 0, received: 0, wrongAt: null, error: null, ended: false };
  streams.push(stream);
  socket.setNoDelay(true);
  socket.on('data', (chunk: Buffer) => {
    for (let at = 0; at < chunk.length; at += PERIOD) {
      const piece = chunk.subarray(at, at + PERIOD);
      const place = (stream.received + at) % PERIOD;
      if (!piece.equals(pattern.subarray(place, place + piece.length))) stream.wrongAt ??= stream.received + at;
    }
    stream.received += chunk.length;
  });
  socket.on('error', (error) => (stream.error = error.message));
  socket.on('end', () => (stream.ended = true));
}

/** Mostly as much as the rate allows at once, sometimes in tiny pieces. */
function feed(stream: Stream): void {
  const { socket } = stream;
  if (socket.destroyed || socket.writableLength > 1024 * 1024) return;
  const budget = Math.floor((init.rate * STEP_MS) / 1000);
  const pieces = below(4) === 0 ? Array.from({ length: 10 }, () => 1 + below(100)) : [budget + below(budget)];
  for (const length of pieces) {
    const place = stream.sent % PERIOD;
    const piece = pattern.subarray(place, place + length);
    if (spoilt) {
      const wrong = Buffer.from(piece);
      wrong[0] = (wrong[0] as number) ^ 1;
      socket.write(wrong);
      spoilt = false;
    } else {
      socket.write(piece);
    }
    stream.sent += piece.length;
  }
}

const udp = createSocket('udp4');
udp.on('error', () => undefined);
udp.on('message', (bytes) => {
  const place = bytes.length < 4 ? PERIOD : bytes.readUInt32LE(0);
  const right = place < PERIOD && bytes.subarray(4).equals(pattern.subarray(place, place + bytes.length - 4));
  if (right) datagrams.received += 1;
  else datagrams.wrong += 1;
});

function throwDatagram(to: string): void {
  const length = below(20) === 0 ? 2000 + below(6000) : below(2) === 0 ? below(64) : below(1250);
  const place = below(PERIOD);
  const bytes = Buffer.alloc(4 + length);
  bytes.writeUInt32LE(place);
  pattern.copy(bytes, 4, place, place + length);
  datagrams.sent += 1;
  // Refused while the interface is down.
  udp.send(bytes, PORT, to, () => undefined);
}

function report(): TrafficReport {
  return {
    streams: streams.map(({ to, sent, received, wrongAt, error, ended }) => ({
      to,
      sent,
      received,
      wrongAt,
      error,
      ended,
    })),
    datagrams,
  };
}

async function handle(command: TrafficCommand): Promise<unknown> {
  switch (command.do) {
    case 'start':
      for (const to of init.connects)
        adopt(connect({ port: PORT, host: to, localAddress: init.host, allowHalfOpen: true }), to);
      running = true;
      return true;
    case 'look':
      return report();
    case 'spoil':
      spoilt = true;
      return true;
    case 'finish': {
      running = false;
      for (const { socket } of streams) socket.end();
      const deadline = performance.now() + command.limitMs;
      const open = () => streams.some(({ ended, error }) => !ended && error === null);
      while (open() && performance.now() < deadline) await delay(20);
      return report();
    }
  }
}

const server = createServer({ allowHalfOpen: true }, (socket) => adopt(socket, socket.remoteAddress ?? ''));
await new Promise<void>((resolve) => udp.bind(PORT, init.host, resolve));
await new Promise<void>((resolve) => server.listen(PORT, init.host, resolve));
setInterval(() => {
  if (!running) return;
  for (const stream of streams) feed(stream);
  for (const to of init.others) for (let i = below(6); i > 0; i--) throwDatagram(to);
}, STEP_MS).unref();
say({ listening: init.host });
const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => void handle(JSON.parse(line)).then(say));
lines.on('close', () => process.exit());
