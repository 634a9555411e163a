/** One WebSocket for all torrents that ask the same tracker: each would hold one of its own otherwise. */
import { bencode } from '@kith/torrent';
import type { TrackerClient, TrackerClientOptions } from './tracker-client.ts';
import { type RemoteDescription, type Signalling, WebSocketTracker } from './websocket-tracker.ts';

export interface SharedUse {
  readonly client: TrackerClientOptions;
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** @param answer passes an answer on through the tracker */
  readonly signalling: (answer: (offer: RemoteDescription, sdp: string) => void) => Signalling;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  readonly lost: (reason: string) => void;
}

interface User {
  readonly signalling: Signalling;
  readonly lost: (reason: string) => void;
}

export class SharedSockets {
  readonly #sockets = new Map<unknown, Map<string, SharedSocket>>();

  /** @param group of those who may talk to the same addresses, and therefore share a connection */
  open(url: string, group: unknown, use: SharedUse): TrackerClient {
    const sockets = this.#sockets.get(group) ?? new Map<string, SharedSocket>();
    this.#sockets.set(group, sockets);
    let socket = sockets.get(url);
    if (socket === undefined) {
      socket = new SharedSocket(url, use.client, () => {
        sockets.delete(url);
        if (sockets.size === 0) this.#sockets.delete(group);
      });
      sockets.set(url, socket);
    }
    return socket.enter(use);
  }
}

class SharedSocket {
  readonly #tracker: WebSocketTracker;
  readonly #empty: () => void;
  /** By info-hash, as a binary string. */
  readonly #users = new Map<string, User>();

  constructor(url: string, options: TrackerClientOptions, empty: () => void) {
    this.#empty = empty;
    this.#tracker = new WebSocketTracker(url, {
      ...options,
      signalling: {
        offers: async (request) => this.#signallingOf(bencode.binaryString(request.infoHash))?.offers(request) ?? [],
        offered: (offer) => this.#signallingOf(offer.infoHash)?.offered(offer),
        answered: (answer) => this.#signallingOf(answer.infoHash)?.answered(answer),
      },
      lost: (reason) => {
        for (const user of [...this.#users.values()]) user.lost(reason);
      },
    });
  }

  enter({ infoHash, peerId, signalling, lost }: SharedUse): TrackerClient {
    const key = bencode.binaryString(infoHash);
    const tracker = this.#tracker;
    const user: User = {
      signalling: signalling((offer, sdp) => void tracker.answer(offer, peerId, sdp)),
      lost,
    };
    this.#users.set(key, user);
    return {
      url: tracker.url,
      announce: (request, signal) => tracker.announce(request, signal),
      scrape: (infoHashes, signal) => tracker.scrape(infoHashes, signal),
      close: () => {
        if (this.#users.get(key) !== user) return;
        this.#users.delete(key);
        if (this.#users.size > 0) return;
        tracker.close();
        this.#empty();
      },
    };
  }

  #signallingOf(infoHash: string): Signalling | undefined {
    return this.#users.get(infoHash)?.signalling;
  }
}
