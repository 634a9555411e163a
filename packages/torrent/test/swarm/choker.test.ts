import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Choker, type ChokePeer } from '../../src/swarm/choker.ts';
import { Dice } from '../../src/swarm/dice.ts';
import { drawer } from '../sim/network.ts';

function peer(number: number, fields: Partial<ChokePeer> = {}): ChokePeer {
  return {
    number,
    interested: true,
    uploadOnly: false,
    downRate: 0,
    upRate: 0,
    snubbed: false,
    unchoked: false,
    unchokedAt: 0,
    connectedAt: 0,
    sentSinceUnchoke: 0,
    ...fields,
  };
}

const leech = { seeding: false, slots: 3, turn: 1000 } as const;
const seeding = { seeding: true, slots: 3, turn: 1000 } as const;
const choker = (): Choker => new Choker(new Dice(drawer('choker')));

describe('who is unchoked', () => {
  it('all that are interested, while there are slots', () => {
    const chosen = choker().round([peer(1), peer(2, { interested: false }), peer(3)], leech, 0);
    assert.deepEqual(chosen, new Set([1, 3]));
  });

  it('while leeching: the fastest givers, and one by chance', () => {
    const peers = [1, 2, 3, 4, 5, 6].map((n) => peer(n, { downRate: 100 * n }));
    const chosen = choker().round(peers, leech, 0);
    assert.equal(chosen.size, 3);
    assert.ok(chosen.has(6) && chosen.has(5));
  });

  it('never one that takes nothing, and a snubbed one last', () => {
    const peers = [
      peer(1, { downRate: 900, uploadOnly: true }),
      peer(2, { downRate: 800, snubbed: true }),
      peer(3, { downRate: 10 }),
      peer(4, { downRate: 20 }),
      peer(5, { downRate: 30 }),
      peer(6, { downRate: 5 }),
    ];
    const chosen = choker().round(peers, leech, 0);
    assert.ok(!chosen.has(1));
    assert.ok(chosen.has(5) && chosen.has(4));
  });

  it('who has a slot keeps it against one that is hardly faster', () => {
    const peers = [
      peer(1, { downRate: 100, unchoked: true }),
      peer(2, { downRate: 100, unchoked: true }),
      peer(3, { downRate: 110 }),
      peer(4, { downRate: 0 }),
      peer(5, { downRate: 0 }),
    ];
    const chosen = choker().round(peers, leech, 0);
    assert.ok(chosen.has(1) && chosen.has(2));
  });

  it('the slot by chance is kept for 30 seconds and then moves on', () => {
    const choke = choker();
    const peers = [1, 2, 3, 4, 5, 6].map((n) => peer(n, { downRate: n > 4 ? 1000 : 0 }));
    const lucky = (now: number): number => [...choke.round(peers, leech, now)].find((n) => n <= 4) as number;
    const first = lucky(0);
    assert.equal(lucky(10_000), first);
    assert.equal(lucky(20_000), first);
    assert.notEqual(lucky(30_000), first);
  });

  it('while seeding: the fastest takers, but who had its turn makes room', () => {
    const had = { unchoked: true, unchokedAt: 0, sentSinceUnchoke: 5000, upRate: 900 };
    const peers = [peer(1, had), peer(2, { upRate: 50, unchoked: true }), peer(3), peer(4), peer(5)];
    assert.ok(choker().round(peers, seeding, 30_000).has(1), 'not before a minute');
    const chosen = choker().round(peers, seeding, 61_000);
    assert.ok(chosen.has(2) && chosen.has(3), 'who waited longest');
  });

  it('more at once where each more of them still takes much', () => {
    const fast = Array.from({ length: 30 }, (_, i) => peer(i + 1, { unchoked: true, upRate: 1e6 }));
    assert.equal(choker().slots(fast, { ...seeding, slots: 'adaptive' }), 31);
    const slow = fast.map((p) => ({ ...p, upRate: 1000 }));
    assert.equal(choker().slots(slow, { ...seeding, slots: 'adaptive' }), 8);
  });
});
