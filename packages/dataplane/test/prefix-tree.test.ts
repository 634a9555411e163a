/** Longest prefix match against a list that is searched from end to end. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { addressBytes, addressFrom, prefixContains, prefixOf, prefixParts, type Prefix } from '@kith/core';
import { PrefixTree } from '../src/portable/prefix-tree.ts';

/** Few distinct bits, so that prefixes nest and addresses meet them. */
const bytesOf = (size: number) =>
  fc.array(fc.constantFrom(0, 1, 128, 255), { minLength: size, maxLength: size }).map((list) => Uint8Array.from(list));

for (const [family, size, width] of [
  ['IPv4', 4, 32],
  ['IPv6', 16, 128],
] as const) {
  const address = bytesOf(size).map(addressFrom);
  const prefix = fc.tuple(address, fc.integer({ min: 0, max: width })).map(([at, length]) => prefixOf(at, length));
  const step = fc.record({ add: fc.boolean(), prefix, value: fc.integer({ min: 1, max: 3 }) });

  describe(`prefix tree of ${family}`, () => {
    it('finds what a search through all prefixes finds, whatever was added and removed', () => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 30 }), fc.array(address, { maxLength: 20 }), (steps, addresses) => {
          const tree = new PrefixTree<number>(width);
          const list = new Map<Prefix, number>();
          for (const { add, prefix: at, value } of steps) {
            const parts = prefixParts(at);
            const bits = addressBytes(parts.address);
            if (add) {
              tree.set(bits, parts.length, value);
              list.set(at, value);
            } else {
              tree.delete(bits, parts.length, value);
              if (list.get(at) === value) list.delete(at);
            }
          }
          const all = [...addresses, ...steps.map((s) => prefixParts(s.prefix).address)];
          for (const wanted of all) {
            const [best] = [...list]
              .filter(([at]) => prefixContains(at, wanted))
              .sort(([a], [b]) => prefixParts(b).length - prefixParts(a).length);
            const inPacket = Uint8Array.of(9, 9, 9, ...addressBytes(wanted), 9);
            assert.equal(tree.find(inPacket, 3), best?.[1] ?? null);
          }
        }),
        { numRuns: 300 },
      );
    });
  });
}
