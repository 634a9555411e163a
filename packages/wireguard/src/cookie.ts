/**
 * MACs and cookies against floods (white paper 5.3, 5.4.4, 5.4.7). mac1 proves that the sender knows the receiver's
 * public key; mac2, asked for only under load, that it receives at the address it sends from.
 *
 *   message 1 or 2: ... mac1(16) mac2(16)       mac1 covers all before it, mac2 all before it including mac1
 *   cookie = MAC(secret of two minutes, source of the message)
 */
import type { Crypto } from '@kith/core';
import { concat, equalBytes, utf8 } from '@kith/core';
import type { CookieReply } from './messages.ts';
import { MAC_LENGTH, encodeCookieReply } from './messages.ts';

/** Cookies and the secret behind them live this long, ms (white paper 5.4.7). */
export const COOKIE_LIFETIME = 120_000;

const LABEL_MAC1: Uint8Array = utf8('mac1----');
const LABEL_COOKIE: Uint8Array = utf8('cookie--');

/** The receiver's half: checks MACs of messages to this static key and gives out cookies. */
export class CookieChecker {
  readonly #crypto: Crypto;
  readonly #mac1Key: Uint8Array;
  readonly #cookieKey: Uint8Array;
  #secret: Uint8Array | null = null;
  #secretSince = 0;

  constructor(crypto: Crypto, publicKey: Uint8Array) {
    this.#crypto = crypto;
    this.#mac1Key = crypto.blake2s(concat(LABEL_MAC1, publicKey));
    this.#cookieKey = crypto.blake2s(concat(LABEL_COOKIE, publicKey));
  }

  /** @param message a whole message 1 or 2 */
  hasMac1(message: Uint8Array): boolean {
    const at = message.length - 2 * MAC_LENGTH;
    const mac1 = this.#crypto.blake2sMac(this.#mac1Key, message.subarray(0, at));
    return equalBytes(mac1, message.subarray(at, at + MAC_LENGTH));
  }

  /** @param source what the cookie is bound to: the sender's address as bytes */
  hasMac2(message: Uint8Array, source: Uint8Array, now: number): boolean {
    if (this.#secret === null || now - this.#secretSince >= COOKIE_LIFETIME) return false;
    const at = message.length - MAC_LENGTH;
    const cookie = this.#crypto.blake2sMac(this.#secret, source);
    return equalBytes(this.#crypto.blake2sMac(cookie, message.subarray(0, at)), message.subarray(at));
  }

  /**
   * The cookie reply to a message 1 or 2 that had a good mac1.
   * @param receiver the message's own sender index
   */
  reply(message: Uint8Array, receiver: number, source: Uint8Array, now: number): Uint8Array {
    if (this.#secret === null || now - this.#secretSince >= COOKIE_LIFETIME) {
      this.#secret = this.#crypto.random(32);
      this.#secretSince = now;
    }
    const cookie = this.#crypto.blake2sMac(this.#secret, source);
    const at = message.length - 2 * MAC_LENGTH;
    const nonce = this.#crypto.random(24);
    const encryptedCookie = this.#crypto.xseal(this.#cookieKey, nonce, cookie, message.subarray(at, at + MAC_LENGTH));
    return encodeCookieReply({ receiver, nonce, encryptedCookie });
  }
}

/** The sender's half, one per peer: stamps MACs and keeps the cookie that the peer gave. */
export class CookieJar {
  readonly #crypto: Crypto;
  readonly #mac1Key: Uint8Array;
  readonly #cookieKey: Uint8Array;
  #lastMac1: Uint8Array | null = null;
  #cookie: Uint8Array | null = null;
  #cookieSince = 0;

  constructor(crypto: Crypto, remoteStatic: Uint8Array) {
    this.#crypto = crypto;
    this.#mac1Key = crypto.blake2s(concat(LABEL_MAC1, remoteStatic));
    this.#cookieKey = crypto.blake2s(concat(LABEL_COOKIE, remoteStatic));
  }

  /** Writes mac1 and mac2 (zeros without a cookie) into a whole message 1 or 2. */
  stamp(message: Uint8Array, now: number): void {
    const at = message.length - 2 * MAC_LENGTH;
    const mac1 = this.#crypto.blake2sMac(this.#mac1Key, message.subarray(0, at));
    message.set(mac1, at);
    this.#lastMac1 = mac1;
    const cookie = this.#cookie !== null && now - this.#cookieSince < COOKIE_LIFETIME ? this.#cookie : null;
    if (cookie === null) message.fill(0, at + MAC_LENGTH);
    else message.set(this.#crypto.blake2sMac(cookie, message.subarray(0, at + MAC_LENGTH)), at + MAC_LENGTH);
  }

  /** False where the reply is not authentic or not about the message stamped last. */
  accept(reply: CookieReply, now: number): boolean {
    if (this.#lastMac1 === null) return false;
    const cookie = this.#crypto.xopen(this.#cookieKey, reply.nonce, reply.encryptedCookie, this.#lastMac1);
    if (cookie === null) return false;
    this.#cookie = cookie;
    this.#cookieSince = now;
    // One message, one cookie: a replayed reply must not turn an old cookie young.
    this.#lastMac1 = null;
    return true;
  }
}
