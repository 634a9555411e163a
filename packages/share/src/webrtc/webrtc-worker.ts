/**
 * The process that has WebRTC, started by the engine: code that may crash, and takes nothing but its own connections with it.
 * File descriptor 3 is the socket to the engine, see frames.ts; the first argument is a {@link WebRtcSetup}.
 */
import { execFileSync } from 'node:child_process';
import { Socket } from 'node:net';
import { intoBuffer } from '../net/read-buffer.ts';
import { makeCertificate } from './certificate.ts';
import { FIRST_INCOMING, FRAME, type FrameKind, FrameReader, frame, readChannel, readyPayload } from './frames.ts';
import { loadLibrary } from './load-library.ts';
import type { WorkerChannel } from './worker-channel.ts';
import { WorkerConnection, type WorkerHost } from './worker-connection.ts';
import type { WebRtcSetup } from './webrtc-process.ts';

/** Bytes of one read: a message of any browser, as a whole. */
const READ = 262_144;
/** For the last packets to leave, ms. */
const GOODBYE = 200;

const setup: WebRtcSetup = JSON.parse(process.argv[2] ?? '{}');
const connections = new Map<number, WorkerConnection>();
const channels = new Map<number, WorkerChannel>();
let incoming = 0;

yieldLess();

// Nothing is read before it is there.
let problem = '';
const loaded = await loadLibrary(setup.library).catch((error: unknown) => {
  problem = error instanceof Error ? error.message : String(error);
  return undefined;
});

const reader = new FrameReader({
  data: (id, bytes) => channels.get(id)?.send(bytes),
  frame: (kind, id, payload) => obey(kind, id, payload),
});

const socket = new Socket({ fd: 3, onread: intoBuffer(new Uint8Array(READ), (bytes) => reader.push(bytes)) });
// Without the engine there is nothing to do, but to say goodbye: who hears nothing waits half a minute.
socket.on('error', leave).on('end', leave).on('close', leave);

const host: WorkerHost | undefined =
  loaded === undefined
    ? undefined
    : { library: loaded.library, setup, certificate: makeCertificate(), socket, connections, channels, nextNumber };
if (loaded === undefined) socket.end(frame(FRAME.unable, 0, problem));
else socket.write(frame(FRAME.ready, 0, readyPayload({ library: loaded.library.name, instead: loaded.instead })));

/**
 * Every packet wakes two threads of the library in turn. Under the usual policy of Linux each that wakes may take the place
 * of who woke it, and then half of the time goes into the change; as batch (sched(7)) it waits its turn and finds several
 * packets. The library's threads have the policy of the thread that starts them, so this comes before them.
 */
function yieldLess(): void {
  if (process.platform !== 'linux') return;
  try {
    execFileSync('chrt', ['--batch', '--pid', '0', String(process.pid)], { stdio: 'ignore' });
  } catch {
    // It is slower then, and no more than that.
  }
}

function obey(kind: Exclude<FrameKind, typeof FRAME.data>, id: number, payload: Uint8Array): void {
  switch (kind) {
    case FRAME.offer:
      return make(id)?.offer();
    case FRAME.accept:
      return make(id)?.accept(textOf(payload));
    case FRAME.answer:
      return connections.get(id)?.answered(textOf(payload));
    case FRAME.channel:
      return open(id, payload);
    case FRAME.pause:
      return channels.get(id)?.pause();
    case FRAME.resume:
      return channels.get(id)?.resume();
    case FRAME.close:
      return close(id);
    case FRAME.described:
    case FRAME.opened:
    case FRAME.taken:
    case FRAME.ended:
    case FRAME.ready:
    case FRAME.unable:
    case FRAME.incoming:
      // Only this side says these.
      process.exit(1);
  }
}

function make(id: number): WorkerConnection | undefined {
  if (host === undefined) return undefined;
  try {
    return new WorkerConnection(id, host);
  } catch (error) {
    socket.write(frame(FRAME.ended, id, String(error)));
    return undefined;
  }
}

function open(id: number, payload: Uint8Array): void {
  const { connection, label } = readChannel(payload);
  const found = connections.get(connection);
  if (found === undefined) socket.write(frame(FRAME.ended, id, 'the connection is gone'));
  else found.open(id, label);
}

function close(id: number): void {
  const channel = channels.get(id);
  if (channel === undefined) connections.get(id)?.forget();
  else channel.end('closed');
}

/** Comes again only after two billion: nothing of an earlier channel can be meant for a later one. */
function nextNumber(): number {
  incoming = (incoming + 1) % FIRST_INCOMING;
  return FIRST_INCOMING + incoming;
}

function leave(): void {
  for (const connection of [...connections.values()]) connection.end('closed');
  setTimeout(() => process.exit(0), GOODBYE);
}

function textOf(payload: Uint8Array): string {
  return Buffer.from(payload).toString('utf8');
}
