/** The connection to the node that the link leads to: kept while either side lacks what the other may have. */
import type { PeerAddress, Session, Torrent } from '@kith/torrent';
import type { LinkState } from './messages.ts';
import { Retry } from './retry.ts';
import { SocketDuplex } from './socket-duplex.ts';

/** What the engine says when it closes a connection that is of no use (`Torrent.checkUse`). */
const NO_USE = 'both have everything';

export class NodeLink {
  readonly #session: Session;
  readonly #torrent: Torrent;
  readonly #url: URL;
  readonly #changed: () => void;
  readonly #retry: Retry = new Retry();
  #state: LinkState = 'idle';

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

  #open(): void {
    if (this.#state === 'connecting' || this.#state === 'connected') return;
    if (this.#state !== 'away') this.#set('connecting');
    const socket = new WebSocket(this.#url);
    let opened = false;
    socket.addEventListener('open', () => {
      opened = true;
      const duplex = new SocketDuplex(socket, addressOf(this.#url));
      const close = duplex.close.bind(duplex);
      let useless = false;
      duplex.close = (reason) => {
        useless ||= reason === NO_USE;
        close(reason);
      };
      socket.addEventListener('close', () => this.#closed(useless));
      this.#retry.succeeded();
      this.#set('connected');
      this.#session.connected(duplex, this.#torrent, performance.now());
    });
    socket.addEventListener('close', () => {
      if (!opened) this.#closed(false);
    });
  }

  #closed(useless: boolean): void {
    const wants = this.#torrent.state === 'downloading';
    this.#set(useless && !wants ? 'idle' : 'away');
    if (this.#state === 'away') this.#retry.after(() => this.#open());
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
