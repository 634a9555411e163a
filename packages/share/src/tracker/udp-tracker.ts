/**
 * A tracker over UDP (BEP 15): connect, then ask. A question is repeated after 15 s, 30 s, 60 s and so on; how often is bounded
 * so that other trackers get their turn. Like over HTTP, announces go out over both families.
 */
import { randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { performance } from 'node:perf_hooks';
import { type Address, utf8 } from '@kith/core';
import { tracker } from '@kith/torrent';
import { resolve } from './resolve.ts';
import { asTrackerError, type TrackerClient, type TrackerClientOptions, trackerUrl } from './tracker-client.ts';

/** How long a client may use a connection id (BEP 15). */
const ID_LIFE = 60_000;
const FIRST_WAIT = 15_000;

export interface UdpTrackerOptions extends TrackerClientOptions {
  /** Ms before a question is repeated; doubles every time. Default 15,000 (BEP 15). */
  readonly firstWait?: number;
  /** How often a question is asked. Default 2: it fails after 45 s. BEP 15 would go on for two hours. */
  readonly tries?: number;
}

export class UdpTracker implements TrackerClient {
  readonly url: string;
  readonly #options: UdpTrackerOptions;
  readonly #host: string;
  readonly #port: number;
  /** Path and query, for trackers that tell their users apart by it (BEP 41). */
  readonly #urlData: Uint8Array;
  readonly #ids = new Map<Address, { id: Uint8Array; until: number }>();
  readonly #closing = new AbortController();

  /** @throws KithError `TRACKER_URL_INVALID` */
  constructor(url: string, options: UdpTrackerOptions = {}) {
    const { hostname, port, pathname, search } = trackerUrl(url);
    this.url = url;
    this.#options = options;
    this.#host = hostname.replace(/^\[(.*)\]$/, '$1');
    this.#port = Number(port);
    const path = `${pathname}${search}`;
    // The usual path says nothing: old trackers need not see options then.
    this.#urlData = /^\/?(?:announce)?$/.test(path) ? new Uint8Array(0) : utf8(path).subarray(0, 1_024);
  }

  async announce(request: tracker.AnnounceRequest, signal?: AbortSignal): Promise<tracker.AnnounceAnswer> {
    const answers = await this.#overBoth(signal, async (address, outer) => {
      const answer = await this.#ask(address, outer, (id, transaction) =>
        tracker.encodeUdpAnnounce(id, transaction, request, this.#urlData),
      );
      if (answer.kind !== 'announce') throw new tracker.TrackerError('malformed', `${answer.kind} instead of announce`);
      return answer.answer;
    });
    const [first] = answers;
    const peers = new Map(answers.flatMap((answer) => answer.peers).map((peer) => [`${peer.ip} ${peer.port}`, peer]));
    return { ...first, peers: [...peers.values()] };
  }

  async scrape(infoHashes: readonly Uint8Array[], signal?: AbortSignal): Promise<tracker.ScrapeEntry[]> {
    const entries: tracker.ScrapeEntry[] = [];
    for (let from = 0; from < infoHashes.length; from += tracker.MOST_SCRAPED) {
      const part = infoHashes.slice(from, from + tracker.MOST_SCRAPED);
      const [answer] = await this.#overBoth(signal, (address, outer) =>
        this.#ask(address, outer, (id, transaction) => tracker.encodeUdpScrape(id, transaction, part)),
      );
      if (answer.kind !== 'scrape' || answer.counts.length > part.length) {
        throw new tracker.TrackerError('malformed', 'the answer is not that of a scrape');
      }
      for (const [i, counts] of answer.counts.entries()) {
        const infoHash = part[i];
        if (infoHash !== undefined) entries.push({ infoHash, ...counts });
      }
    }
    return entries;
  }

  close(): void {
    this.#closing.abort();
  }

  /** What succeeded, at least one; otherwise the first failure. */
  async #overBoth<T>(
    signal: AbortSignal | undefined,
    work: (address: Address, signal: AbortSignal) => Promise<T>,
  ): Promise<[T, ...T[]]> {
    const outer = signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
    try {
      const { v4, v6 } = await resolve(this.#host, this.#options, outer);
      const ways = [v4, v6].filter((address) => address !== undefined);
      const results = await Promise.allSettled(ways.map((address) => work(address, outer)));
      const [first, ...rest] = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      if (first !== undefined) return [first, ...rest];
      const failure = results.find((result) => result.status === 'rejected');
      throw failure === undefined ? new Error('no address') : failure.reason;
    } catch (error) {
      throw asTrackerError(error);
    }
  }

  async #ask(
    address: Address,
    signal: AbortSignal,
    question: (id: Uint8Array, transaction: number) => Uint8Array,
  ): Promise<tracker.UdpAnswer> {
    const exchange = new Exchange(address, this.#port, signal, this.#options);
    try {
      for (let again = false; ; again = true) {
        const id = await this.#connectionId(address, exchange);
        const answer = await exchange.ask((transaction) => question(id, transaction));
        if (answer.kind !== 'error') return answer;
        this.#ids.delete(address);
        // A tracker that was started anew no longer knows the id; it says so in words only.
        if (again || !/connect/i.test(answer.reason)) throw new tracker.TrackerError('refused', answer.reason);
      }
    } finally {
      exchange.close();
    }
  }

  async #connectionId(address: Address, exchange: Exchange): Promise<Uint8Array> {
    const known = this.#ids.get(address);
    if (known !== undefined && known.until > performance.now()) return known.id;
    const asked = performance.now();
    const answer = await exchange.ask((transaction) => tracker.encodeConnect(transaction));
    if (answer.kind === 'error') throw new tracker.TrackerError('refused', answer.reason);
    if (answer.kind !== 'connect') throw new tracker.TrackerError('malformed', `${answer.kind} instead of connect`);
    this.#ids.set(address, { id: answer.connectionId, until: asked + ID_LIFE });
    return answer.connectionId;
  }
}

