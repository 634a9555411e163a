/** Makes connections by WebRTC for the engine, whose worker cannot, and carries the bytes of their channels to it. */
import type { ChannelAsk, ChannelTell, RtcAsk, RtcTell } from './messages.ts';

/** Bytes that a channel holds before more waits here, and below which more goes in. */
const HIGH = 1_048_576;
const LOW = 262_144;
/** Candidates of this machine alone are found at once; what takes longer is not waited for, ms. */
const GATHER = 1500;
const CONNECT = 20_000;

/** Undefined where this browser has no WebRTC, or it is switched off. */
export function startRtc(): MessagePort | undefined {
  if (!('RTCPeerConnection' in globalThis)) return undefined;
  const { port1, port2 } = new MessageChannel();
  const host = new RtcHost(port1);
  port1.addEventListener('message', ({ data }: MessageEvent<RtcAsk>) => host.hear(data));
  port1.start();
  return port2;
}

class RtcHost {
  readonly #port: MessagePort;
  readonly #connections: Map<number, RTCPeerConnection> = new Map();

  constructor(port: MessagePort) {
    this.#port = port;
  }

  hear(ask: RtcAsk): void {
    const { id } = ask;
    if (ask.kind === 'drop') return this.#drop(id);
    this.#act(ask).catch((error: unknown) => this.#fail(id, error instanceof Error ? error.message : String(error)));
  }

  async #act(ask: Exclude<RtcAsk, { readonly kind: 'drop' }>): Promise<void> {
    const { id } = ask;
    if (ask.kind === 'answer') {
      await this.#connections.get(id)?.setRemoteDescription({ type: 'answer', sdp: ask.sdp });
      setTimeout(() => this.#giveUp(id), CONNECT);
      return;
    }
    const connection = this.#make(id);
    if (ask.kind === 'offer') {
      this.#carry(id, connection, connection.createDataChannel('kith'));
      await connection.setLocalDescription(await connection.createOffer());
    } else {
      connection.addEventListener('datachannel', ({ channel }) => this.#carry(id, connection, channel));
      await connection.setRemoteDescription({ type: 'offer', sdp: ask.sdp });
      await connection.setLocalDescription(await connection.createAnswer());
      setTimeout(() => this.#giveUp(id), CONNECT);
    }
    await gathered(connection);
    const sdp = connection.localDescription?.sdp;
    if (sdp !== undefined && this.#connections.has(id)) this.#tell({ kind: 'described', id, sdp });
  }

  /** No server outside is asked for this machine's addresses: whoever opened the same link reaches the same network. */
  #make(id: number): RTCPeerConnection {
    const connection = new RTCPeerConnection({ iceServers: [] });
    this.#connections.set(id, connection);
    connection.addEventListener('connectionstatechange', () => {
      if (connection.connectionState === 'failed') this.#fail(id, 'no way through');
    });
    return connection;
  }

  #carry(id: number, connection: RTCPeerConnection, channel: RTCDataChannel): void {
    channel.binaryType = 'arraybuffer';
    const open = (): void => {
      const { port1, port2 } = new MessageChannel();
      new Carrier(channel, port1, () => {
        connection.close();
        this.#connections.delete(id);
      });
      this.#port.postMessage({ kind: 'open', id, port: port2 } satisfies RtcTell, [port2]);
    };
    if (channel.readyState === 'open') open();
    else channel.addEventListener('open', open, { once: true });
  }

  #giveUp(id: number): void {
    const connection = this.#connections.get(id);
    if (connection !== undefined && connection.connectionState !== 'connected') this.#fail(id, 'it took too long');
  }

  #fail(id: number, reason: string): void {
    if (!this.#connections.has(id)) return;
    this.#drop(id);
    this.#tell({ kind: 'failed', id, reason });
  }

  #drop(id: number): void {
    this.#connections.get(id)?.close();
    this.#connections.delete(id);
  }

  #tell(told: RtcTell): void {
    this.#port.postMessage(told);
  }
}

/** Between a channel and a port. */
class Carrier {
  readonly #channel: RTCDataChannel;
  readonly #port: MessagePort;
  readonly #ended: () => void;
  #waiting: ArrayBuffer[] = [];
  #closed = false;

  constructor(channel: RTCDataChannel, port: MessagePort, ended: () => void) {
    this.#channel = channel;
    this.#port = port;
    this.#ended = ended;
    channel.bufferedAmountLowThreshold = LOW;
    channel.addEventListener('bufferedamountlow', () => this.#send());
    channel.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
      if (data instanceof ArrayBuffer) port.postMessage(data satisfies ChannelTell, [data]);
    });
    channel.addEventListener('close', () => this.#close('the other browser left'));
    channel.addEventListener('error', () => this.#close('the channel failed'));
    port.addEventListener('message', ({ data }: MessageEvent<ChannelAsk>) => {
      if (data === 'close') return this.#close('closed');
      this.#waiting.push(data);
      this.#send();
    });
    port.start();
  }

  #send(): void {
    let taken = 0;
    while (this.#channel.readyState === 'open' && this.#channel.bufferedAmount < HIGH) {
      const message = this.#waiting.shift();
      if (message === undefined) break;
      this.#channel.send(message);
      taken += message.byteLength;
    }
    if (taken > 0) this.#port.postMessage({ taken } satisfies ChannelTell);
  }

  #close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting = [];
    this.#channel.close();
    this.#port.postMessage({ closed: reason } satisfies ChannelTell);
    this.#port.close();
    this.#ended();
  }
}

/** Descriptions go in one piece, as everybody in these rooms sends them. */
function gathered(connection: RTCPeerConnection): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (connection.iceGatheringState === 'complete') resolve();
    };
    connection.addEventListener('icegatheringstatechange', look);
    setTimeout(resolve, GATHER);
    look();
  });
}
