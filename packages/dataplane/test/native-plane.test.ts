/** The native plane against the contract, and against the portable one. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PortablePlane } from '@kith/dataplane/portable';
import { requireNative } from '../src/native.ts';
import { NativePlane } from '../src/native-plane.ts';
import { nodeCrypto } from '../src/node-crypto.ts';
import { missing } from './addon.ts';
import { conformance } from './conformance.ts';
import { differential } from './differential.ts';
import { oracle, peerSpec, Rig, type MakePlane } from './rig.ts';

const stepped: MakePlane = (init) => new NativePlane({ native: requireNative(), ...init });
const portable: MakePlane = (init) => new PortablePlane({ crypto: nodeCrypto(), ...init });

conformance('native', stepped, missing);

/** Seals, or opens: null where the bytes are not authentic. */
type NativeCipher = (key: Uint8Array, counter: number, bytes: Uint8Array, open: boolean) => Uint8Array | null;

const CIPHERS: readonly (readonly [name: string, cipher: NativeCipher, seal: 'seal' | 'sealAes'])[] = [
  ["ChaCha20-Poly1305 by OpenSSL's public interface", (...args) => requireNative().aead(...args, true, false), 'seal'],
  ['ChaCha20-Poly1305 by the fastest way', (...args) => requireNative().aead(...args, false, false), 'seal'],
  ['ChaCha20-Poly1305 of a packet that comes alone', (...args) => requireNative().aead(...args, false, true), 'seal'],
  ['AES-256-GCM', (...args) => requireNative().aes(...args), 'sealAes'],
];

describe('native cipher', { skip: missing }, () => {
  for (const [name, cipher, seal] of CIPHERS) {
    it(`seals and opens what the reference does: ${name}`, () => {
      const none = new Uint8Array(0);
      const text = fc
        .oneof(fc.nat(300), fc.nat(3000))
        .chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));
      const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
      const counter = fc.oneof(fc.nat(), fc.maxSafeNat());
      fc.assert(
        fc.property(key, counter, text, fc.nat(), (secret, number, plain, at) => {
          const nonce = new Uint8Array(12);
          new DataView(nonce.buffer).setBigUint64(4, BigInt(number), true);
          const sealed = cipher(secret, number, plain, false);
          assert.deepEqual(sealed, oracle[seal](secret, nonce, plain, none));
          assert(sealed !== null);
          assert.deepEqual(cipher(secret, number, sealed, true), plain);
          const forged = Uint8Array.from(sealed);
          forged[at % forged.length] = (forged[at % forged.length] as number) ^ 1;
          assert.equal(cipher(secret, number, forged, true), null);
          assert.equal(cipher(secret, number, sealed.subarray(0, at % sealed.length), true), null);
        }),
        { numRuns: 300 },
      );
    });
  }
});

describe('native plane', { skip: missing }, () => {
  it('lives the same life as the portable one', () => {
    differential(stepped, portable, { runs: 1000 });
  });

  it('hands an error of an event to the caller of the step', () => {
    const rig = new Rig(stepped);
    rig.plane.setPeer(peerSpec(1), 0);
    rig.onReport = () => {
      throw new TypeError('a defect');
    };
    const packet = new Uint8Array(20);
    packet.set([0x45, 0, 0, 20]);
    packet.set([10, 0, 0, 1], 16);
    assert.throws(() => rig.plane.handlePacket(packet, 0), TypeError);
  });
});
