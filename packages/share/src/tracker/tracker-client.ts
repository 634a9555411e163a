/** What the three kinds of tracker clients have in common. */
import { type Address, type AddressScope, codeOf, KithError, scopeOf } from '@kith/core';
import { tracker } from '@kith/torrent';

export interface TrackerClient {
  readonly url: string;
  /** Rejects with `TrackerError` only. */
  announce(request: tracker.AnnounceRequest, signal?: AbortSignal): Promise<tracker.AnnounceAnswer>;
  /** In any order, without those that the tracker does not know. Rejects with `TrackerError` only. */
  scrape(infoHashes: readonly Uint8Array[], signal?: AbortSignal): Promise<tracker.ScrapeEntry[]>;
  /** Lets connections go. Idempotent; what is under way rejects as `aborted`. */
  close(): void;
}

export interface TrackerClientOptions {
  /**
   * Which addresses may be talked to; asked after names were looked up and for every redirect. Default: all that a packet can
   * be sent to. A node that shares inside its mesh only passes one that knows the mesh's prefixes.
   */
  readonly permits?: (address: Address, scope: AddressScope) => boolean;
  /** Ms for an answer. Default 30,000 over HTTP and WebSockets; over UDP the longest of its retries decides. */
  readonly timeout?: number;
  readonly userAgent?: string;
}

export const CLIENT_TIMEOUT = 30_000;

/**
 * A signal that fires when `signal` does or after `ms`, and the error to reject with then.
 */
export class Deadline {
  readonly signal: AbortSignal;
  readonly #outer: AbortSignal | undefined;
  readonly #ms: number;

  constructor(ms: number, outer: AbortSignal | undefined) {
    this.#ms = ms;
    this.#outer = outer;
    const timer = AbortSignal.timeout(ms);
    this.signal = outer === undefined ? timer : AbortSignal.any([timer, outer]);
  }

  error(): tracker.TrackerError {
    if (this.#outer?.aborted === true) return new tracker.TrackerError('aborted', 'given up by this side');
    return new tracker.TrackerError('unreachable', `no answer within ${this.#ms / 1000} s`);
  }
}

/** @throws TrackerError `forbidden` */
export function assertPermitted(address: Address, options: TrackerClientOptions): void {
  const scope = scopeOf(address);
  if (scope === 'unusable' || options.permits?.(address, scope) === false) {
    throw new tracker.TrackerError('forbidden', `${address} is an address that this node does not talk to`);
  }
}

/** @throws KithError `TRACKER_URL_INVALID` unless the URL has one of the schemes and a host */
export function trackerUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isKnown = url !== undefined && ['http:', 'https:', 'udp:', 'ws:', 'wss:'].includes(url.protocol);
  if (!isKnown || url.hostname === '') {
    throw new KithError('TRACKER_URL_INVALID', `${JSON.stringify(text)} is no URL of a tracker`);
  }
  if (url.protocol === 'udp:' && url.port === '') {
    throw new KithError(
      'TRACKER_URL_INVALID',
      `${JSON.stringify(text)} has no port: trackers over UDP have no usual one`,
    );
  }
  return url;
}

/** Any error as the one kind that clients reject with. */
export function asTrackerError(error: unknown): tracker.TrackerError {
  if (error instanceof tracker.TrackerError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new tracker.TrackerError('unreachable', tracker.shown(REASONS[codeOf(error)] ?? message), { cause: error });
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused: nobody listens there',
  ECONNRESET: 'the connection was reset',
  ENOTFOUND: 'the name of the tracker is unknown',
  EAI_AGAIN: 'the name of the tracker cannot be looked up now',
  EHOSTUNREACH: 'no route to the tracker',
  ENETUNREACH: 'no route to the tracker',
  ETIMEDOUT: 'the tracker does not answer',
};
