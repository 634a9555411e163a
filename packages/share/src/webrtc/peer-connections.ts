/**
 * The peer connections of the engine: to whom each leads and which channels it carries. Two kiths that share several torrents
 * meet once, and have a channel for each torrent. Who it is at the other end is known by its certificate: peer ids are said by
 * anybody, and a stranger under the name of another would learn of torrents that it does not know.
 */
import { MOST_CHANNELS } from './frames.ts';

export class PeerConnection {
  readonly number: number;
  /** The other side offered it. */
  readonly incoming: boolean;
  /** Numbers of those that are open or on their way. */
  readonly channels: Set<number> = new Set();
  /** Of the other side: as it says, and once the connection is open as it showed. */
  fingerprint: string | undefined;
  /** Where it leads; undefined as long as it is not open. */
  ip: string | undefined;
  /** It is open, or gone, or another one to the same peer is open. */
  readonly settled: Promise<void>;
  #settled = false;
  #resolve: () => void = () => undefined;

  constructor(number: number, incoming: boolean, fingerprint: string | undefined) {
    this.number = number;
    this.incoming = incoming;
    this.fingerprint = fingerprint;
    this.settled = new Promise((resolve) => (this.#resolve = resolve));
  }

  /** Whether it is worth waiting for. */
  get pending(): boolean {
    return !this.#settled;
  }

  settle(): void {
    this.#settled = true;
    this.#resolve();
  }
}

export class PeerConnections {
  readonly #byNumber = new Map<number, PeerConnection>();

  /** Those that are open. */
  get open(): number {
    return [...this.#byNumber.values()].filter(({ ip }) => ip !== undefined).length;
  }

  make(number: number, incoming: boolean, fingerprint?: string): PeerConnection {
    const connection = new PeerConnection(number, incoming, fingerprint);
    this.#byNumber.set(number, connection);
    return connection;
  }

  get(number: number): PeerConnection | undefined {
    return this.#byNumber.get(number);
  }

  /** One that has room for another channel, open before one that is on its way. */
  to(fingerprint: string): PeerConnection | undefined {
    let found: PeerConnection | undefined;
    for (const connection of this.#byNumber.values()) {
      if (connection.fingerprint !== fingerprint || connection.channels.size >= MOST_CHANNELS) continue;
      if (connection.ip !== undefined) return connection;
      if (connection.pending) found ??= connection;
    }
    return found;
  }

  /** A channel of it opened. @param fingerprint of the certificate that was shown; undefined for one of another kind */
  opened(connection: PeerConnection, ip: string, fingerprint: string | undefined): void {
    connection.ip = ip;
    connection.fingerprint = fingerprint;
    connection.settle();
    if (fingerprint === undefined) return;
    for (const other of this.#byNumber.values()) if (other.fingerprint === fingerprint) other.settle();
  }

  /** A channel of it is over. */
  leave(connection: PeerConnection, channel: number): void {
    connection.channels.delete(channel);
    if (connection.channels.size > 0) return;
    this.#byNumber.delete(connection.number);
    connection.settle();
  }
}
