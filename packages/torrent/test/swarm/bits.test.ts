import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Bits, popcount } from '../../src/swarm/bits.ts';

describe('a set of pieces', () => {
  for (const [name, bytes, length, pieces] of [
    ['no piece', [], 0, []],
    ['the first piece as the highest bit', [0x80], 1, [0]],
    ['the last of eight as the lowest bit', [0x01], 8, [7]],
    ['a word and a bit', [0, 0, 0, 1, 0x80], 33, [31, 32]],
    ['a length that is wrong', [0x80], 9, undefined],
    ['a length that is too long', [0x80, 0], 8, undefined],
    ['a spare bit that is set', [0x81], 7, undefined],
  ] as const) {
    it(`reads ${name}`, () => {
      const bits = Bits.fromWire(Uint8Array.from(bytes), length);
      const expected = pieces === undefined ? undefined : [...pieces];
      assert.deepEqual(bits && Array.from({ length }, (_, i) => i).filter((i) => bits.has(i)), expected);
    });
  }

  it('behaves as a set, whatever is done to it', () => {
    const step = fc.tuple(fc.boolean(), fc.nat(69));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.array(fc.nat(69)), (steps, others) => {
        const bits = new Bits(70);
        const set = new Set<number>();
        for (const [adds, piece] of steps) {
          const changed = adds ? !set.has(piece) : set.has(piece);
          assert.equal(adds ? bits.add(piece) : bits.delete(piece), changed);
          if (adds) set.add(piece);
          else set.delete(piece);
        }
        assert.equal(bits.count, set.size);
        const other = new Bits(70);
        for (const piece of others) other.add(piece);
        const common = [...set].filter((piece) => others.includes(piece)).sort((a, b) => a - b);
        assert.equal(bits.countCommon(other), common.length);
        const found: number[] = [];
        for (let p = bits.nextCommon(other, 0); p >= 0; p = bits.nextCommon(other, p + 1)) found.push(p);
        assert.deepEqual(found, common);
        const again = Bits.fromWire(bits.toWire(), 70);
        assert.deepEqual(again?.words, bits.words);
        assert.equal(again?.count, bits.count);
      }),
    );
  });

  it('is full to its length and no further', () => {
    const bits = Bits.full(33);
    assert.ok(bits.complete);
    assert.deepEqual([...bits.toWire()], [255, 255, 255, 255, 128]);
    assert.equal(new Bits(0).complete, false);
  });

  it('counts the bits of a word', () => {
    for (const [word, count] of [
      [0, 0],
      [0xffffffff, 32],
      [0x80000001, 2],
      [0x55555555, 16],
    ] as const) {
      assert.equal(popcount(word), count);
    }
  });
});
