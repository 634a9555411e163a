/**
 * Where browsers that opened one link find each other: WebTorrent's tracker protocol over WebSocket, for the hashes of that
 * link's share and for no others. Nobody outside is asked.
 */
import { randomBytes } from 'node:crypto';
import { bencode, tracker } from '@kith/torrent';
import type { WebSocket } from 'ws';

/** Seconds between announces: those who meet here are few, and come and go. */
const INTERVAL = 30;
const TICK = 5_000;
/** Bytes that wait for one browser; what is beyond is dropped, as offers are made again. */
const BACKLOG = 262_144;

export class SignalRoom {
  readonly #service: tracker.TrackerService;
  readonly #relay: tracker.Relay;
  readonly #clock: () => number;
  readonly #timer: NodeJS.Timeout;
  readonly #peers: Set<tracker.RelayPeer> = new Set();

  constructor(clock: () => number) {
    this.#clock = () => Math.floor(clock());
    this.#service = new tracker.TrackerService({ random: randomBytes, relayInterval: INTERVAL });
    this.#relay = new tracker.Relay(this.#service);
    this.#timer = setInterval(() => this.#tick(), TICK);
    this.#timer.unref();
  }

  /** @param infoHashes of the share whose link was opened */
  enter(socket: WebSocket, infoHashes: readonly Uint8Array[]): void {
    const allowed = new Set(infoHashes.map((hash) => bencode.binaryString(hash)));
    const peer = this.#relay.open({
      send: (text) => {
        if (socket.bufferedAmount < BACKLOG) socket.send(text);
      },
    });
    this.#peers.add(peer);
    socket.on('message', (data: Buffer, isBinary) => {
      const text = isBinary ? '' : data.toString();
      if (names(text, allowed)) this.#relay.message(peer, text, this.#clock());
      else socket.terminate();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#peers.delete(peer);
      this.#relay.close(peer);
    });
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = this.#clock();
    this.#service.tick(now);
    for (const peer of this.#peers) this.#relay.sweep(peer, now);
  }
}

/** Whether a message is about hashes of this room alone. What is malformed in it otherwise the relay says. */
function names(text: string, allowed: ReadonlySet<string>): boolean {
  if (text.length > tracker.RELAY_LIMITS.message) return false;
  try {
    const request = tracker.parseRelayRequest(text);
    if (request.kind !== 'scrape') return allowed.has(request.infoHash);
    return request.infoHashes.length > 0 && request.infoHashes.every((hash) => allowed.has(hash));
  } catch (error) {
    if (error instanceof tracker.TrackerError) return true;
    throw error;
  }
}
