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

describe('native cipher', { skip: missing }, () => {
  for (const evp of [false, true]) {
    it(`seals and opens what the reference does, ${evp ? "by OpenSSL's public interface" : 'by the fastest way'}`, () => {
      const native = requireNative();
      const none = new Uint8Array(0);
      const text = fc
        .integer({ min: 0, max: 3000 })
        .chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));
      const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
      const counter = fc.oneof(fc.nat(), fc.maxSafeNat());
      fc.assert(
        fc.property(key, counter, text, fc.nat(), (secret, number, plain, at) => {
          const nonce = new Uint8Array(12);
          new DataView(nonce.buffer).setBigUint64(4, BigInt(number), true);
          const sealed = native.aead(secret, number, plain, false, evp);
          assert.deepEqual(sealed, oracle.seal(secret, nonce, plain, none));
          assert(sealed !== null);
          assert.deepEqual(native.aead(secret, number, sealed, true, evp), plain);
          const forged = Uint8Array.from(sealed);
          forged[at % forged.length] = (forged[at % forged.length] as number) ^ 1;
          assert.equal(native.aead(secret, number, forged, true, evp), null);
          assert.equal(native.aead(secret, number, sealed.subarray(0, at % sealed.length), true, evp), null);
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
