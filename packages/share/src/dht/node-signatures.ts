import { createPublicKey, verify } from 'node:crypto';
import type { Crypto } from '@kith/core';

/** DER in front of the 32 bytes of an Ed25519 key (RFC 8410). */
const PUBLIC_KEY = Buffer.from('302a300506032b6570032100', 'hex');

/** Ed25519 by OpenSSL: what a node of the DHT checks before it stores a value. */
export const nodeSignatures: Pick<Crypto, 'ed25519Verify'> = {
  ed25519Verify(publicKey, message, signature) {
    if (publicKey.length !== 32 || signature.length !== 64) return false;
    try {
      const der = Buffer.concat([PUBLIC_KEY, publicKey]);
      return verify(null, message, createPublicKey({ key: der, format: 'der', type: 'spki' }), signature);
    } catch {
      return false;
    }
  },
};
