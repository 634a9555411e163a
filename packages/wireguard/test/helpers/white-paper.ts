/**
 * The handshake of the white paper, section 5.4, written down once more, line by line and on OpenSSL's primitives: an
 * oracle that shares nothing with the implementation under test.
 */
import {
  createCipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
} from 'node:crypto';

const hash = (...parts: Uint8Array[]) => {
  const h = createHash('blake2s256');
  for (const part of parts) h.update(part);
  return h.digest();
};
const hmac = (key: Uint8Array, ...parts: Uint8Array[]) => {
  const h = createHmac('blake2s256', key);
  for (const part of parts) h.update(part);
  return h.digest();
};
const kdf = (key: Uint8Array, input: Uint8Array): [Buffer, Buffer, Buffer] => {
  const t0 = hmac(key, input);
  const t1 = hmac(t0, Buffer.of(1));
  const t2 = hmac(t0, t1, Buffer.of(2));
  return [t1, t2, hmac(t0, t2, Buffer.of(3))];
};
/** RFC 5869 with the chaining key as its salt and nothing as its input. */
const hkdf = (salt: Uint8Array, info: string): Buffer =>
  Buffer.from(hkdfSync('blake2s256', Buffer.alloc(0), salt, info, 32));
const aead = (key: Uint8Array, plain: Uint8Array, ad: Uint8Array, nonce: Uint8Array = Buffer.alloc(12)) => {
  const c = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
  c.setAAD(ad, { plaintextLength: plain.length });
  return Buffer.concat([c.update(plain), c.final(), c.getAuthTag()]);
};
const privateKey = (raw: Uint8Array) =>
  createPrivateKey({
    key: Buffer.concat([Buffer.from('302e020100300506032b656e04220420', 'hex'), raw]),
    format: 'der',
    type: 'pkcs8',
  });
const publicKey = (raw: Uint8Array) =>
  createPublicKey({
    key: Buffer.concat([Buffer.from('302a300506032b656e032100', 'hex'), raw]),
    format: 'der',
    type: 'spki',
  });
const dh = (secret: Uint8Array, pub: Uint8Array) =>
  diffieHellman({ privateKey: privateKey(secret), publicKey: publicKey(pub) });
const publicOf = (secret: Uint8Array): Buffer =>
  createPublicKey(privateKey(secret)).export({ format: 'der', type: 'spki' }).subarray(12);

export interface TranscriptInput {
  readonly initiator: Uint8Array;
  readonly responder: Uint8Array;
  readonly initiatorEphemeral: Uint8Array;
  readonly responderEphemeral: Uint8Array;
  readonly presharedKey: Uint8Array;
  readonly timestamp: Uint8Array;
}

/** Bodies of messages 1 and 2 (between indices and MACs), both transport keys, and kith's two besides. */
export function transcript(input: TranscriptInput): {
  initiation: Buffer;
  response: Buffer;
  initiatorSends: Buffer;
  aesInitiatorSends: Buffer;
  aesResponderSends: Buffer;
  responderSends: Buffer;
} {
  const initiatorStatic = publicOf(input.initiator);
  const responderStatic = publicOf(input.responder);
  const initiatorEphemeral = publicOf(input.initiatorEphemeral);
  const responderEphemeral = publicOf(input.responderEphemeral);
  let c: Buffer = hash(Buffer.from('Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s'));
  let h: Buffer = hash(c, Buffer.from('WireGuard v1 zx2c4 Jason@zx2c4.com'));
  let k: Buffer;
  h = hash(h, responderStatic);
  [c] = kdf(c, initiatorEphemeral);
  h = hash(h, initiatorEphemeral);
  [c, k] = kdf(c, dh(input.initiatorEphemeral, responderStatic));
  const sealedStatic = aead(k, initiatorStatic, h);
  h = hash(h, sealedStatic);
  [c, k] = kdf(c, dh(input.initiator, responderStatic));
  const sealedTimestamp = aead(k, input.timestamp, h);
  h = hash(h, sealedTimestamp);
  [c] = kdf(c, responderEphemeral);
  h = hash(h, responderEphemeral);
  [c] = kdf(c, dh(input.responderEphemeral, initiatorEphemeral));
  [c] = kdf(c, dh(input.responderEphemeral, initiatorStatic));
  const [afterPsk, tau, key] = kdf(c, input.presharedKey);
  h = hash(h, tau);
  const sealedNothing = aead(key, Buffer.alloc(0), h);
  const [initiatorSends, responderSends] = kdf(afterPsk, Buffer.alloc(0));
  return {
    initiation: Buffer.concat([initiatorEphemeral, sealedStatic, sealedTimestamp]),
    response: Buffer.concat([responderEphemeral, sealedNothing]),
    initiatorSends,
    responderSends,
    aesInitiatorSends: hkdf(afterPsk, 'kith AES-256-GCM, sent by the initiator'),
    aesResponderSends: hkdf(afterPsk, 'kith AES-256-GCM, sent by the responder'),
  };
}

/** A transport message of section 5.4.6. */
export function transport(key: Uint8Array, receiver: number, counter: bigint, packet: Uint8Array): Buffer {
  const header = Buffer.alloc(16);
  header[0] = 4;
  header.writeUInt32LE(receiver, 4);
  header.writeBigUInt64LE(counter, 8);
  const padded = Buffer.concat([packet, Buffer.alloc((16 - (packet.length % 16)) % 16)]);
  const nonce = Buffer.concat([Buffer.alloc(4), header.subarray(8)]);
  return Buffer.concat([header, aead(key, padded, Buffer.alloc(0), nonce)]);
}
