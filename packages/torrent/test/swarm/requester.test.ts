import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BLOCK, MemoryStore } from '@kith/torrent';
import { Bits } from '../../src/swarm/bits.ts';
import { Dice } from '../../src/swarm/dice.ts';
import { Padding } from '../../src/swarm/padding.ts';
import type { Partial } from '../../src/swarm/partial.ts';
import { PiecePicker } from '../../src/swarm/piece-picker.ts';
import { Pipeline } from '../../src/swarm/pipeline.ts';
import { Requester, type Source } from '../../src/swarm/requester.ts';
import { hashes } from '../metainfo/support.ts';
import { makeContent } from '../sim/content.ts';
import { drawer } from '../sim/network.ts';

const limits = { maxRequests: 500, queueTime: 3000, requestTimeout: 20_000 };

class TestSource implements Source {
  readonly number: number;
  readonly pieces: Bits;
  readonly pipeline = new Pipeline(limits, 0);
  choking = false;
  readonly allowedFast = new Set<number>();
  readonly suggested: number[] = [];
  suggestsUntil = 0;
  current = -1;
  idleVersion = -1;
  readonly said: string[] = [];

  constructor(number: number, pieces: Bits) {
    this.number = number;
    this.pieces = pieces;
  }
  sendRequest(piece: number, begin: number): void {
    this.said.push(`request ${piece}/${begin / BLOCK}`);
  }
  sendCancel(piece: number, begin: number): void {
    this.said.push(`cancel ${piece}/${begin / BLOCK}`);
  }
  skipBlock(): void {
    this.said.push('skip');
  }
}

function setUp(pieces: number, pieceBlocks: number, peers: number) {
  const { metainfo } = makeContent(pieces * pieceBlocks * BLOCK, pieceBlocks * BLOCK);
  const picker = new PiecePicker(new Bits(pieces), new Dice(drawer('requester')), metainfo.pieceLength);
  const sources = Array.from({ length: peers }, (_, i) => new TestSource(i + 1, Bits.full(pieces)));
  const whole: Partial[] = [];
  const store = new MemoryStore(metainfo, hashes);
  const requester = new Requester(
    picker,
    new Padding(metainfo),
    store,
    (number) => sources[number - 1],
    (partial) => whole.push(partial),
  );
  return { requester, picker, sources, whole };
}

const scratch = new Uint8Array(BLOCK);

