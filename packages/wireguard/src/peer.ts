/** What a device remembers of one peer. */
import type { Crypto, SecretKey, TunnelKey } from '@kith/core';
import { compareBytes, keyBytes } from '@kith/core';
import { CookieJar } from './cookie.ts';
import type { Identity, InitiatorState } from './noise.ts';
import { NO_PRESHARED_KEY, staticStatic } from './noise.ts';
import { SessionSlots } from './sessions.ts';
import { INITIATION_INTERVAL, REKEY_ATTEMPT_TIME, REKEY_JITTER, REKEY_TIMEOUT, SilenceTimers } from './timers.ts';

/** Tries of a handshake before the time between them grows. */
const STEADY_TRIES = 3;

export interface PeerOptions {
  readonly publicKey: TunnelKey;
  readonly presharedKey?: SecretKey;
  /**
   * Ms between tries of a handshake, default {@link REKEY_TIMEOUT}; jitter of a fifteenth is added. From the fourth try
   * on a shorter time grows by half each time up to {@link REKEY_TIMEOUT}: only the answer to the last try counts, so
   * that a peer farther away than this would never be reached.
   */
  readonly retry?: number;
  /** Ms after which a handshake without answer is given up, default {@link REKEY_ATTEMPT_TIME}. */
  readonly giveUp?: number;
}

/** Our own initiation that waits for its response. */
export interface PendingHandshake {
  readonly localIndex: number;
  readonly state: InitiatorState;
  /** First try, not this one. */
  readonly startedAt: number;
  readonly retryAt: number;
  /** This one included. */
  readonly tries: number;
}

export class Peer {
  readonly handle: number;
  readonly publicKey: TunnelKey;
  readonly publicBytes: Uint8Array;
  readonly cookies: CookieJar;
  readonly sessions: SessionSlots = new SessionSlots();
  readonly silence: SilenceTimers = new SilenceTimers();
  presharedKey: Uint8Array;
  retry: number;
  giveUp: number;
  pending: PendingHandshake | null = null;
  /** Greatest timestamp accepted in an initiation of this peer. */
  stamp: Uint8Array | null;
  #stampedAt = Number.NEGATIVE_INFINITY;
  #shared: Uint8Array | null | undefined;

  constructor(crypto: Crypto, handle: number, options: PeerOptions, stamp: Uint8Array | null) {
    this.handle = handle;
    this.publicKey = options.publicKey;
    this.publicBytes = keyBytes(options.publicKey);
    this.cookies = new CookieJar(crypto, this.publicBytes);
    this.stamp = stamp;
    this.presharedKey = NO_PRESHARED_KEY;
    this.retry = REKEY_TIMEOUT;
    this.giveUp = REKEY_ATTEMPT_TIME;
    this.configure(options);
  }

  configure(options: PeerOptions): void {
    this.presharedKey = options.presharedKey?.reveal() ?? NO_PRESHARED_KEY;
    this.retry = options.retry ?? REKEY_TIMEOUT;
    this.giveUp = options.giveUp ?? REKEY_ATTEMPT_TIME;
    if (!(this.retry > 0) || !(this.giveUp > 0)) throw new RangeError('retry and giveUp are positive milliseconds');
  }

  /**
   * Ms from try number `tries` to the next one.
   * @param chance in [0, 1), for the jitter
   */
  retryAfter(tries: number, chance: number): number {
    const grown = this.retry * 1.5 ** Math.max(0, tries - STEADY_TRIES);
    const interval = Math.min(grown, Math.max(this.retry, REKEY_TIMEOUT));
    return interval * (1 + (chance * REKEY_JITTER) / REKEY_TIMEOUT);
  }

  /** The DH of both static keys, computed when first needed. Null where the peer's key has small order. */
  shared(crypto: Crypto, identity: Identity): Uint8Array | null {
    this.#shared ??= staticStatic(crypto, identity, this.publicBytes);
    return this.#shared;
  }

  /** Takes an authentic initiation's timestamp. False for replays, and for floods of a peer (white paper 5.1, 5.4.2). */
  acceptStamp(timestamp: Uint8Array, now: number): boolean {
    if (this.stamp !== null && compareBytes(timestamp, this.stamp) <= 0) return false;
    if (now - this.#stampedAt < INITIATION_INTERVAL) return false;
    this.stamp = timestamp;
    this.#stampedAt = now;
    return true;
  }

  /** When the device has to look at this peer again; null if nothing is due. */
  wakeAt(): number | null {
    const expiry = this.sessions.expiresAt();
    if (this.pending === null) return expiry;
    const due = Math.min(this.pending.retryAt, this.pending.startedAt + this.giveUp);
    return expiry === null ? due : Math.min(due, expiry);
  }
}
