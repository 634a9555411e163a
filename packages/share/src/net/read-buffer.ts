/** Sockets that read into one buffer, instead of memory of its own for every read. */
import { Socket, type OnReadOpts } from 'node:net';

/** Called with what was read; the bytes are valid during the call only. */
export type Read = (bytes: Uint8Array) => void;

/** Node's option for a socket that is made here. */
export function intoBuffer(buffer: Uint8Array, read: Read): OnReadOpts {
  return {
    buffer,
    callback: (length) => {
      read(length === buffer.length ? buffer : buffer.subarray(0, length));
      return true;
    },
  };
}

/**
 * For a socket that a server or a child process made, which have no such option: of 64 KiB for each read, collecting costs
 * more than reading. The given socket, of which nothing may have been read yet, lets go of the connection, and the one that
 * is returned takes it. Where this Node knows no such buffers it is the given one, and reads as it always did.
 */
export function withReadBuffer(made: Socket, buffer: Uint8Array, read: Read): Socket {
  const handle: unknown = Reflect.get(made, '_handle');
  if (typeof handle !== 'object' || handle === null || !('useUserBuffer' in handle)) return made.on('data', read);
  Reflect.set(made, '_handle', null);
  made.destroy();
  const options = { handle, onread: intoBuffer(buffer, read), readable: true, writable: true };
  return Reflect.construct(Socket, [options]);
}
