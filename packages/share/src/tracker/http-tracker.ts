/**
 * A tracker over HTTP or HTTPS (BEP 3). Announces go out over each family that the tracker has an address of (BEP 7), so that
 * it lists both of this node's; one answer is enough.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { createGunzip } from 'node:zlib';
import type { Address } from '@kith/core';
import { tracker } from '@kith/torrent';
import { resolve } from './resolve.ts';
import {
  asTrackerError,
  CLIENT_TIMEOUT,
  Deadline,
  type TrackerClient,
  type TrackerClientOptions,
  trackerUrl,
} from './tracker-client.ts';

const MOST_REDIRECTS = 4;
/** Hashes of one scrape: URLs of more than 8 KB are refused by many servers. */
const SCRAPE_BATCH = 100;

export class HttpTracker implements TrackerClient {
  readonly url: string;
  readonly #options: TrackerClientOptions;
  readonly #closing = new AbortController();

  /** @throws KithError `TRACKER_URL_INVALID` */
  constructor(url: string, options: TrackerClientOptions = {}) {
    trackerUrl(url);
    this.url = url;
    this.#options = options;
  }

  async announce(request: tracker.AnnounceRequest, signal?: AbortSignal): Promise<tracker.AnnounceAnswer> {
    const url = tracker.announceUrl(this.url, request);
    return this.#withDeadline(signal, async (deadline) => {
      const { hostname } = new URL(url);
      const { v4, v6 } = await resolve(bare(hostname), this.#options, deadline.signal);
      const ways = [v4, v6].filter((address) => address !== undefined);
      const answers = await Promise.allSettled(
        ways.map(async (address) => tracker.parseHttpAnnounce(await this.#get(url, address, deadline))),
      );
      return merged(answers);
    });
  }

  async scrape(infoHashes: readonly Uint8Array[], signal?: AbortSignal): Promise<tracker.ScrapeEntry[]> {
    const entries: tracker.ScrapeEntry[] = [];
    for (let from = 0; from < Math.max(1, infoHashes.length); from += SCRAPE_BATCH) {
      const url = tracker.scrapeUrl(this.url, infoHashes.slice(from, from + SCRAPE_BATCH));
      if (url === undefined)
        throw new tracker.TrackerError('refused', 'this tracker has no scrape: its path does not end in "announce"');
      const body = await this.#withDeadline(signal, (deadline) => this.#get(url, undefined, deadline));
      entries.push(...tracker.parseHttpScrape(body));
    }
    return entries;
  }

  close(): void {
    this.#closing.abort();
  }

  async #withDeadline<T>(signal: AbortSignal | undefined, work: (deadline: Deadline) => Promise<T>): Promise<T> {
    const outer = signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
    const deadline = new Deadline(this.#options.timeout ?? CLIENT_TIMEOUT, outer);
    try {
      return await work(deadline);
    } catch (error) {
      throw deadline.signal.aborted ? deadline.error() : asTrackerError(error);
    }
  }

  /** Follows redirects, over the family of `first` where that can be. */
  async #get(from: string, first: Address | undefined, deadline: Deadline): Promise<Uint8Array> {
    let url = new URL(from);
    let address = first;
    for (let redirects = 0; ; redirects++) {
      if (address === undefined) {
        const { v4, v6 } = await resolve(bare(url.hostname), this.#options, deadline.signal);
        address = first?.includes(':') === true ? (v6 ?? v4) : (v4 ?? v6);
      }
      if (address === undefined) throw new tracker.TrackerError('unreachable', `${url.hostname} has no address`);
      const answer = await this.#once(url, address, deadline.signal);
      if (answer.body !== undefined) return answer.body;
      if (redirects === MOST_REDIRECTS) {
        throw new tracker.TrackerError('unreachable', `the tracker redirects more than ${MOST_REDIRECTS} times`);
      }
      url = redirected(url, answer.location);
      address = undefined;
    }
  }

  #once(url: URL, address: Address, signal: AbortSignal): Promise<{ body: Uint8Array | undefined; location: string }> {
    const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
    return new Promise((done, reject) => {
      const call = request(
        url.href,
        {
          signal,
          agent: false,
          headers: { 'accept-encoding': 'gzip', 'user-agent': this.#options.userAgent ?? 'kith/0.1' },
          // The address was looked up and permitted before; the name stays for TLS and for virtual hosts.
          lookup: (_host, options, found) => {
            const family = address.includes(':') ? 6 : 4;
            if (options.all === true) found(null, [{ address, family }]);
            else found(null, address, family);
          },
        },
        (response) => {
          const { statusCode = 0, headers } = response;
          if (statusCode >= 300 && statusCode < 400 && headers.location !== undefined) {
            response.destroy();
            done({ body: undefined, location: headers.location });
            return;
          }
          readBody(response).then((body) => {
            // Some send their reason under an error's status: it says more than the number.
            if (statusCode === 200 || looksBencoded(body)) done({ body, location: '' });
            else
              reject(
                new tracker.TrackerError(
                  statusCode >= 500 ? 'unreachable' : 'refused',
                  `the tracker answers HTTP ${statusCode}`,
                ),
              );
          }, reject);
        },
      );
      call.on('error', reject);
      call.end();
    });
  }
}

function redirected(from: URL, location: string): URL {
  const url = URL.canParse(location, from.href) ? new URL(location, from.href) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new tracker.TrackerError('malformed', 'the tracker redirects to something that is no HTTP URL');
  }
  if (from.protocol === 'https:' && url.protocol === 'http:') {
    throw new tracker.TrackerError('forbidden', 'the tracker redirects from HTTPS to HTTP');
  }
  return url;
}

/** Bounded before and after decompression. */
async function readBody(response: IncomingMessage): Promise<Uint8Array> {
  const encoding = response.headers['content-encoding'] ?? 'identity';
  const unpack = encoding === 'gzip' ? createGunzip() : undefined;
  if (unpack === undefined && encoding !== 'identity') {
    response.destroy();
    throw new tracker.TrackerError('malformed', 'the answer is encoded in a way that was not asked for');
  }
  const source = unpack === undefined ? response : response.pipe(unpack);
  if (unpack !== undefined) response.once('error', (error) => unpack.destroy(error));
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of source) {
    if (!(chunk instanceof Buffer)) continue;
    length += chunk.length;
    if (length > tracker.ANSWER_LIMITS.bytes) {
      response.destroy();
      throw new tracker.TrackerError('malformed', `the answer is longer than ${tracker.ANSWER_LIMITS.bytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** One answer of those over several families: peers together, the rest of the first. */
function merged(results: readonly PromiseSettledResult<tracker.AnnounceAnswer>[]): tracker.AnnounceAnswer {
  const answers = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const first = answers[0];
  if (first === undefined) {
    const [failure] = results;
    throw failure?.status === 'rejected'
      ? asTrackerError(failure.reason)
      : new tracker.TrackerError('unreachable', 'no address');
  }
  const peers = new Map(answers.flatMap((answer) => answer.peers).map((peer) => [`${peer.ip} ${peer.port}`, peer]));
  return { ...first, peers: [...peers.values()] };
}

function looksBencoded(body: Uint8Array): boolean {
  return body[0] === 0x64 && body.at(-1) === 0x65;
}

function bare(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}
