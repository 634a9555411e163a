/**
 * The timers of WireGuard (white paper 6.1 to 6.5) and what follows from a peer's traffic. All times are monotonic ms.
 *
 * A data plane counts packets by itself, so that traffic is seen here in glances ({@link Activity}), not per packet.
 * The paper's wiping of all keys after three times reject-after-time happens early: a session's keys go when it ends,
 * a handshake's when it is answered or given up.
 */
import type { Keypair } from './sessions.ts';

/** An initiator renews a session of this age when it sends. */
export const REKEY_AFTER_TIME = 120_000;
/** A session of this age is dead. */
export const REJECT_AFTER_TIME = 180_000;
/** A handshake is given up after this long without an answer. */
export const REKEY_ATTEMPT_TIME = 90_000;
/** Time between two tries of a handshake, to which jitter is added. */
export const REKEY_TIMEOUT = 5_000;
/** Most jitter between tries: two sides that began at once drift apart. */
export const REKEY_JITTER = 333;
/** Who received data and has nothing to send says so after this long. */
export const KEEPALIVE_TIMEOUT = 10_000;
/** Initiations from one peer that follow faster than this are dropped unread. */
export const INITIATION_INTERVAL = 20;
/**
 * An initiator renews a session that has sent this many messages. The white paper's 2^60 is beyond the counters that
 * kith uses (see transport.ts); renewing earlier needs no agreement.
 */
export const REKEY_AFTER_MESSAGES: number = 2 ** 52;

/** What the data plane counted for a peer. Times are monotonic ms, 0 for never. */
export interface Activity {
  /** Last message sent that carried an IP packet. */
  readonly lastDataSent: number;
  /** Last authentic message received that carried an IP packet. */
  readonly lastDataReceived: number;
  /** Last authentic message of any kind received. */
  readonly lastReceived: number;
  /** Last message of any kind sent under a session. */
  readonly lastSent: number;
  /** Send counter of the session that sends now. */
  readonly currentSendCounter: number;
  /** Local index of that session, 0 for none. */
  readonly currentIndex: number;
}

/**
 * Whether traffic asks for a new session (white paper 6.2). Only the initiator of a session renews it, or both would at
 * once. A responder steps in shortly before the end: where two handshakes crossed, each side may use the session in
 * which it was the responder.
 * @param lateness spreads the responders' renewals, ms below {@link REKEY_TIMEOUT}
 */
export function needsRenewal(session: Keypair, activity: Activity, lateness: number): boolean {
  const late = REJECT_AFTER_TIME - KEEPALIVE_TIMEOUT - REKEY_TIMEOUT;
  const sentAtAge = activity.lastSent - session.createdAt;
  if (session.role === 'responder') return sentAtAge >= late + lateness;
  if (activity.currentIndex === session.localIndex && activity.currentSendCounter >= REKEY_AFTER_MESSAGES) return true;
  return sentAtAge >= REKEY_AFTER_TIME || activity.lastReceived - session.createdAt >= late;
}

/** Silence on either side of a peer: who has not answered whom, and since when. */
export class SilenceTimers {
  #unansweredSince: number | null = null;
  #unansweredSent = 0;
  #unheardSince: number | null = null;
  #unheardReceived = 0;
  #handshakeAt = 0;

  /**
   * @returns `keepAlive`: we received data and sent nothing for {@link KEEPALIVE_TIMEOUT} (white paper 6.5), until
   * something was sent; `handshake`: we sent data and heard nothing for {@link KEEPALIVE_TIMEOUT} +
   * {@link REKEY_TIMEOUT} (6.4), once until more data was sent
   */
  handle(activity: Activity, now: number): { readonly keepAlive: boolean; readonly handshake: boolean } {
    // Each mark is the first packet seen after the other side's last one; later packets must not put it off.
    if (this.#unansweredSince === null || activity.lastSent !== this.#unansweredSent) {
      const unanswered = activity.lastDataReceived > 0 && activity.lastDataReceived >= activity.lastSent;
      this.#unansweredSince = unanswered ? activity.lastDataReceived : null;
      this.#unansweredSent = activity.lastSent;
    }
    if (this.#unheardSince === null || activity.lastReceived !== this.#unheardReceived) {
      const unheard = activity.lastDataSent > Math.max(activity.lastReceived, this.#handshakeAt);
      this.#unheardSince = unheard ? activity.lastDataSent : null;
      this.#unheardReceived = activity.lastReceived;
    }
    const keepAlive = this.#unansweredSince !== null && now - this.#unansweredSince >= KEEPALIVE_TIMEOUT;
    const handshake = this.#unheardSince !== null && now - this.#unheardSince >= KEEPALIVE_TIMEOUT + REKEY_TIMEOUT;
    if (handshake) {
      this.#handshakeAt = now;
      this.#unheardSince = null;
    }
    return { keepAlive, handshake };
  }
}
