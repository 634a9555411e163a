import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Bits } from '../../src/swarm/bits.ts';
import { Dice } from '../../src/swarm/dice.ts';
import { PiecePicker } from '../../src/swarm/piece-picker.ts';
import { drawer } from '../sim/network.ts';

const COUNT = 128;
// Too large for several of them to be taken in one go.
const PIECE = 262_144;

function bits(...pieces: readonly number[]): Bits {
  const set = new Bits(COUNT);
  for (const piece of pieces) set.add(piece);
  return set;
}

function picker(had: readonly number[] = [36, 37, 38, 39], pieceLength: number = PIECE): PiecePicker {
  return new PiecePicker(bits(...had), new Dice(drawer('picker')), pieceLength);
}

describe('the next piece', () => {
  it('is the rarest that the peer has', () => {
    const pick = picker();
    for (let piece = 0; piece < COUNT; piece++) if (piece !== 7) pick.addPeerPiece(piece);
    pick.addPeerPiece(9);
    assert.equal(pick.next(Bits.full(COUNT)), 7);
    assert.equal(pick.next(bits(9, 12)), 12);
    assert.equal(pick.next(bits(9)), 9);
    assert.equal(pick.next(bits(36)), -1, 'had');
  });

  it('is one of higher priority before a rarer one', () => {
    const pick = picker();
    pick.addPeerPiece(3);
    pick.setPriority(3, 7);
    assert.equal(pick.next(Bits.full(COUNT)), 3);
    pick.setPriority(3, 0);
    assert.notEqual(pick.next(Bits.full(COUNT)), 3);
    assert.equal(pick.next(bits(3)), -1);
  });

  it('is the first in sequential order', () => {
    const pick = picker();
    pick.order = 'sequential';
    pick.begin(0);
    assert.equal(pick.next(Bits.full(COUNT)), 1);
    assert.equal(pick.next(bits(20, 30)), 20);
  });

  it('is a random one while there is nothing to give', () => {
    const found = new Set<number>();
    for (let i = 0; i < 20; i++) {
      const pick = new PiecePicker(new Bits(COUNT), new Dice(drawer(`${i}`)), PIECE);
      for (let piece = 1; piece < COUNT; piece++) pick.addPeerPiece(piece);
      found.add(pick.next(Bits.full(COUNT)));
    }
    assert.ok(found.size > 5, 'not the rarest each time');
  });

  it('is found where a peer has one piece among very many that it lacks', () => {
    const many = 100_000;
    const have = new Bits(many);
    for (let piece = 0; piece < 4; piece++) have.add(piece);
    const pick = new PiecePicker(have, new Dice(drawer('many')), PIECE);
    const one = new Bits(many);
    one.add(77_777);
    pick.addPeerPiece(77_777);
    assert.equal(pick.next(one), 77_777);
  });

  it('is, of small pieces, the one behind the last, as long as it is as rare', () => {
    const many = 512;
    const have = new Bits(many);
    for (let piece = 504; piece < many; piece++) have.add(piece);
    const pick = new PiecePicker(have, new Dice(drawer('small')), PIECE / 8);
    const all = Bits.full(many);
    for (let piece = 0; piece < many; piece++) if (piece < 8 || piece > 15) pick.addPeerPiece(piece);
    assert.equal(pick.next(all), 8, 'the first of the rarest');
    pick.begin(8);
    assert.equal(pick.next(all, 8), 9);
    pick.addPeerPiece(9);
    assert.equal(pick.next(all, 8), 10, 'spread meanwhile');
    pick.begin(15);
    assert.equal(pick.next(all, 15), 10, 'another extent is not begun because of its neighbour');
    pick.setPriority(10, 1);
    assert.equal(pick.next(all, 10), 11);
    pick.setPriority(30, 7);
    assert.equal(pick.next(all, 10), 30);
  });

  it('waits for its hash', () => {
    const pick = picker();
    pick.setHashKnown(5, false);
    assert.equal(pick.next(bits(5)), -1);
    const { version } = pick;
    pick.setHashKnown(5, true);
    assert.equal(pick.next(bits(5)), 5);
    assert.ok(pick.version > version, 'who found nothing looks again');
  });

  it('agrees with a picker that looks at everything, whatever happens', () => {
    const event = fc.oneof(
      fc.record({ kind: fc.constant('have' as const), peer: fc.nat(4), piece: fc.nat(COUNT - 1) }),
      fc.record({ kind: fc.constant('leave' as const), peer: fc.nat(4), piece: fc.constant(0) }),
      fc.record({ kind: fc.constant('begin' as const), peer: fc.constant(0), piece: fc.nat(COUNT - 1) }),
      fc.record({ kind: fc.constant('give up' as const), peer: fc.constant(0), piece: fc.nat(COUNT - 1) }),
      fc.record({ kind: fc.constant('finish' as const), peer: fc.constant(0), piece: fc.nat(COUNT - 1) }),
      fc.record({ kind: fc.constant('lose' as const), peer: fc.constant(0), piece: fc.nat(COUNT - 1) }),
      fc.record({ kind: fc.constant('priority' as const), peer: fc.nat(7), piece: fc.nat(COUNT - 1) }),
      fc.record({ kind: fc.constant('seed' as const), peer: fc.constant(0), piece: fc.constant(0) }),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 150 }), fc.constantFrom(1, 2), (events, extent) => {
        const pick = picker([36, 37, 38, 39], PIECE / extent);
        const naive = new NaivePicker();
        const peers = Array.from({ length: 5 }, () => new Bits(COUNT));
        for (const { kind, peer, piece } of events) {
          const pieces = peers[peer] ?? new Bits(COUNT);
          if (kind === 'have' && pieces.add(piece)) pick.addPeerPiece(piece);
          if (kind === 'leave') {
            pick.removePeer(pieces);
            peers[peer] = new Bits(COUNT);
          }
          if (kind === 'begin' && naive.canBegin(piece)) {
            pick.begin(piece);
            naive.begun.add(piece);
          }
          if (kind === 'give up' && naive.begun.delete(piece)) pick.giveUp(piece);
          if (kind === 'finish' && naive.begun.delete(piece)) {
            pick.finish(piece);
            naive.had.add(piece);
          }
          if (kind === 'lose' && naive.had.delete(piece)) pick.lose(piece);
          if (kind === 'priority') {
            pick.setPriority(piece, peer);
            naive.priorities[piece] = peer;
          }
          if (kind === 'seed') {
            pick.addSeed();
            naive.seeds++;
          }
          naive.check(pick, peers);
        }
      }),
    );
  });
});

