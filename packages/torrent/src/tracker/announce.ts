/** What is said to a tracker and what it answers, whatever carries it (BEP 3, 7, 12, 15, 24, 48). */
import type { PeerAddress } from '../wire/duplex.ts';

export type AnnounceEvent = 'started' | 'completed' | 'stopped';

export interface AnnounceRequest {
  /** 20 bytes; of a v2 torrent the first 20 of its hash (BEP 52). */
  readonly infoHash: Uint8Array;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  /** Where this node listens for peers. */
  readonly port: number;
  /** Payload bytes since "started". */
  readonly uploaded: number;
  readonly downloaded: number;
  /** Bytes that are missing. A tracker takes 0 for a seed, so who does not know the size yet says 1 or more. */
  readonly left: number;
  readonly event?: AnnounceEvent;
  /** Peers asked for; left to the tracker when missing. */
  readonly wanted?: number;
  /** 32 bits by which a tracker knows this node again after its address changed. */
  readonly key: number;
  /** What the tracker's last answer asked to be told. */
  readonly trackerId?: Uint8Array;
}

export interface AnnounceAnswer {
  /** Seconds until the next announce. */
  readonly interval: number;
  /** Seconds before which another one is unwelcome. */
  readonly minInterval?: number;
  readonly seeds?: number;
  readonly leechers?: number;
  readonly downloaded?: number;
  readonly peers: readonly PeerAddress[];
  /** This node's address as the tracker sees it: 4 or 16 bytes (BEP 24). */
  readonly externalIp?: Uint8Array;
  readonly trackerId?: Uint8Array;
  /** For people. */
  readonly warning?: string;
}

export interface ScrapeEntry {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  readonly seeds: number;
  readonly leechers: number;
  readonly downloaded: number;
}

/**
 * Why a tracker was of no help. `malformed`: what came is no answer; `refused`: the tracker said why, in its words;
 * `unreachable`: nothing came; `forbidden`: an address that this node may not talk to; `aborted`: by this side.
 */
export type TrackerFailure = 'malformed' | 'refused' | 'unreachable' | 'forbidden' | 'aborted';

export class TrackerError extends Error {
  readonly failure: TrackerFailure;
  /** Seconds after which the tracker wants to be asked again, `never` included (BEP 31). */
  readonly retryIn: number | 'never' | undefined;

  constructor(failure: TrackerFailure, message: string, options: { cause?: unknown; retryIn?: number | 'never' } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'TrackerError';
    this.failure = failure;
    this.retryIn = options.retryIn;
  }
}

/** Text of a stranger, fit to be shown: no control characters, at most 200 of the rest. */
export function shown(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, ' ').slice(0, 200);
}
