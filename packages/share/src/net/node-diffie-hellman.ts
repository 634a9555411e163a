/** Diffie-Hellman of message stream encryption by OpenSSL: ten times faster than the portable one, and its twin. */
import { createDiffieHellman, randomBytes } from 'node:crypto';
import { KEY_LENGTH, PRIME_HEX, SECRET_LENGTH, WireError, type DiffieHellman, type KeyExchange } from '@kith/torrent';

/** `random` replaces the system's generator in tests. */
export function nodeDiffieHellman(random: (length: number) => Uint8Array = randomBytes): DiffieHellman {
  // Checking the prime takes milliseconds, so that one group serves all: each use sets its secret first.
  const group = createDiffieHellman(PRIME_HEX, 'hex', 2);
  return {
    generate(): KeyExchange {
      const own = random(SECRET_LENGTH);
      group.setPrivateKey(own);
      return {
        publicKey: padded(group.generateKeys()),
        secret(other: Uint8Array): Uint8Array {
          group.setPrivateKey(own);
          try {
            return padded(group.computeSecret(other));
          } catch {
            throw new WireError('no public key');
          }
        },
      };
    },
  };
}

function padded(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(KEY_LENGTH);
  out.set(bytes, KEY_LENGTH - bytes.length);
  return out;
}
