/**
 * Gives a `Session` what it lacks: sockets, the clock and a timer. It decides nothing: what the session wants to dial is
 * dialled, and what it wants to be woken for wakes it.
 */
import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { Session, type Dial, type SessionOptions } from '@kith/torrent';
import type { PeerFilter } from '../net/peer-filter.ts';
import { TcpDialer } from '../net/tcp-dialer.ts';
import { TcpListener, type ListenerLimits } from '../net/tcp-listener.ts';
import { nodeHashes } from '../node-hashes.ts';

export interface SwarmDriverOptions {
  /** Whom to talk to, asked for every connection in either direction. */
  readonly filter: PeerFilter;
  /** 0 for any free one. */
  readonly port: number;
  /** Addresses to listen on; all of both families without it. */
  readonly addresses?: readonly string[];
  readonly listenerLimits?: Partial<ListenerLimits>;
  readonly session: Omit<SessionOptions, 'hashes' | 'random' | 'port' | 'wake'>;
}

/** Longest time that Node's timers take, ms. */
const LONGEST = 2 ** 31 - 1;

export class SwarmDriver {
  readonly session: Session;
  readonly #dialer: TcpDialer;
  readonly #listener: TcpListener;
  readonly #abort = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #due: number = Number.POSITIVE_INFINITY;
  #closed = false;

  /** @throws KithError SHARE_PORT_UNUSABLE */
  static async start(options: SwarmDriverOptions): Promise<SwarmDriver> {
    // A connection may come before the session is there: its port is known by the listener alone.
    const early: Parameters<Session['accept']>[0][] = [];
    let accept = (duplex: (typeof early)[number]): void => void early.push(duplex);
    const listener = await TcpListener.listen({
      port: options.port,
      filter: options.filter,
      onConnection: (duplex) => accept(duplex),
      ...(options.addresses === undefined ? {} : { addresses: options.addresses }),
      ...(options.listenerLimits === undefined ? {} : { limits: options.listenerLimits }),
    });
    const driver = new SwarmDriver(options, listener);
    accept = (duplex) => driver.session.accept(duplex, performance.now());
    for (const duplex of early) accept(duplex);
    return driver;
  }

  private constructor(options: SwarmDriverOptions, listener: TcpListener) {
    this.#listener = listener;
    this.#dialer = new TcpDialer({ filter: options.filter });
    this.session = new Session(
      {
        ...options.session,
        hashes: nodeHashes,
        random: (length) => randomBytes(length),
        port: listener.port,
        wake: (at) => this.#wake(at),
      },
      performance.now(),
    );
  }

  /** Where peers are accepted. */
  get port(): number {
    return this.#listener.port;
  }

  /** Takes all torrents out of the session and ends all connections. Their stores stay the caller's to close. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#abort.abort();
    for (const torrent of this.session.torrents) this.session.remove(torrent, performance.now());
    await this.#listener.close();
  }

  #wake(at: number): void {
    if (this.#closed || at >= this.#due) return;
    this.#due = at;
    clearTimeout(this.#timer);
    const wait = at - performance.now();
    // What is due now waits for what the same turn of the event loop still brings, not for a timer.
    if (wait <= 0) this.#immediate ??= setImmediate(() => this.#run());
    else this.#timer = setTimeout(() => this.#run(), Math.min(wait, LONGEST));
  }

  #run(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#immediate = undefined;
    this.#due = Number.POSITIVE_INFINITY;
    const now = performance.now();
    this.session.tick(now);
    for (const dial of this.session.dials(now)) void this.#dial(dial);
    this.#wake(this.session.nextWake());
  }

  async #dial({ torrent, address }: Dial): Promise<void> {
    try {
      const duplex = await this.#dialer.dial(address, { signal: this.#abort.signal });
      this.session.connected(duplex, torrent, performance.now(), address);
    } catch {
      if (!this.#closed) this.session.dialFailed(torrent, address, performance.now());
    }
  }
}
