/** The portable plane against the contract, against itself on other primitives, and against noise. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PortablePlane } from '@kith/dataplane/portable';
import { nodeCrypto } from '../src/node-crypto.ts';
import { conformance } from './conformance.ts';
import { differential } from './differential.ts';
import { endpoint, nodeId, oracle, peerSpec, Rig, session, type MakePlane } from './rig.ts';

const onOpenSsl: MakePlane = (init) => new PortablePlane({ crypto: nodeCrypto(), ...init });
const onNoble: MakePlane = (init) => new PortablePlane({ crypto: oracle, ...init });

conformance('portable', onOpenSsl);

describe('portable plane', () => {
  it('lives the same life on the primitives of OpenSSL and of noble', () => {
    differential(onOpenSsl, onNoble, { runs: 300 });
  });

  it('drops whatever a stranger sends, and reports nothing but handshakes', () => {
    const rig = new Rig(onOpenSsl);
    rig.plane.setSelf(nodeId(1));
    rig.plane.setPeer(peerSpec(1), 0);
    rig.plane.setSession(session(1, 7), 0);
    rig.plane.setRelaySources([endpoint(1)]);
    let sent = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 255),
        fc.constantFrom(0, 7, 8),
        fc.uint8Array({ maxLength: 300 }),
        fc.constantFrom(1, 2),
        (type, index, rest, from) => {
          rig.plane.handleDatagram(Uint8Array.of(type, 0, 0, 0, index, 0, 0, 0, ...rest), endpoint(from), 1);
          sent += 1;
        },
      ),
      { numRuns: 2000 },
    );
    const reports = rig.takeReports();
    assert(reports.every(([kind]) => kind === 'handshake' || kind === 'noNextHop'));
    const { dropped, relayedPackets } = rig.plane.counters();
    const drops = Object.values(dropped).reduce((sum, n) => sum + n, 0);
    const handshakes = reports.filter(([kind]) => kind === 'handshake').length;
    assert.equal(drops + handshakes + relayedPackets, sent, 'every datagram is accounted for');
  });

  it('imports nothing of a platform', () => {
    const folder = new URL('../src/portable/', import.meta.url);
    const files = readdirSync(folder);
    assert(files.length > 3);
    for (const file of files) {
      const text = readFileSync(new URL(file, folder), 'utf8');
      for (const [, from] of text.matchAll(/from '([^']+)'/g)) {
        assert.match(from as string, /^(\.\/|@kith\/(core|wireguard|mesh)$)/, `${file} imports ${from}`);
      }
      assert.doesNotMatch(text, /\b(Buffer|process|performance|Date|setTimeout|console|Math\.random)\b/, file);
    }
  });
});
