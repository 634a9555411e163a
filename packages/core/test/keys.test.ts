import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { test } from 'node:test';
import {
  fromHex,
  generateSecret,
  keyBytes,
  KithError,
  nodeIdFrom,
  nodeIdOf,
  nodeKeyFrom,
  nodeKeyOf,
  parseLabel,
  parseNodeKey,
  parseTunnelKey,
  portableCrypto,
  SecretKey,
  toHex,
  tunnelKeyOf,
} from '@kith/core';

const crypto = portableCrypto((length) => randomBytes(length));

test('public keys of each role carry their prefix and are refused in the other role', () => {
  const secret = generateSecret(crypto);
  const [node, tunnel] = [nodeKeyOf(crypto, secret), tunnelKeyOf(crypto, secret)];
  assert.match(node, /^nk:[\w-]{43}$/);
  assert.match(tunnel, /^tk:[\w-]{43}$/);
  assert.equal(parseNodeKey(node), node);
  assert.equal(parseTunnelKey(tunnel), tunnel);
  assert.throws(() => parseNodeKey(tunnel), KithError);
  assert.throws(() => parseTunnelKey(node), KithError);
  assert.throws(() => parseNodeKey(node.slice(0, -1)), KithError);
  assert.equal(nodeKeyFrom(keyBytes(node)), node);
});

test('a node id is the first eight bytes of the key’s SHA-256', () => {
  const key = nodeKeyFrom(fromHex('00'.repeat(32)));
  // SHA-256 of 32 zero bytes begins with 66687aadf862bd77.
  assert.equal(nodeIdOf(crypto, key), '66687aadf862bd77');
  assert.equal(nodeIdFrom(fromHex('66687aadf862bd77')), '66687aadf862bd77');
  assert.throws(() => nodeIdFrom(new Uint8Array(7)), RangeError);
});

test('public halves match the vectors of RFC 8032 section 7.1 and RFC 7748 section 6.1', () => {
  const ed25519 = new SecretKey(fromHex('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60'));
  assert.equal(
    toHex(keyBytes(nodeKeyOf(crypto, ed25519))),
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
  );
  const x25519 = new SecretKey(fromHex('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a'));
  assert.equal(
    toHex(keyBytes(tunnelKeyOf(crypto, x25519))),
    '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a',
  );
});

test('a private key shows itself nowhere', () => {
  const bytes = randomBytes(32);
  const secret = new SecretKey(bytes);
  const shown = [String(secret), JSON.stringify({ secret }), inspect(secret, { depth: 9, showHidden: true })].join(' ');
  assert.ok(!shown.includes(toHex(bytes)) && !shown.includes(bytes.toString('base64').slice(0, 20)));
  assert.match(shown, /private key/);
  assert.ok(!shown.includes(bytes.join(', ').slice(0, 30)), 'not as a list of numbers either');
  assert.throws(() => new SecretKey(new Uint8Array(31)), KithError);
});

test('names are DNS labels in lower case', () => {
  assert.equal(parseLabel('Attic-2', 'member name'), 'attic-2');
  for (const text of ['', '-a', 'a-', 'a.b', 'a b', 'ä', 'a_b', 'x'.repeat(64)]) {
    assert.throws(() => parseLabel(text, 'member name'), /member name .* is no DNS label/, text);
  }
});
