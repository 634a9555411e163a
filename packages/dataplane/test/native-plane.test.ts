/** The native plane against the contract, and against the portable one. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PortablePlane } from '@kith/dataplane/portable';
import { loadNative } from '../src/native.ts';
import { NativePlane } from '../src/native-plane.ts';
import { nodeCrypto } from '../src/node-crypto.ts';
import { conformance } from './conformance.ts';
import { differential } from './differential.ts';
import { peerSpec, Rig, type MakePlane } from './rig.ts';

const { native } = loadNative();

if (native === null) {
  it('is not built here: npm run setup', (context) => context.skip('no addon'));
} else {
  const stepped: MakePlane = (init) => new NativePlane({ native, ...init });
  const portable: MakePlane = (init) => new PortablePlane({ crypto: nodeCrypto(), ...init });

  conformance('native', stepped);

  describe('native plane', () => {
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
}
