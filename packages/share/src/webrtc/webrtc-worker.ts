/**
 * The process that has WebRTC, started by the engine: native code that may crash, and takes nothing but its own connections
 * with it. File descriptor 3 is the socket to the engine, see frames.ts; the first argument is a {@link WebRtcSetup}.
 */
import { Socket } from 'node:net';
import { FRAME, type FrameKind, FrameReader, frame } from './frames.ts';
import { NativeConnection } from './native-connection.ts';
import type { WebRtcSetup } from './webrtc-process.ts';

/** Bytes of one read: a message of any browser, as a whole. */
const READ = 262_144;
/** Buffers of SCTP (bytes): one connection carries no more than this in a round trip. */
const SCTP_BUFFER = 8_388_608;
/** For the last packets to leave, ms. */
const GOODBYE = 200;

const setup: WebRtcSetup = JSON.parse(process.argv[2] ?? '{}');
const connections = new Map<number, NativeConnection>();

const reader = new FrameReader({
  data: (id, bytes) => connections.get(id)?.send(bytes),
  frame: (kind, id, payload) => obey(kind, id, payload),
});

const buffer = Buffer.alloc(READ);
const socket = new Socket({
  fd: 3,
  onread: {
    buffer,
    callback: (length) => {
      reader.push(length === READ ? buffer : buffer.subarray(0, length));
      return true;
    },
  },
});
// Without the engine there is nothing to do, but to say goodbye: who hears nothing waits half a minute.
socket.on('error', leave).on('end', leave).on('close', leave);

const native = await import('node-datachannel').catch((error: unknown) => {
  socket.end(frame(FRAME.unable, 0, String(error)));
  return undefined;
});
native?.setSctpSettings({ recvBufferSize: SCTP_BUFFER, sendBufferSize: SCTP_BUFFER });
if (native !== undefined) socket.write(frame(FRAME.ready, 0));

function obey(kind: Exclude<FrameKind, typeof FRAME.data>, id: number, payload: Uint8Array): void {
  switch (kind) {
    case FRAME.offer:
      return open(id)?.offer();
    case FRAME.accept:
      return open(id)?.accept(textOf(payload));
    case FRAME.answer:
      return connections.get(id)?.answered(textOf(payload));
    case FRAME.pause:
      return connections.get(id)?.pause();
    case FRAME.resume:
      return connections.get(id)?.resume();
    case FRAME.close:
      return connections.get(id)?.end('closed');
    case FRAME.described:
    case FRAME.opened:
    case FRAME.taken:
    case FRAME.ended:
    case FRAME.ready:
    case FRAME.unable:
      // Only this side says these.
      process.exit(1);
  }
}

function open(id: number): NativeConnection | undefined {
  if (native === undefined) return undefined;
  const connection = new NativeConnection(native, setup, {
    id,
    socket,
    ended: () => connections.delete(id),
  });
  connections.set(id, connection);
  return connection;
}

function leave(): void {
  for (const connection of [...connections.values()]) connection.end('closed');
  setTimeout(() => process.exit(0), GOODBYE);
}

function textOf(payload: Uint8Array): string {
  return Buffer.from(payload).toString('utf8');
}
