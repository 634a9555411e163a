/**
 * A tracker over a WebSocket, as WebTorrent's peers use it. One connection serves all torrents of this node; it is opened by the
 * first announce and again by the next one after it was lost. Without {@link Signalling} it is good for counts only: its peers are
 * reached through offers and answers, never by address.
 */
import { WebSocket } from 'ws';
import { bencode, tracker } from '@kith/torrent';
import { resolve as resolveHost } from './resolve.ts';
import {
  asTrackerError,
  CLIENT_TIMEOUT,
  Deadline,
  type TrackerClient,
  type TrackerClientOptions,
  trackerUrl,
} from './tracker-client.ts';

/** Ids and hashes are binary strings, as they are on the wire. */
export interface RemoteDescription {
  readonly infoHash: string;
  /** Of the other side. */
  readonly peerId: string;
  readonly offerId: string;
  readonly sdp: string;
}

/** What makes connections out of what the tracker passes on: WebRTC. */
export interface Signalling {
  /** Offers for an announce; each is answered by somebody else, or never. */
  offers(request: tracker.AnnounceRequest): Promise<readonly tracker.Offer[]>;
  /** Somebody offers a connection: take it with {@link WebSocketTracker.answer}. */
  offered(offer: RemoteDescription): void;
  /** Somebody took an offer. */
  answered(answer: RemoteDescription): void;
}

export interface WebSocketTrackerOptions extends TrackerClientOptions {
  readonly signalling?: Signalling;
  /** The connection was lost: torrents should be announced again soon, because the tracker has forgotten them. */
  readonly lost?: (reason: string) => void;
}

/** Seconds between two announces of one torrent. */
const LEAST_PAUSE = 10;

interface Waiting<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: tracker.TrackerError) => void;
}

export class WebSocketTracker implements TrackerClient {
  readonly url: string;
  readonly #options: WebSocketTrackerOptions;
  readonly #closing = new AbortController();
  #socket: Promise<WebSocket> | undefined;
  /** Announces that wait for their answer, by info-hash; in order, since answers carry no other mark. */
  readonly #announces = new Map<string, Waiting<tracker.AnnounceAnswer>[]>();
  #scrapes: Waiting<tracker.ScrapeEntry[]>[] = [];

  /** @throws KithError `TRACKER_URL_INVALID` */
  constructor(url: string, options: WebSocketTrackerOptions = {}) {
    trackerUrl(url);
    this.url = url;
    this.#options = options;
  }

  async announce(request: tracker.AnnounceRequest, signal?: AbortSignal): Promise<tracker.AnnounceAnswer> {
    return this.#withDeadline(signal, async (deadline) => {
      const offers = request.event === 'stopped' ? [] : ((await this.#options.signalling?.offers(request)) ?? []);
      const socket = await this.#open();
      const key = bencode.binaryString(request.infoHash);
      const queue = this.#announces.get(key) ?? [];
      this.#announces.set(key, queue);
      return this.#waiting(queue, deadline, () => socket.send(tracker.formatRelayAnnounce(request, offers)));
    });
  }