/** Questions and answers with one address, on a socket of its own that hears nobody else. */
class Exchange {
  readonly #socket: Socket;
  readonly #family: 4 | 6;
  readonly #signal: AbortSignal;
  readonly #firstWait: number;
  readonly #tries: number;
  readonly #ready: Promise<void>;
  #hear: ((bytes: Uint8Array) => void) | undefined;
  #fail: ((error: Error) => void) | undefined;

  constructor(address: Address, port: number, signal: AbortSignal, options: UdpTrackerOptions) {
    this.#family = address.includes(':') ? 6 : 4;
    this.#signal = signal;
    this.#firstWait = options.firstWait ?? FIRST_WAIT;
    this.#tries = options.tries ?? 2;
    this.#socket = createSocket(this.#family === 6 ? 'udp6' : 'udp4');
    this.#socket.on('message', (bytes) => this.#hear?.(bytes));
    this.#socket.on('error', (error) => this.#fail?.(error));
    this.#ready = new Promise((resolve, reject) => {
      this.#fail = reject;
      this.#socket.connect(port, address, () => resolve());
    });
    // Whoever asks awaits it; without a question it is nobody's.
    this.#ready.catch(() => undefined);
  }

  async ask(question: (transaction: number) => Uint8Array): Promise<tracker.UdpAnswer> {
    await this.#ready;
    const transaction = randomInt(2 ** 32);
    const packet = question(transaction);
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        this.#signal.removeEventListener('abort', abort);
        this.#hear = undefined;
        this.#fail = undefined;
        act();
      };
      const fail = (error: Error): void => settle(() => reject(asTrackerError(error)));
      const abort = (): void => fail(new tracker.TrackerError('aborted', 'given up by this side'));
      const send = (tries: number): void => {
        if (tries === this.#tries) {
          const waited = (this.#firstWait * (2 ** tries - 1)) / 1000;
          fail(new tracker.TrackerError('unreachable', `no answer within ${waited} s`));
          return;
        }
        // What cannot be sent is like what got lost: errors that matter come by themselves.
        this.#socket.send(packet, () => undefined);
        timer = setTimeout(() => send(tries + 1), this.#firstWait * 2 ** tries);
      };
      this.#fail = fail;
      this.#hear = (bytes) => {
        const answer = answerTo(transaction, bytes, this.#family);
        if (answer instanceof tracker.TrackerError) fail(answer);
        else if (answer !== undefined) settle(() => resolve(answer));
      };
      if (this.#signal.aborted) {
        abort();
        return;
      }
      this.#signal.addEventListener('abort', abort);
      send(0);
    });
  }

  close(): void {
    this.#socket.close();
  }
}

/** Undefined for what is no answer to this question: it may be late, or somebody else's. */
function answerTo(
  transaction: number,
  bytes: Uint8Array,
  family: 4 | 6,
): tracker.UdpAnswer | tracker.TrackerError | undefined {
  if (bytes.length < 8 || Buffer.from(bytes.buffer, bytes.byteOffset, 8).readUInt32BE(4) !== transaction)
    return undefined;
  try {
    return tracker.parseUdpAnswer(bytes, family);
  } catch (error) {
    return asTrackerError(error);
  }
}
