/** The connection to the node that the link leads to: kept while either side lacks what the other may have. */
import type { PeerAddress, Session, Torrent } from '@kith/torrent';
import type { LinkState } from './messages.ts';
import { Retry } from './retry.ts';
import { SocketDuplex } from './socket-duplex.ts';

/** What the engine says when it closes a connection that is of no use (`Torrent.checkUse`). */
const NO_USE = 'both have everything';
/** Who has use for the other stays longer than that, ms. */
const SHORT = 5000;

export class NodeLink {
  readonly #session: Session;
  readonly #torrent: Torrent;
  readonly #url: URL;
  readonly #changed: () => void;
  readonly #retry: Retry = new Retry();
  #state: LinkState = 'idle';
  #trying = false;
  #greetedAt: number | undefined;

  /** @param url of the link's `wire` */
  constructor(session: Session, torrent: Torrent, url: URL, changed: () => void) {
    this.#session = session;
    this.#torrent = torrent;
    this.#url = url;
    this.#changed = changed;
  }

  get state(): LinkState {
    return this.#state;
  }

  /** Something may be wanted that was not. */
  wake(): void {
    if (this.#state === 'idle' || this.#state === 'away') this.#retry.soon(() => this.#open());
  }

  /** The node said who it is. */
  greeted(): void {
    this.#greetedAt = performance.now();
    this.#set('connected');
  }

  #open(): void {
    if (this.#trying || this.#state === 'connected' || !this.#torrent.active) return;
    this.#trying = true;
    this.#greetedAt = undefined;
    if (this.#state !== 'away') this.#set('connecting');
    const socket = new WebSocket(this.#url);
    const unopened = (): void => this.#ended('it did not open');
    socket.addEventListener('close', unopened);
    socket.addEventListener('open', () => {
      socket.removeEventListener('close', unopened);
      const duplex = new SocketDuplex(socket, addressOf(this.#url), (reason) => this.#ended(reason));
      this.#session.connected(duplex, this.#torrent, performance.now());
    });
  }

  #ended(reason: string): void {
    this.#trying = false;
    const lasted = this.#greetedAt === undefined ? 0 : performance.now() - this.#greetedAt;
    if (lasted > SHORT) this.#retry.succeeded();
    // The node may be the first to see that neither has use for the other: then it greets and goes.
    const useless = reason === NO_USE || (this.#greetedAt !== undefined && lasted < SHORT);
    const { active, state } = this.#torrent;
    if (!active || (useless && state !== 'downloading')) return this.#set('idle');
    this.#set('away');
    this.#retry.after(() => this.#open());
  }

  #set(state: LinkState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#changed();
  }
}

/** For limits and bans, which go by address. */
export function addressOf(url: URL): PeerAddress {
  const name = url.hostname.replaceAll(/^\[|\]$/g, '');
  return { ip: /^[\d.]+$|:/.test(name) ? name : '127.0.0.1', port: Number(url.port || 80) };
}