  async scrape(infoHashes: readonly Uint8Array[], signal?: AbortSignal): Promise<tracker.ScrapeEntry[]> {
    return this.#withDeadline(signal, async (deadline) => {
      const socket = await this.#open();
      return this.#waiting(this.#scrapes, deadline, () => socket.send(tracker.formatRelayScrape(infoHashes)));
    });
  }

  /** Takes an offer. Does nothing when the connection is gone: the other side offers again. */
  async answer(offer: RemoteDescription, peerId: Uint8Array, sdp: string): Promise<void> {
    const socket = await this.#socket?.catch(() => undefined);
    if (socket?.readyState !== WebSocket.OPEN) return;
    socket.send(tracker.formatRelayAnswer(offer.infoHash, bencode.binaryString(peerId), offer, sdp));
  }

  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#socket?.then(
      (socket) => socket.terminate(),
      () => undefined,
    );
  }

  async #withDeadline<T>(signal: AbortSignal | undefined, work: (deadline: Deadline) => Promise<T>): Promise<T> {
    const outer = signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
    const deadline = new Deadline(this.#options.timeout ?? CLIENT_TIMEOUT, outer);
    let abort: () => void = () => undefined;
    const ended = new Promise<never>((_, reject) => {
      abort = () => reject(deadline.error());
    });
    if (deadline.signal.aborted) abort();
    else deadline.signal.addEventListener('abort', abort, { once: true });
    try {
      return await Promise.race([work(deadline), ended]);
    } catch (error) {
      throw asTrackerError(error);
    } finally {
      deadline.signal.removeEventListener('abort', abort);
    }
  }

  #waiting<T>(queue: Waiting<T>[], deadline: Deadline, send: () => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const entry = { resolve, reject };
      queue.push(entry);
      const forget = () => {
        const at = queue.indexOf(entry);
        if (at >= 0) queue.splice(at, 1);
      };
      deadline.signal.addEventListener('abort', forget, { once: true });
      send();
    });
  }

  #open(): Promise<WebSocket> {
    this.#socket ??= this.#connect().catch((error: unknown) => {
      this.#socket = undefined;
      throw asTrackerError(error);
    });
    return this.#socket;
  }

  async #connect(): Promise<WebSocket> {
    const { hostname } = new URL(this.url);
    const { v4, v6 } = await resolveHost(hostname.replace(/^\[(.*)\]$/, '$1'), this.#options, this.#closing.signal);
    const address = v4 ?? v6 ?? hostname;
    const socket = new WebSocket(this.url, {
      perMessageDeflate: false,
      maxPayload: tracker.RELAY_LIMITS.message,
      handshakeTimeout: this.#options.timeout ?? CLIENT_TIMEOUT,
      // The address was permitted before; the name stays for TLS.
      lookup: (_host, options, found) => {
        const family = address.includes(':') ? 6 : 4;
        if (options.all === true) found(null, [{ address, family }]);
        else found(null, address, family);
      },
    });
    return new Promise((resolve, reject) => {
      let reason = 'the connection ended';
      socket.on('error', (error) => {
        reason = asTrackerError(error).message;
        reject(asTrackerError(error));
      });
      socket.on('open', () => resolve(socket));
      socket.on('message', (data: Buffer) => this.#message(data.toString('utf8')));
      socket.on('close', () => this.#closed(socket, reason));
    });
  }

  #message(text: string): void {
    let message: tracker.RelayMessage;
    try {
      message = tracker.parseRelayMessage(text);
    } catch {
      // What is not understood is passed over: there are servers that say more than others.
      return;
    }
    const { signalling } = this.#options;
    switch (message.kind) {
      case 'announced': {
        const { interval, seeds, leechers, warning, infoHash } = message;
        this.#announces
          .get(infoHash)
          ?.shift()
          ?.resolve({
            interval,
            peers: [],
            // Peers of this kind live on fresh offers: who lost one may make some before its turn.
            minInterval: Math.min(interval, LEAST_PAUSE),
            ...(seeds === undefined ? {} : { seeds }),
            ...(leechers === undefined ? {} : { leechers }),
            ...(warning === undefined ? {} : { warning }),
          });
        return;
      }
      case 'offer':
        signalling?.offered(message);
        return;
      case 'answer':
        signalling?.answered(message);
        return;
      case 'scraped':
        this.#scrapes.shift()?.resolve(message.entries.slice());
        return;
      case 'failure': {
        const error = new tracker.TrackerError('refused', message.reason);
        // Without a hash it may be about any of them.
        if (message.infoHash === undefined) this.#rejectAll(error);
        else this.#announces.get(message.infoHash)?.shift()?.reject(error);
        return;
      }
    }
  }

  #closed(socket: WebSocket, reason: string): void {
    this.#rejectAll(new tracker.TrackerError('unreachable', reason));
    void this.#socket?.then(
      (current) => {
        if (current !== socket) return;
        this.#socket = undefined;
        if (!this.#closing.signal.aborted) this.#options.lost?.(reason);
      },
      () => undefined,
    );
  }

  #rejectAll(error: tracker.TrackerError): void {
    const all = [...this.#announces.values()].flat();
    const scrapes = this.#scrapes;
    this.#announces.clear();
    this.#scrapes = [];
    for (const { reject } of [...all, ...scrapes]) reject(error);
  }
}
