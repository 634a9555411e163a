import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { generateSecret, KithError, parseEndpoint } from '@kith/core';
import * as mesh from '@kith/mesh';
import type { InviteToken } from '@kith/mesh';
import { address, label, put, real, START, tunnel, World } from './world.ts';

const world = new World(real);

function token(more: Partial<InviteToken> = {}): InviteToken {
  return {
    network: world.network,
    networkName: label('home'),
    seed: world.invite(1).seed,
    expires: null,
    name: null,
    address: null,
    bootstrap: [
      {
        id: world.member(0).id,
        tunnelKey: tunnel(0),
        endpoints: ['203.0.113.7:6550', '[2001:db8::1]:6550'].map(parseEndpoint),
      },
    ],
    ...more,
  };
}

function codeOf(text: string): string {
  try {
    mesh.decodeInvite(real, text);
    return 'no error';
  } catch (error) {
    assert.ok(error instanceof KithError);
    return error.code;
  }
}

test('a token comes back as it was made, also from a mail that broke its line', () => {
  for (const wanted of [token(), token({ expires: START, name: label('pi'), address: address(9), bootstrap: [] })]) {
    const text = mesh.encodeInvite(real, wanted);
    assert.match(text, /^kith:[A-Za-z0-9_-]+$/);
    for (const read of [text, ` ${text.slice(0, 40)}\n${text.slice(40)}\n`].map((each) =>
      mesh.decodeInvite(real, each),
    )) {
      assert.deepEqual({ ...read, seed: [...read.seed.reveal()] }, { ...wanted, seed: [...wanted.seed.reveal()] });
    }
  }
});

test('a token that is cut anywhere is called cut', () => {
  const text = mesh.encodeInvite(real, token());
  for (let length = 0; length < text.length; length++) {
    assert.equal(codeOf(text.slice(0, length)), 'INVITE_TRUNCATED', `the first ${length} characters`);
  }
});

test('a token with any one character mistyped, or one too many, is called malformed and never shows its secret', () => {
  const text = mesh.encodeInvite(real, token());
  for (let at = 'kith:'.length + 4; at < text.length; at++) {
    const other = text[at] === 'x' ? 'y' : 'x';
    assert.equal(codeOf(text.slice(0, at) + other + text.slice(at + 1)), 'INVITE_MALFORMED', `character ${at}`);
  }
  assert.equal(codeOf(`${text}A`), 'INVITE_MALFORMED');
  assert.equal(codeOf(text.replace('kith:', 'https:')), 'INVITE_MALFORMED');
  assert.equal(codeOf(`${text.slice(0, 30)}*${text.slice(31)}`), 'INVITE_MALFORMED');
});

test('a token of a later version is told apart from a broken one', () => {
  const newer = mesh.encodeInvite(real, token());
  const bytes = Buffer.from(newer.slice(5), 'base64url');
  bytes[0] = 2;
  const domain = Buffer.from('kith token v1\0', 'latin1');
  const end = bytes.length - 4;
  bytes.set(real.sha256(Buffer.concat([domain, bytes.subarray(0, end)])).subarray(0, 4), end);
  assert.equal(codeOf(`kith:${bytes.toString('base64url')}`), 'INVITE_VERSION');
});

test('no text makes the decoder fail in any other way than by its three codes', () => {
  const body = fc.string({ unit: fc.constantFrom('A', 'B', 'a', 'z', '0', '9', '-', '_', '=', '+', ' ') });
  const text = mesh.encodeInvite(real, token());
  const spliced = fc
    .tuple(fc.nat(text.length), fc.nat(text.length), body)
    .map(([a, b, x]) => text.slice(0, a) + x + text.slice(b));
  const codes = ['INVITE_MALFORMED', 'INVITE_TRUNCATED', 'INVITE_VERSION', 'no error'];
  fc.assert(
    fc.property(
      fc.oneof(
        body.map((rest) => `kith:${rest}`),
        fc.string(),
        spliced,
      ),
      (any) => codes.includes(codeOf(any)),
    ),
    { numRuns: 1000 },
  );
});

test('why a token cannot be used: wrong network, unknown, revoked, used, expired, in words', () => {
  const home = new World(real);
  const { key, seed } = home.invite(1);
  const own = token({ network: home.network, seed });
  const check = (wallMs = START, each = own) =>
    mesh.checkInvite(real, home.ledger.roster(), each, wallMs)?.code ?? 'fine';
  assert.equal(check(), 'INVITE_UNKNOWN');
  home.makeInvite(1, 1, { expires: START + 1_000_000 });
  assert.equal(check(), 'fine');
  assert.equal(check(START + 1_000_001), 'INVITE_EXPIRED');
  assert.equal(check(START, token({ network: 'ab'.repeat(32) as never })), 'INVITE_WRONG_NETWORK');
  put(home.ledger, home.join(1, 1));
  assert.equal(check(), 'INVITE_USED');
  put(home.ledger, mesh.revokeInvite(home.context(0), key, []));
  assert.equal(check(), 'INVITE_REVOKED');
});

test('the temporary tunnel key follows from the seed and is not the signing key', () => {
  const seed = generateSecret(real);
  const { secret, key } = mesh.inviteTunnel(real, seed);
  assert.equal(mesh.inviteTunnel(real, seed).key, key);
  assert.notDeepEqual(secret.reveal(), seed.reveal());
  assert.notEqual(key.slice(3), mesh.inviteIssuer(real, seed).key.slice(3));
});
