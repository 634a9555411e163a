/**
 * One keypair of WireGuard: seals with a running counter, opens against a replay window (white paper, 5.4.6). Both ciphers
 * share counter and window, so that of each counter one message is sent and one is taken, whatever its type.
 */
import { readUint32LE, writeUint32LE, type Crypto } from '@kith/core';
import type { Cipher, PeerHandle, PlaneSession } from '@kith/mesh';
import {
  paddedLength,
  REJECT_AFTER_MESSAGES,
  ReplayWindow,
  TRANSPORT_HEADER_LENGTH,
  TYPE_TRANSPORT,
} from '@kith/wireguard';
import { PADDING, TYPE_AES_TRANSPORT } from './wire.ts';

const NO_AD = new Uint8Array(0);
const NONCE_COUNTER = 4;

/** What the portable plane seals and opens with. */
export type PlaneCrypto = Pick<Crypto, 'seal' | 'open' | 'sealAes' | 'openAes'>;

export type OpenResult = Uint8Array | 'replayed' | 'unauthentic';

/** Low 32 bits first; numbers are exact below {@link REJECT_AFTER_MESSAGES}. */
function writeCounter(target: Uint8Array, at: number, counter: number): void {
  writeUint32LE(target, at, counter % 2 ** 32);
  writeUint32LE(target, at + 4, Math.floor(counter / 2 ** 32));
}

function readCounter(bytes: Uint8Array, at: number): number {
  return readUint32LE(bytes, at) + readUint32LE(bytes, at + 4) * 2 ** 32;
}

/** Receiver index of a transport message at `at`. */
export function receiverIndex(bytes: Uint8Array, at: number): number {
  return readUint32LE(bytes, at + 4);
}

export class Session {
  readonly peer: PeerHandle;
  readonly localIndex: number;
  readonly expiresAt: number;
  readonly initiator: boolean;
  /** Whether an authenticated message has come in. */
  confirmed = false;
  /** Counter of the next message. */
  sendCounter = 0;
  readonly #crypto: PlaneCrypto;
  readonly #remoteIndex: number;
  readonly #sendKey: Uint8Array;
  readonly #receiveKey: Uint8Array;
  readonly #aesSendKey: Uint8Array;
  readonly #aesReceiveKey: Uint8Array;
  readonly #window: ReplayWindow = new ReplayWindow();

  constructor(crypto: PlaneCrypto, session: PlaneSession) {
    const { sendKey, receiveKey, aesSendKey, aesReceiveKey } = session;
    if ([sendKey, receiveKey, aesSendKey, aesReceiveKey].some((key) => key.length !== 32)) {
      throw new RangeError('a session key has 32 bytes');
    }
    this.#crypto = crypto;
    this.peer = session.peer;
    this.localIndex = session.localIndex;
    this.expiresAt = session.expiresAt;
    this.initiator = session.role === 'initiator';
    this.#remoteIndex = session.remoteIndex;
    this.#sendKey = Uint8Array.from(sendKey);
    this.#receiveKey = Uint8Array.from(receiveKey);
    this.#aesSendKey = Uint8Array.from(aesSendKey);
    this.#aesReceiveKey = Uint8Array.from(aesReceiveKey);
  }

  /** Whether the session may still send at `now`. */
  maySend(now: number): boolean {
    return now < this.expiresAt && this.sendCounter < REJECT_AFTER_MESSAGES;
  }

  /**
   * Seals `plaintext`, padded, into a transport message.
   *
   * @param header what stands before the message in the datagram: a relay header, or nothing
   */
  seal(cipher: Cipher, plaintext: Uint8Array, header: Uint8Array): Uint8Array {
    let padded = plaintext;
    if (plaintext.length % PADDING !== 0) {
      padded = new Uint8Array(paddedLength(plaintext.length));
      padded.set(plaintext);
    }
    const nonce = new Uint8Array(12);
    writeCounter(nonce, NONCE_COUNTER, this.sendCounter);
    const sealed =
      cipher === 'aes-256-gcm'
        ? this.#crypto.sealAes(this.#aesSendKey, nonce, padded, NO_AD)
        : this.#crypto.seal(this.#sendKey, nonce, padded, NO_AD);
    const at = header.length;
    const out = new Uint8Array(at + TRANSPORT_HEADER_LENGTH + sealed.length);
    out.set(header);
    writeUint32LE(out, at, cipher === 'aes-256-gcm' ? TYPE_AES_TRANSPORT : TYPE_TRANSPORT);
    writeUint32LE(out, at + 4, this.#remoteIndex);
    writeCounter(out, at + 8, this.sendCounter);
    out.set(sealed, at + TRANSPORT_HEADER_LENGTH);
    this.sendCounter += 1;
    return out;
  }

  /** Opens the transport message that fills `bytes` from `at`; its length and type are checked already. */
  open(bytes: Uint8Array, at: number): OpenResult {
    const counter = readCounter(bytes, at + 8);
    if (counter >= REJECT_AFTER_MESSAGES || !this.#window.isFresh(counter)) return 'replayed';
    const nonce = new Uint8Array(12);
    writeCounter(nonce, NONCE_COUNTER, counter);
    const sealed = bytes.subarray(at + TRANSPORT_HEADER_LENGTH);
    const plaintext =
      bytes[at] === TYPE_AES_TRANSPORT
        ? this.#crypto.openAes(this.#aesReceiveKey, nonce, sealed, NO_AD)
        : this.#crypto.open(this.#receiveKey, nonce, sealed, NO_AD);
    if (plaintext === null) return 'unauthentic';
    this.#window.accept(counter);
    return plaintext;
  }

  /** Overwrites the keys; the session is of no use afterwards. */
  wipe(): void {
    for (const key of [this.#sendKey, this.#receiveKey, this.#aesSendKey, this.#aesReceiveKey]) key.fill(0);
  }
}
