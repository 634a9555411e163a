/**
 * Diffie-Hellman of message stream encryption: generator 2, a prime of 768 bits, secrets of 160 bits. It hides what is
 * said from those who look at patterns; it proves nobody's identity and resists no attacker who puts effort in.
 */
import { WireError } from './error.ts';

/** Bytes of a public key, of the prime and of the shared secret. */
export const KEY_LENGTH = 96;
/** Bytes of a secret (the specification asks for 160 bits, more bring nothing). */
export const SECRET_LENGTH = 20;

export const PRIME_HEX: string =
  'ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404dd' +
  'ef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a63a36210000000000090563';

export interface KeyExchange {
  /** 96 bytes, big endian. */
  readonly publicKey: Uint8Array;
  /**
   * 96 bytes, big endian.
   * @throws WireError where `other` is no public key
   */
  secret(other: Uint8Array): Uint8Array;
}

export interface DiffieHellman {
  generate(): KeyExchange;
}

const PRIME = BigInt(`0x${PRIME_HEX}`);

/** With nothing but BigInt; Node brings a faster one. `random` gives fresh bytes. */
export function portableDiffieHellman(random: (length: number) => Uint8Array): DiffieHellman {
  return {
    generate(): KeyExchange {
      const own = toNumber(random(SECRET_LENGTH));
      return {
        publicKey: toBytes(power(2n, own)),
        secret(other: Uint8Array): Uint8Array {
          const key = toNumber(other);
          if (other.length !== KEY_LENGTH || key < 2n || key > PRIME - 2n) throw new WireError('no public key');
          return toBytes(power(key, own));
        },
      };
    },
  };
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = base;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * square) % PRIME;
    square = (square * square) % PRIME;
  }
  return result;
}

function toNumber(bytes: Uint8Array): bigint {
  let hex = '0x0';
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0');
  return BigInt(hex);
}

function toBytes(value: bigint): Uint8Array {
  const hex = value.toString(16).padStart(2 * KEY_LENGTH, '0');
  return Uint8Array.from({ length: KEY_LENGTH }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));
}
