/** One peer connection with its data channels, in the process that has WebRTC. */
import type { Socket } from 'node:net';
import type { Certificate } from './certificate.ts';
import { channelPayload, FRAME, FRAME_LIMITS, frame, MOST_CHANNELS } from './frames.ts';
import { fingerprint } from './fingerprint.ts';
import type { Library, LibraryChannel, LibraryConnection } from './library.ts';
import { type ChannelHost, MESSAGE, WorkerChannel } from './worker-channel.ts';
import type { WebRtcSetup } from './webrtc-process.ts';

/** What all connections of the process have in common. */
export interface WorkerHost {
  readonly library: Library;
  readonly setup: WebRtcSetup;
  readonly certificate: Certificate;
  /** To the engine. */
  readonly socket: Socket;
  /** By their numbers. */
  readonly connections: Map<number, WorkerConnection>;
  readonly channels: Map<number, WorkerChannel>;
  /** For a channel of the other side. */
  nextNumber(): number;
}

/**
 * Bytes that came over all channels and that the engine did not take yet. A peer sends what it was asked for, which is less;
 * the library cannot stop one that sends more.
 */
const MOST_WAITING = 67_108_864;
/** Waiting for candidates that a STUN server has to tell, ms. */
const GATHERING = 3_000;
/** Of a channel that an offer is made for; its torrent is known to both sides. */
const FIRST_LABEL = 'kith';

export class WorkerConnection implements ChannelHost {
  readonly socket: Socket;
  readonly #id: number;
  readonly #host: WorkerHost;
  // Closed when it is collected as garbage.
  readonly #connection: LibraryConnection;
  readonly #channels: Set<WorkerChannel> = new Set();
  /** The channel that the connection is for is not there yet. */
  #awaiting = true;
  #gathering: NodeJS.Timeout | undefined;
  #described = false;
  #over = false;
  #waiting = 0;

  constructor(id: number, host: WorkerHost) {
    this.#id = id;
    this.#host = host;
    this.socket = host.socket;
    const { library, certificate } = host;
    const { iceServers, bindAddress } = host.setup;
    const options = {
      iceServers,
      certificate,
      maxMessageSize: MESSAGE,
      ...(bindAddress === undefined ? {} : { bindAddress }),
    };
    this.#connection = library.connect(String(id), options, (reason) => this.end(reason));
    host.connections.set(id, this);
    const connection = this.#connection;
    connection.onGatheringStateChange((state) => {
      if (state === 'complete') this.#describe();
      else if (state === 'gathering') this.#gathering = setTimeout(() => this.#describe(), GATHERING);
    });
    connection.onStateChange((state) => {
      if (state === 'failed') this.end('no way to the peer was found');
      else if (state === 'disconnected') this.end('the peer is not heard of any more');
      else if (state === 'closed') this.end('closed by the peer');
    });
    connection.onDataChannel((channel) => this.#try(() => this.#came(channel)));
  }

  offer(): void {
    this.#try(() => this.#enter(this.#id, this.#connection.createDataChannel(FIRST_LABEL)));
  }

  accept(sdp: string): void {
    this.#try(() => this.#connection.setRemoteDescription(sdp, 'offer'));
  }

  answered(sdp: string): void {
    this.#try(() => this.#connection.setRemoteDescription(sdp, 'answer'));
  }

  /** One more channel. */
  open(id: number, label: string): void {
    try {
      this.#enter(id, this.#connection.createDataChannel(label));
    } catch (error) {
      // The library has no more of them. Those that are there can be used.
      this.socket.write(frame(FRAME.ended, id, String(error)));
    }
  }

  /** The channel that the connection is for is not wanted any more. */
  forget(): void {
    if (this.#awaiting) this.end('closed');
  }

  /** With all its channels. Idempotent. @param reason for people */
  end(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#gathering);
    this.#host.connections.delete(this.#id);
    if (this.#awaiting) this.socket.write(frame(FRAME.ended, this.#id, reason));
    for (const channel of [...this.#channels]) channel.end(reason);
    try {
      this.#connection.close();
    } catch {
      // It is closed then.
    }
  }

  // What its channels say.

  remote(): string | undefined {
    const remote = this.#over ? undefined : this.#connection.getSelectedCandidatePair()?.remote;
    if (remote === undefined) return undefined;
    const { algorithm, value } = this.#connection.remoteFingerprint();
    return `${remote.address} ${remote.port} ${fingerprint(algorithm, value) ?? ''}`;
  }

  waits(bytes: number): void {
    this.#waiting += bytes;
    if (this.#waiting > MOST_WAITING) this.end('sent more than it was asked for');
  }

  ended(channel: WorkerChannel): void {
    this.#channels.delete(channel);
    this.#host.channels.delete(channel.id);
    if (this.#channels.size === 0 && !this.#awaiting) this.end('closed');
  }

  #describe(): void {
    clearTimeout(this.#gathering);
    const description = this.#connection.localDescription();
    if (this.#described || this.#over || description === null) return;
    this.#described = true;
    this.socket.write(frame(FRAME.described, this.#id, description.sdp));
  }

  #came(channel: LibraryChannel): void {
    if (this.#over) return;
    if (this.#awaiting) return this.#enter(this.#id, channel);
    const label = this.#channels.size < MOST_CHANNELS ? channel.getLabel() : undefined;
    if (label === undefined || Buffer.byteLength(label) > FRAME_LIMITS.label) return channel.close();
    const id = this.#host.nextNumber();
    this.socket.write(frame(FRAME.incoming, id, channelPayload({ connection: this.#id, label })));
    this.#enter(id, channel);
  }

  #enter(id: number, opened: LibraryChannel): void {
    const channel = new WorkerChannel(id, opened, this);
    this.#awaiting = false;
    this.#channels.add(channel);
    this.#host.channels.set(id, channel);
  }

  /** The library throws at what it does not understand, and out of a callback that would end the process. */
  #try(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.end(error instanceof Error ? error.message : String(error));
    }
  }
}
