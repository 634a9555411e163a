import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseCidr, Subnet } from '../src/subnet.ts';

describe('a subnet', () => {
  it('hands out addresses from the tenth on, and what is asked for, once each', () => {
    const subnet = new Subnet('192.168.5.0/24');
    assert.equal(subnet.gateway, '192.168.5.1');
    assert.equal(subnet.claim(), '192.168.5.10');
    assert.equal(subnet.claim('192.168.5.11/24'), '192.168.5.11');
    assert.equal(subnet.claim(), '192.168.5.12');
    subnet.release('192.168.5.10');
    assert.equal(subnet.claim(), '192.168.5.10');
    for (const wrong of [
      '192.168.5.1',
      '192.168.5.12',
      '192.168.5.0',
      '192.168.5.255',
      '192.168.6.7',
      '192.168.5.20/25',
    ]) {
      assert.throws(() => subnet.claim(wrong), { name: 'LabError' }, wrong);
    }
  });

  it('is full after its last address', () => {
    const subnet = new Subnet('10.0.0.240/28');
    const all = Array.from({ length: 5 }, () => subnet.claim());
    assert.deepEqual(
      all,
      [250, 251, 252, 253, 254].map((last) => `10.0.0.${last}`),
    );
    assert.throws(() => subnet.claim(), /10\.0\.0\.240\/28 is full/);
  });

  it('is refused with host bits, and an address when it is none', () => {
    assert.throws(() => new Subnet('10.0.0.1/24'), /host bits: the subnet is 10\.0\.0\.0\/24/);
    for (const wrong of [
      '',
      '10.0.0.1',
      '10.0.0/24',
      '10.0.0.256/24',
      '10.0.0.01/24',
      '10.0.0.1/7',
      '10.0.0.1/31',
      '10.0.0.1/24/1',
      '::1/64',
    ]) {
      assert.throws(() => parseCidr(wrong), { name: 'LabError' }, wrong);
    }
  });

  it('never hands out one address twice, nor one outside of itself', () => {
    fc.assert(
      fc.property(fc.nat(255), fc.integer({ min: 22, max: 30 }), fc.nat(40), (third, length, count) => {
        const size = 2 ** (32 - length);
        const base = Math.floor((third * 256) / size) * size;
        const subnet = new Subnet(`10.0.${base >> 8}.${base & 255}/${length}`);
        const seen = new Set<string>();
        for (let i = 0; i < count; i++) {
          try {
            const address = subnet.claim();
            assert.ok(!seen.has(address) && subnet.holds(address) && address !== subnet.gateway);
            seen.add(address);
          } catch (error) {
            assert.match(String(error), /is full/);
          }
        }
      }),
    );
  });
});
