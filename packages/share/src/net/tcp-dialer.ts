/** Opens TCP connections to peers: few at a time, none for longer than its patience, none to where it must not. */
import { isIP } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { PeerAddress } from '@kith/torrent';
import type { PeerFilter } from './peer-filter.ts';
import { reasonOf, TcpDuplex, type Clock } from './tcp-duplex.ts';

export interface TcpDialerOptions {
  readonly filter: PeerFilter;
  /** Connections that are being opened at once; more wait. Default 50: small routers lose count at a few hundred. */
  readonly halfOpen?: number;
  /** Milliseconds until an attempt is given up. Default 10,000. */
  readonly timeout?: number;
  /** Addresses to dial from, one for each family. */
  readonly from?: { readonly ipv4?: string; readonly ipv6?: string };
  readonly clock?: Clock;
}

export interface DialOptions {
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

/** A connection that could not be opened; the message names the peer and says why. */
export class DialError extends Error {
  /** Without the peer: `connection refused`, for example. */
  readonly reason: string;

  constructor({ ip, port }: PeerAddress, reason: string) {
    super(`${ip.includes(':') ? `[${ip}]` : ip}:${port}: ${reason}`);
    this.name = 'DialError';
    this.reason = reason;
  }
}

export class TcpDialer {
  readonly #options: TcpDialerOptions;
  readonly #clock: Clock;
  readonly #halfOpen: number;
  readonly #waiting: Set<() => void> = new Set();
  #opening = 0;

  constructor(options: TcpDialerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? (() => performance.now());
    this.#halfOpen = options.halfOpen ?? 50;
  }

  /** Attempts under way and waiting. */
  get dialing(): number {
    return this.#opening + this.#waiting.size;
  }

  /**
   * A connection that reads nothing before it is started.
   * @throws DialError
   */
  async dial(address: PeerAddress, options: DialOptions = {}): Promise<TcpDuplex> {
    const family = isIP(address.ip);
    if (family === 0) throw new DialError(address, 'not an IP address');
    if (!this.#options.filter.allows(address.ip)) throw new DialError(address, 'outside of what may be reached');
    await this.#turn(address, options.signal);
    try {
      if (options.signal?.aborted === true) throw new DialError(address, ABORTED);
      return await this.#open(address, family, options);
    } finally {
      this.#opening--;
      for (const next of this.#waiting) {
        next();
        break;
      }
    }
  }

  async #turn(address: PeerAddress, signal: AbortSignal | undefined): Promise<void> {
    if (this.#opening < this.#halfOpen) {
      this.#opening++;
      return;
    }
    if (signal?.aborted === true) throw new DialError(address, ABORTED);
    await new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(go);
        signal?.removeEventListener('abort', abort);
      };
      const go = (): void => {
        leave();
        this.#opening++;
        resolve();
      };
      const abort = (): void => {
        leave();
        reject(new DialError(address, ABORTED));
      };
      this.#waiting.add(go);
      signal?.addEventListener('abort', abort);
    });
  }

  #open(remote: PeerAddress, family: number, { timeout, signal }: DialOptions): Promise<TcpDuplex> {
    const { duplex, socket } = TcpDuplex.unconnected({ remote, incoming: false, clock: this.#clock });
    const patience = timeout ?? this.#options.timeout ?? 10_000;
    const { ipv4, ipv6 } = this.#options.from ?? {};
    const localAddress = family === 4 ? ipv4 : ipv6;
    return new Promise((resolve, reject) => {
      const giveUp = (reason: string): void => {
        settle();
        duplex.close(reason);
        reject(new DialError(remote, reason));
      };
      const fail = (error: Error): void => giveUp(reasonOf(error));
      const abort = (): void => giveUp(ABORTED);
      const timer = setTimeout(() => giveUp(`no answer within ${patience / 1000} s`), patience);
      const settle = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        socket.off('error', fail);
      };
      socket.once('error', fail);
      signal?.addEventListener('abort', abort);
      socket.setNoDelay(true);
      socket.connect({ host: remote.ip, port: remote.port, localAddress }, () => {
        settle();
        resolve(duplex);
      });
    });
  }
}

const ABORTED = 'given up';