/** The oracle: counts over all peers and pieces each time. */
class NaivePicker {
  readonly had = new Set([36, 37, 38, 39]);
  readonly begun = new Set<number>();
  readonly priorities: number[] = new Array<number>(COUNT).fill(4);
  seeds = 0;

  canBegin(piece: number): boolean {
    return !this.had.has(piece) && !this.begun.has(piece) && (this.priorities[piece] as number) > 0;
  }

  check(pick: PiecePicker, peers: readonly Bits[]): void {
    const all = Array.from({ length: COUNT }, (_, piece) => piece);
    const spread = (piece: number): number => peers.filter((peer) => peer.has(piece)).length;
    for (const piece of all) assert.equal(pick.availability(piece), spread(piece) + this.seeds);
    const open = all.filter((piece) => this.canBegin(piece));
    assert.equal(pick.open, open.length);
    assert.equal(
      pick.wanted,
      all.filter((piece) => !this.had.has(piece) && (this.priorities[piece] as number) > 0).length,
    );
    for (const peer of peers) {
      const candidates = open.filter((piece) => peer.has(piece));
      const found = pick.next(peer);
      if (candidates.length === 0) {
        assert.equal(found, -1);
        continue;
      }
      assert.ok(candidates.includes(found));
      const priority = Math.max(...candidates.map((piece) => this.priorities[piece] as number));
      assert.equal(this.priorities[found], priority);
      if (this.had.size < 4) continue;
      const rarest = Math.min(...candidates.filter((p) => this.priorities[p] === priority).map(spread));
      assert.equal(spread(found), rarest);
    }
  }
}
