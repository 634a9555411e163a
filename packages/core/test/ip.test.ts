import assert from 'node:assert/strict';
import { isIPv4 as nodeIsIPv4, isIPv6 as nodeIsIPv6 } from 'node:net';
import { test } from 'node:test';
import {
  addressBytes,
  addressFrom,
  endpointBytes,
  endpointFrom,
  endpointParts,
  KithError,
  parseAddress,
  parseEndpoint,
  parsePrefix,
  prefixContains,
  prefixesOverlap,
  prefixOf,
  scopeOf,
} from '@kith/core';
import fc from 'fast-check';

const address = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
);

test('numbered spellings and their one canonical form (RFC 5952 section 4)', () => {
  const table: readonly [string, string][] = [
    ['10.0.0.1', '10.0.0.1'],
    ['2001:DB8::1', '2001:db8::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['1:0:0:2::', '1:0:0:2::'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ];
  for (const [i, [text, canonical]] of table.entries())
    assert.equal(parseAddress(text), canonical, `${i + 1}: ${text}`);
});

test('what is no address is refused, as the platform does', () => {
  for (const text of [
    '',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '256.1.1.1',
    '1.2.3.4 ',
    ':',
    ':::',
    '1:2',
    '1::2::3',
    '12345::',
    'fe80::1%eth0',
    'g::',
    '::1.2.3',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
  ]) {
    const odd = nodeIsIPv4(text) || (nodeIsIPv6(text) && !text.includes('%'));
    if (odd) assert.doesNotThrow(() => parseAddress(text), text);
    else assert.throws(() => parseAddress(text), KithError, text);
  }
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('0', '1', 'f', ':', '.', '2'), maxLength: 20 }), (text) => {
      const valid = nodeIsIPv4(text) || nodeIsIPv6(text);
      let taken = true;
      try {
        parseAddress(text);
      } catch {
        taken = false;
      }
      assert.equal(taken, valid, text);
    }),
    { numRuns: 2000 },
  );
});

test('addresses and endpoints come back from their bytes', () => {
  fc.assert(
    fc.property(address, fc.integer({ min: 1, max: 65_535 }), (bytes, port) => {
      const text = addressFrom(bytes);
      assert.deepEqual(addressBytes(text), bytes);
      assert.equal(parseAddress(text), text);
      const endpoint = parseEndpoint(bytes.length === 4 ? `${text}:${port}` : `[${text}]:${port}`);
      assert.equal(endpointFrom(endpointBytes(endpoint)), endpoint);
      assert.deepEqual(endpointParts(endpoint), { address: text, port });
    }),
  );
});

test('endpoints without port, with a bad one or with wrong brackets are refused', () => {
  for (const text of [
    '1.2.3.4',
    '1.2.3.4:',
    '1.2.3.4:0',
    '1.2.3.4:65536',
    '[1.2.3.4]:1',
    '::1:80',
    '[::1]',
    '[::1]:x',
    'host:80',
  ]) {
    assert.throws(() => parseEndpoint(text), KithError, text);
  }
  for (const length of [0, 4, 5, 7, 16, 17, 19]) assert.throws(() => endpointFrom(new Uint8Array(length)), KithError);
});

test('a prefix holds just the addresses that agree in its bits', () => {
  fc.assert(
    fc.property(address, fc.nat(128), fc.nat(127), (bytes, wish, flip) => {
      const bits = bytes.length * 8;
      const length = wish % (bits + 1);
      const at = flip % bits;
      const prefix = prefixOf(addressFrom(bytes), length);
      assert.equal(parsePrefix(prefix), prefix);
      const other = Uint8Array.from(bytes);
      other[at >> 3] = (other[at >> 3] as number) ^ (0x80 >> (at & 7));
      assert.ok(prefixContains(prefix, addressFrom(bytes)));
      assert.equal(prefixContains(prefix, addressFrom(other)), at >= length);
    }),
  );
});

test('host bits, missing and impossible lengths of prefixes are named', () => {
  assert.throws(() => parsePrefix('10.0.0.1/24'), /did you mean 10\.0\.0\.0\/24\?/);
  assert.throws(() => parsePrefix('10.0.0.0'), /the length is missing/);
  assert.throws(() => parsePrefix('10.0.0.0/33'), /0\.\.32/);
  assert.throws(() => parsePrefix('::/129'), /0\.\.128/);
});

test('prefixes overlap when one holds the other', () => {
  const overlap = (a: string, b: string) => prefixesOverlap(parsePrefix(a), parsePrefix(b));
  assert.ok(
    overlap('10.0.0.0/8', '10.1.0.0/16') && overlap('10.1.0.0/16', '10.0.0.0/8') && overlap('0.0.0.0/0', '1.0.0.0/8'),
  );
  assert.ok(!overlap('10.0.0.0/16', '10.1.0.0/16') && !overlap('0.0.0.0/0', '::/0'));
});

test('numbered scopes of addresses', () => {
  const table: readonly [string, string][] = [
    ['127.0.0.1', 'loopback'],
    ['169.254.3.4', 'link-local'],
    ['10.9.8.7', 'private'],
    ['172.31.255.1', 'private'],
    ['172.32.0.1', 'global'],
    ['100.64.0.1', 'private'],
    ['224.0.0.1', 'unusable'],
    ['0.0.0.0', 'unusable'],
    ['255.255.255.255', 'unusable'],
    ['203.0.113.9', 'global'],
    ['::', 'unusable'],
    ['::1', 'loopback'],
    ['fe80::1', 'link-local'],
    ['fd00::1', 'private'],
    ['ff02::1', 'unusable'],
    ['2001:db8::1', 'global'],
  ];
  for (const [i, [text, scope]] of table.entries())
    assert.equal(scopeOf(parseAddress(text)), scope, `${i + 1}: ${text}`);
});