describe('blocks', () => {
  it('that two peers send at once do not mix, and the later one goes nowhere', () => {
    const { requester, sources, whole } = setUp(1, 1, 2);
    const [a, b] = sources as [TestSource, TestSource];
    requester.fill(a, 0);
    requester.fill(b, 0);
    assert.deepEqual([a.said, b.said], [['request 0/0'], ['request 0/0']], 'the end-game');
    const first = requester.arriving(a, 0, 0, BLOCK, scratch);
    const second = requester.arriving(b, 0, 0, BLOCK, scratch);
    assert.notEqual(first?.buffer, scratch.buffer);
    assert.equal(second?.buffer, scratch.buffer);
    first?.fill(1, 0, 100);
    second?.fill(2);
    assert.ok(requester.arrived(b, 0, 0, BLOCK, scratch, 1));
    assert.ok(a.said.includes('skip'));
    assert.equal(whole.length, 1);
    assert.deepEqual(whole[0]?.buffer?.bytes, new Uint8Array(BLOCK).fill(2));
    assert.equal(requester.arrived(a, 0, 0, BLOCK, scratch, 2), false);
  });

  it('that came are cancelled at the others that were asked for them', () => {
    const { requester, sources } = setUp(1, 2, 2);
    const [a, b] = sources as [TestSource, TestSource];
    requester.fill(a, 0);
    requester.fill(b, 0);
    requester.arriving(a, 0, 0, BLOCK, scratch);
    assert.ok(requester.arrived(a, 0, 0, BLOCK, scratch, 1));
    assert.ok(b.said.includes('cancel 0/0'));
    assert.equal(b.pipeline.size, 1);
  });

  it('that a peer owes are asked of others when it leaves', () => {
    const { requester, sources, picker } = setUp(1, 4, 2);
    const [a, b] = sources as [TestSource, TestSource];
    requester.fill(a, 0);
    assert.equal(requester.endGame, true);
    requester.arriving(a, 0, BLOCK, BLOCK, scratch);
    requester.release(a, false);
    assert.equal(picker.open, 0);
    requester.fill(b, 0);
    assert.deepEqual(b.said, ['request 0/0', 'request 0/1', 'request 0/2', 'request 0/3']);
  });

  it('that nobody asked for, or of another length, are not taken', () => {
    const { requester, sources } = setUp(2, 2, 2);
    const [a, b] = sources as [TestSource, TestSource];
    requester.fill(a, 0);
    const [piece] = a.said.map((said) => Number(said.split(/[ /]/)[1]));
    assert.ok(piece !== undefined);
    assert.equal(requester.arriving(b, piece, 0, BLOCK, scratch), undefined);
    assert.equal(requester.arrived(b, piece, 0, BLOCK, scratch, 1), false);
    assert.equal(requester.arriving(a, piece, 0, BLOCK - 1, scratch), undefined);
    assert.equal(requester.arriving(a, piece, 5, BLOCK, scratch), undefined);
    assert.equal(requester.arriving(a, 9, 0, BLOCK, scratch), undefined);
  });

  it('of a choking peer are those of pieces that it allows', () => {
    const { requester, sources } = setUp(4, 1, 1);
    const [a] = sources as [TestSource];
    a.choking = true;
    requester.fill(a, 0);
    assert.deepEqual(a.said, []);
    a.allowedFast.add(2);
    requester.fill(a, 0);
    assert.deepEqual(a.said, ['request 2/0']);
  });

  it('of pieces that a peer suggests come first', () => {
    const { requester, sources } = setUp(50, 4, 1);
    const [a] = sources as [TestSource];
    a.suggested.push(33);
    requester.fill(a, 0);
    assert.equal(a.said[0], 'request 33/0');
  });

  it('of pieces that others work on are not asked of a seed that suggests', () => {
    const { requester, sources } = setUp(1, 8, 2);
    const [a, b] = sources as [TestSource, TestSource];
    b.suggestsUntil = 1000;
    requester.fill(a, 0);
    requester.fill(b, 0);
    assert.equal(a.said.length, 4);
    assert.deepEqual(b.said, []);
    for (let i = 0; i < 8; i++) a.pipeline.received(BLOCK, 1);
    requester.fill(a, 1);
    assert.equal(requester.endGame, true);
    requester.fill(b, 999);
    assert.deepEqual(b.said, []);
    requester.fill(b, 1000);
    assert.equal(b.said.length, 4);
  });

  it('of a piece that was wrong are asked of one peer alone', () => {
    const { requester, sources } = setUp(1, 8, 2);
    const [a, b] = sources as [TestSource, TestSource];
    requester.suspect(0);
    requester.fill(a, 0);
    requester.fill(b, 0);
    assert.equal(a.said.length, 4);
    assert.deepEqual(b.said, []);
    requester.release(a, false);
    requester.fill(b, 0);
    assert.equal(b.said.length, 4);
  });

  it('of a piece that is not wanted any more are cancelled, and its memory is free', () => {
    const { requester, sources, picker } = setUp(1, 2, 1);
    const [a] = sources as [TestSource];
    requester.fill(a, 0);
    requester.arriving(a, 0, 0, BLOCK, scratch);
    requester.abandon(0);
    assert.deepEqual(a.said.slice(2), ['skip', 'cancel 0/1']);
    assert.equal(a.pipeline.size, 0);
    assert.ok(picker.canBegin(0));
  });
});
