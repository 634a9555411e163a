/** The side of message stream encryption that was dialed: see mse.ts for what goes where. */
import { concat, readUint16BE, readUint32BE, writeUint16BE, writeUint32BE } from '@kith/core';
import { KEY_LENGTH } from './diffie-hellman.ts';
import { WireError } from './error.ts';
import { Gather } from './gather.ts';
import {
  pad,
  PAD_MOST,
  PLAIN,
  RC4,
  secretHash,
  streamCipher,
  VC_LENGTH,
  xor,
  type Ciphers,
  type Encryption,
  type MseSide,
} from './mse.ts';
import type { Rc4 } from './rc4.ts';

const HASH_LENGTH = 20;
/** Verification constant, crypto_provide and len(PadC). */
const PROVIDE_LENGTH: number = VC_LENGTH + 6;

type Stage = 'key' | 'synchronise' | 'torrent' | 'provide' | 'pad' | 'done';

export class MseResponder implements MseSide {
  ciphers: Ciphers | undefined;
  readonly #encryption: Encryption;
  readonly #findTorrent: (key: Uint8Array) => Uint8Array | undefined;
  readonly #gather: Gather = new Gather(PAD_MOST + HASH_LENGTH, KEY_LENGTH);
  #stage: Stage = 'key';
  #output: Uint8Array[] = [];
  #secret: Uint8Array = new Uint8Array(0);
  /** Where the peer's padding ends. */
  #mark: Uint8Array = new Uint8Array(0);
  #decrypt: Rc4 | undefined;
  #encrypt: Rc4 | undefined;
  #selected = 0;

  /** `findTorrent` gives the info-hash whose `torrentKey` it is called with. */
  constructor(encryption: Encryption, findTorrent: (key: Uint8Array) => Uint8Array | undefined) {
    this.#encryption = encryption;
    this.#findTorrent = findTorrent;
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
    else if (this.#stage === 'torrent') this.#chooseTorrent(bytes);
    else if (this.#stage === 'provide') this.#select(bytes);
    else if (this.#stage === 'pad') this.#finish(bytes);
  }

  #begin(theirKey: Uint8Array): void {
    const exchange = this.#encryption.diffieHellman.generate();
    this.#secret = exchange.secret(theirKey);
    this.#mark = secretHash(this.#encryption.hashes, 'req1', this.#secret);
    this.#output.push(concat(exchange.publicKey, pad(this.#encryption)));
    this.#stage = 'synchronise';
    this.#gather.next(0);
  }

  #synchronise(bytes: Uint8Array, from: number): number {
    const at = this.#gather.search(this.#mark, bytes, from);
    if (this.#gather.endsWith(this.#mark)) {
      this.#stage = 'torrent';
      this.#gather.next(HASH_LENGTH);
    }
    return at;
  }

  #chooseTorrent(hidden: Uint8Array): void {
    const { hashes } = this.#encryption;
    const infoHash = this.#findTorrent(xor(hidden, secretHash(hashes, 'req3', this.#secret)));
    if (infoHash === undefined) throw new WireError('an unknown torrent');
    this.#decrypt = streamCipher(hashes, 'keyA', this.#secret, infoHash);
    this.#encrypt = streamCipher(hashes, 'keyB', this.#secret, infoHash);
    this.#stage = 'provide';
    this.#gather.next(PROVIDE_LENGTH);
  }

  #select(bytes: Uint8Array): void {
    this.#decrypt?.apply(bytes);
    if (bytes.subarray(0, VC_LENGTH).some((byte) => byte !== 0)) throw new WireError('keys that do not match');
    const provided = readUint32BE(bytes, VC_LENGTH);
    this.#selected = this.#choose(provided);
    if (this.#selected === 0) throw new WireError(`no encryption in common, the peer offers ${provided}`);
    const padding = readUint16BE(bytes, VC_LENGTH + 4);
    if (padding > PAD_MOST) throw new WireError(`a padding of ${padding} bytes`);
    this.#stage = 'pad';
    this.#gather.next(padding + 2);
  }

  #choose(provided: number): number {
    const { policy } = this.#encryption;
    const rc4 = provided & RC4;
    const plain = policy === 'required' ? 0 : provided & PLAIN;
    return policy === 'allowed' ? plain || rc4 : rc4 || plain;
  }

  #finish(bytes: Uint8Array): void {
    if (this.#decrypt === undefined || this.#encrypt === undefined) return;
    this.#decrypt.apply(bytes);
    const initial = readUint16BE(bytes, bytes.length - 2);
    const padding = pad(this.#encryption);
    const message = new Uint8Array(VC_LENGTH + 6 + padding.length);
    writeUint32BE(message, VC_LENGTH, this.#selected);
    writeUint16BE(message, VC_LENGTH + 4, padding.length);
    this.#encrypt.apply(message);
    this.#output.push(message);
    this.#stage = 'done';
    const rc4 = this.#selected === RC4;
    this.ciphers = {
      decrypt: this.#decrypt,
      encryptedBytes: rc4 ? Infinity : initial,
      encrypt: rc4 ? this.#encrypt : undefined,
    };
  }
}
