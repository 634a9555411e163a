import type { PeerFilter } from '../net/peer-filter.ts';
import type { PeerConnection } from './peer-connections.ts';
import type { WebRtcDuplex } from './webrtc-duplex.ts';
import type { WebRtcError } from './webrtc-error.ts';

export interface ChannelOptions {
  readonly number: number;
  readonly connection: PeerConnection;
  /** Whom it may lead to. */
  readonly filter: PeerFilter;
  /** The other side opened it. */
  readonly incoming: boolean;
}

/** A data channel as the engine keeps it, from the first word about it to its end. */
export class Channel {
  readonly number: number;
  readonly connection: PeerConnection;
  readonly filter: PeerFilter;
  readonly incoming: boolean;
  /** The session description, for one that a connection is made for. */
  readonly described: Promise<string>;
  readonly opened: Promise<WebRtcDuplex>;
  readonly #late: () => void;
  #timer: NodeJS.Timeout;
  #describe: (sdp: string) => void = () => undefined;
  #open: (duplex: WebRtcDuplex) => void = () => undefined;
  #fail: (error: WebRtcError) => void = () => undefined;
  #duplex: WebRtcDuplex | undefined;

  /** @param patience ms to wait for it to open before `late` */
  constructor({ number, connection, filter, incoming }: ChannelOptions, patience: number, late: () => void) {
    this.number = number;
    this.connection = connection;
    this.filter = filter;
    this.incoming = incoming;
    this.opened = new Promise((resolve, reject) => {
      this.#open = resolve;
      this.#fail = reject;
    });
    this.described = new Promise((resolve, reject) => {
      this.#describe = resolve;
      this.opened.catch(reject);
    });
    // Nobody may be waiting for it.
    this.described.catch(() => undefined);
    this.#late = late;
    this.#timer = this.#waitFor(patience);
  }

  /** Once it is open. */
  get duplex(): WebRtcDuplex | undefined {
    return this.#duplex;
  }

  /** The other side is known now. @param patience ms from here on */
  expect(patience: number): void {
    clearTimeout(this.#timer);
    this.#timer = this.#waitFor(patience);
  }

  describe(sdp: string): void {
    this.#describe(sdp);
  }

  open(duplex: WebRtcDuplex): void {
    clearTimeout(this.#timer);
    this.#duplex = duplex;
    this.#open(duplex);
  }

  /** It ended, or will never open. */
  end(error: WebRtcError): void {
    clearTimeout(this.#timer);
    this.#fail(error);
    this.#duplex?.ended(error.message);
  }

  #waitFor(patience: number): NodeJS.Timeout {
    return setTimeout(this.#late, patience).unref();
  }
}
