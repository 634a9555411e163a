/**
 * Whether the other side of a DTLS handshake has the key of the certificate that it showed, and said what was heard. Werift
 * takes both on trust: it looks at no signature and at no Finished, so that anybody could show the certificate of another.
 *
 *     a message, RFC 6347, section 4.2.2          ServerKeyExchange, RFC 8422, section 5.4
 *      0  u8   type                                0  u8   3: a named curve
 *      1  u24  length of the body                  1  u16  which
 *      4  u16  number                              3  u8   length of the public key, which follows
 *      6  u24  0                                           u8 hash, u8 signature, u16 length, signature
 *      9  u24  length of the body                 CertificateVerify, RFC 5246, section 7.4.8
 *     12       body                                0  u8 hash, u8 signature, u16 length, signature
 */
import { createHash, createHmac, timingSafeEqual, verify, X509Certificate } from 'node:crypto';

const TYPE = { hello: 1, verifyRequest: 3, keyExchange: 12, certificateVerify: 15, finished: 20 } as const;
/** Types of the messages that are signed, in their order, without the questions before the handshake. */
const ORDER = {
  server: /^1 2 11 12 13 14 11 16 15 20\b/,
  client: /^1 2 11 12 (?:13 )?14 (?:11 )?16 (?:15 )?20\b/,
};
const HEAD = 12;
/** Of a message: a chain of certificates is the longest. What was heard is kept until the end. */
const MOST_BYTES = 16_384;
const RANDOM = { from: HEAD + 2, to: HEAD + 34 };
/** Of RFC 5246, section 7.4.1.4.1; older ones are not offered. */
const HASHES: ReadonlyMap<number, string> = new Map([
  [4, 'sha256'],
  [5, 'sha384'],
  [6, 'sha512'],
]);
const KEYS: ReadonlyMap<number, string> = new Map([
  [1, 'rsa'],
  [3, 'ec'],
]);
const VERIFY_DATA = 12;
/** Of a ServerKeyExchange, up to its public key. */
const KEY_HEAD = 4;

export interface HandshakeMessage {
  readonly msg_type: number;
  readonly message_seq: number;
  serialize(): Buffer;
}

/** What is known once werift says that it is connected. */
export interface Handshake {
  /** Ours. */
  readonly role: 'client' | 'server';
  /** What both sides said, in its order; without the other side's Finished where that is the last of all. */
  readonly messages: readonly HandshakeMessage[];
  /** DER. */
  readonly certificate: Buffer;
  readonly masterSecret: Buffer;
}

/** What the other side says in a handshake, which it may repeat and not change. */
export class HandshakeRecord {
  readonly #heard = new Map<string, Buffer>();

  /** @throws Error where it says something else than before, or too much */
  note(message: HandshakeMessage): void {
    const { msg_type: type, message_seq: number } = message;
    if (type === TYPE.verifyRequest) return;
    const bytes = message.serialize();
    if (bytes.length > MOST_BYTES) throw new Error(`handshake message ${type} has ${bytes.length} bytes`);
    // The first hello is asked for a cookie, and the second one has it.
    const key = type === TYPE.hello ? `${type} ${number}` : String(type);
    const before = this.#heard.get(key);
    if (before === undefined ? type === TYPE.hello && number > 1 : !before.equals(bytes))
      throw new Error(`handshake message ${type} came twice, and different`);
    this.#heard.set(key, bytes);
  }

  /** @throws Error with the reason, where it proved nothing */
  verify({ role, messages, certificate, masterSecret }: Handshake): void {
    const order = messages.map((message) => message.msg_type);
    if (!ORDER[role].test(order.join(' '))) throw new Error(`the handshake has the messages ${order.join()}`);
    const said = messages.map((message) => message.serialize());
    const before = (type: number): Buffer => Buffer.concat(said.slice(0, order.indexOf(type)));
    const finished = this.#body(TYPE.finished);
    if (role === 'server') {
      checkSignature(certificate, this.#body(TYPE.certificateVerify), before(TYPE.certificateVerify));
      checkFinished(finished, masterSecret, 'client finished', before(TYPE.finished));
      return;
    }
    const exchange = this.#body(TYPE.keyExchange);
    const end = KEY_HEAD + (exchange[KEY_HEAD - 1] ?? 0);
    const randoms = said.slice(0, 2).map((hello) => hello.subarray(RANDOM.from, RANDOM.to));
    checkSignature(certificate, exchange.subarray(end), Buffer.concat([...randoms, exchange.subarray(0, end)]));
    checkFinished(finished, masterSecret, 'server finished', Buffer.concat(said));
  }

  #body(type: number): Buffer {
    const message = this.#heard.get(String(type));
    if (message === undefined) throw new Error(`handshake message ${type} is missing`);
    return message.subarray(HEAD);
  }
}

/** @param signature with its algorithm in front */
function checkSignature(certificate: Buffer, signature: Buffer, signed: Buffer): void {
  const [hash, kind] = [HASHES.get(signature[0] ?? 0), KEYS.get(signature[1] ?? 0)];
  const { publicKey } = new X509Certificate(certificate);
  if (hash === undefined || publicKey.asymmetricKeyType !== kind)
    throw new Error(`signed by algorithm ${signature.subarray(0, 2).toString('hex')}`);
  const whole = signature.length >= 4 && signature.length === 4 + signature.readUInt16BE(2);
  if (!whole || !verify(hash, signed, publicKey, signature.subarray(4)))
    throw new Error('it has not the key of the certificate that it shows');
}

function checkFinished(finished: Buffer, masterSecret: Buffer, label: string, messages: Buffer): void {
  const expected = verifyData(masterSecret, label, createHash('sha256').update(messages).digest());
  if (finished.length !== VERIFY_DATA || !timingSafeEqual(finished, expected))
    throw new Error('it heard another handshake than this side');
}

/** As RFC 5246, sections 5 and 7.4.9, have it for the cipher suites that there are here. */
function verifyData(masterSecret: Buffer, label: string, hash: Buffer): Buffer {
  const hmac = (data: Buffer): Buffer => createHmac('sha256', masterSecret).update(data).digest();
  const seed = Buffer.concat([Buffer.from(label), hash]);
  return hmac(Buffer.concat([hmac(seed), seed])).subarray(0, VERIFY_DATA);
}
