/** One keypair of WireGuard: seals with a running counter, opens against a replay window (white paper, 5.4.6). */
import { readUint32LE, writeUint32LE, type Crypto } from '@kith/core';
import type { PeerHandle, PlaneSession } from '@kith/mesh';
import {
  paddedLength,
  REJECT_AFTER_MESSAGES,
  ReplayWindow,
  TRANSPORT_HEADER_LENGTH,
  TYPE_TRANSPORT,
} from '@kith/wireguard';
import { PADDING } from './wire.ts';

const NO_AD = new Uint8Array(0);
const NONCE_COUNTER = 4;

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
  readonly #crypto: Pick<Crypto, 'seal' | 'open'>;
  readonly #remoteIndex: number;
  readonly #sendKey: Uint8Array;
  readonly #receiveKey: Uint8Array;
  readonly #window: ReplayWindow = new ReplayWindow();

  constructor(crypto: Pick<Crypto, 'seal' | 'open'>, session: PlaneSession) {
    if (session.sendKey.length !== 32 || session.receiveKey.length !== 32) {
      throw new RangeError('a session key has 32 bytes');
    }
    this.#crypto = crypto;
    this.peer = session.peer;
    this.localIndex = session.localIndex;
    this.expiresAt = session.expiresAt;
    this.initiator = session.role === 'initiator';
    this.#remoteIndex = session.remoteIndex;
    this.#sendKey = Uint8Array.from(session.sendKey);
    this.#receiveKey = Uint8Array.from(session.receiveKey);
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
  seal(plaintext: Uint8Array, header: Uint8Array): Uint8Array {
    let padded = plaintext;
    if (plaintext.length % PADDING !== 0) {
      padded = new Uint8Array(paddedLength(plaintext.length));
      padded.set(plaintext);
    }
    const nonce = new Uint8Array(12);
    writeCounter(nonce, NONCE_COUNTER, this.sendCounter);
    const sealed = this.#crypto.seal(this.#sendKey, nonce, padded, NO_AD);
    const at = header.length;
    const out = new Uint8Array(at + TRANSPORT_HEADER_LENGTH + sealed.length);
    out.set(header);
    writeUint32LE(out, at, TYPE_TRANSPORT);
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
    const plaintext = this.#crypto.open(this.#receiveKey, nonce, bytes.subarray(at + TRANSPORT_HEADER_LENGTH), NO_AD);
    if (plaintext === null) return 'unauthentic';
    this.#window.accept(counter);
    return plaintext;
  }

  /** Overwrites the keys; the session is of no use afterwards. */
  wipe(): void {
    this.#sendKey.fill(0);
    this.#receiveKey.fill(0);
  }
}
