/** The side of message stream encryption that dialed: see mse.ts for what goes where. */
import { concat, readUint16BE, readUint32BE, writeUint16BE, writeUint32BE } from '@kith/core';
import { KEY_LENGTH, type KeyExchange } from './diffie-hellman.ts';
import { WireError } from './error.ts';
import { Gather } from './gather.ts';
import { PROTOCOL } from './handshake.ts';
import {
  pad,
  PAD_MOST,
  PLAIN,
  RC4,
  secretHash,
  streamCipher,
  torrentKey,
  VC_LENGTH,
  xor,
  type Ciphers,
  type Encryption,
  type MseSide,
} from './mse.ts';
import type { Rc4 } from './rc4.ts';

/** crypto_select and len(PadD). */
const SELECT_LENGTH = 6;

type Stage = 'key' | 'synchronise' | 'select' | 'pad' | 'done';

export class MseInitiator implements MseSide {
  ciphers: Ciphers | undefined;
  readonly #encryption: Encryption;
  readonly #infoHash: Uint8Array;
  readonly #initial: Uint8Array;
  readonly #provide: number;
  readonly #exchange: KeyExchange;
  readonly #gather: Gather = new Gather(PAD_MOST + VC_LENGTH, KEY_LENGTH);
  #stage: Stage = 'key';
  #output: Uint8Array[];
  #encrypt: Rc4 | undefined;
  #decrypt: Rc4 | undefined;
  /** What eight zero bytes look like when the peer encrypts them. */
  #verification: Uint8Array = new Uint8Array(VC_LENGTH);
  #selected = 0;

  /** `initial` begins the stream: the BitTorrent handshake. */
  constructor(encryption: Encryption, infoHash: Uint8Array, initial: Uint8Array) {
    this.#encryption = encryption;
    this.#infoHash = infoHash;
    this.#initial = initial;
    this.#provide = encryption.policy === 'required' ? RC4 : RC4 | PLAIN;
    this.#exchange = unlikePlain(encryption);
    this.#output = [concat(this.#exchange.publicKey, pad(encryption))];
  }

  takeOutput(): readonly Uint8Array[] {
    const output = this.#output;
    this.#output = [];
    return output;
  }

  push(bytes: Uint8Array, from: number): number {
    let at = from;
    while (at < bytes.length && this.#stage !== 'done') {
      at = this.#stage === 'synchronise' ? this.#synchronise(bytes, at) : this.#gather.fill(bytes, at);
      if (this.#stage !== 'synchronise' && this.#gather.whole) this.#advance();
    }
    return at;
  }

  #advance(): void {
    const { bytes } = this.#gather;
    if (this.#stage === 'key') this.#begin(bytes);
    else if (this.#stage === 'select') this.#select(bytes);
    else if (this.#stage === 'pad') {
      this.#decrypt?.apply(bytes);
      this.#finish();
    }
  }

  #begin(theirKey: Uint8Array): void {
    const { hashes } = this.#encryption;
    const secret = this.#exchange.secret(theirKey);
    const decrypt = streamCipher(hashes, 'keyB', secret, this.#infoHash);
    decrypt.apply(this.#verification);
    this.#decrypt = decrypt;
    const encrypt = streamCipher(hashes, 'keyA', secret, this.#infoHash);
    this.#encrypt = encrypt;

    const padding = pad(this.#encryption);
    const message = new Uint8Array(VC_LENGTH + SELECT_LENGTH + padding.length + 2 + this.#initial.length);
    writeUint32BE(message, VC_LENGTH, this.#provide);
    writeUint16BE(message, VC_LENGTH + 4, padding.length);
    const behind = VC_LENGTH + SELECT_LENGTH + padding.length;
    writeUint16BE(message, behind, this.#initial.length);
    message.set(this.#initial, behind + 2);
    encrypt.apply(message);
    this.#output.push(
      concat(
        secretHash(hashes, 'req1', secret),
        xor(torrentKey(hashes, this.#infoHash), secretHash(hashes, 'req3', secret)),
        message,
      ),
    );
    this.#stage = 'synchronise';
    this.#gather.next(0);
  }

  /** PadB says nowhere how long it is: the peer's stream begins where the verification constant is. */
  #synchronise(bytes: Uint8Array, from: number): number {
    const at = this.#gather.search(this.#verification, bytes, from);
    if (this.#gather.endsWith(this.#verification)) {
      this.#stage = 'select';
      this.#gather.next(SELECT_LENGTH);
    }
    return at;
  }

  #select(bytes: Uint8Array): void {
    this.#decrypt?.apply(bytes);
    this.#selected = readUint32BE(bytes, 0);
    if ((this.#selected !== PLAIN && this.#selected !== RC4) || (this.#selected & this.#provide) === 0) {
      throw new WireError(`encryption ${this.#selected} was not offered`);
    }
    const padding = readUint16BE(bytes, 4);
    if (padding > PAD_MOST) throw new WireError(`a padding of ${padding} bytes`);
    this.#stage = 'pad';
    this.#gather.next(padding);
    if (padding === 0) this.#finish();
  }

  #finish(): void {
    this.#stage = 'done';
    if (this.#decrypt === undefined) return;
    const rc4 = this.#selected === RC4;
    this.ciphers = {
      decrypt: this.#decrypt,
      encryptedBytes: rc4 ? Infinity : 0,
      encrypt: rc4 ? this.#encrypt : undefined,
    };
  }
}

/** Transmission takes whoever begins with the first byte of a plain handshake for plain: 1 of 256 keys does. */
function unlikePlain({ diffieHellman }: Encryption): KeyExchange {
  for (;;) {
    const exchange = diffieHellman.generate();
    if (exchange.publicKey[0] !== PROTOCOL[0]) return exchange;
  }
}
