import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Lab, type Internet, type NatKind } from '../src/index.ts';
import { Peer, split } from './peer.ts';

/** What stands before a peer: a router of some kind, or a firewall on the host itself. */
type Guard = NatKind | 'host firewall';

describe('hole punching', () => {
  let lab: Lab;
  let internet: Internet;
  let rendezvous: string;
  let number = 0;

  before(async () => {
    lab = await Lab.create();
    internet = await lab.internet();
    const server = await lab.host('rendezvous', { on: internet });
    await Peer.start(server, 3478);
    rendezvous = server.address;
  });
  after(async () => lab.close());

  const behind = async (guard: Guard): Promise<Peer> => {
    const id = ++number;
    if (guard === 'host firewall') {
      return Peer.start(await lab.host(`host${id}`, { on: internet, firewall: 'closed' }), 6550);
    }
    const router = await lab.router(`router${id}`, { on: internet, nat: guard });
    return Peer.start(await lab.host(`host${id}`, { on: router }), 6550);
  };

  /** Both sides learn their endpoint from the rendezvous and send to the other's, three times in turn. */
  const punch = async (one: Guard, other: Guard): Promise<boolean> => {
    const [a, b] = await Promise.all([behind(one), behind(other)]);
    const [toA, toB] = [split(await a.seenBy(rendezvous, 3478)), split(await b.seenBy(rendezvous, 3478))];
    for (let round = 0; round < 3; round++) {
      a.send(...toB, 'punch');
      await a.seenBy(rendezvous, 3478); // The packet before this one has been carried.
      b.send(...toA, 'punch');
      await b.seenBy(rendezvous, 3478);
    }
    await Promise.all([a.seenBy(rendezvous, 3478), b.seenBy(rendezvous, 3478)]);
    const [atA, atB] = [a.count('punch'), b.count('punch')];
    assert.equal(atA > 0, atB > 0, `one way only: ${atA} and ${atB} packets`);
    return atA > 0;
  };

  const cases: [Guard, Guard, boolean][] = [
    ['preserving', 'host firewall', true],
    ['preserving', 'preserving', true],
    ['preserving', 'none-closed', true],
    ['independent', 'preserving', true],
    ['host firewall', 'host firewall', true],
    ['symmetric', 'host firewall', false],
    ['symmetric', 'preserving', false],
    ['symmetric', 'symmetric', false],
  ];
  for (const [one, other, works] of cases) {
    it(`${works ? 'works' : 'fails'} between ${one} and ${other}`, async () => {
      assert.equal(await punch(one, other), works);
    });
  }
});
