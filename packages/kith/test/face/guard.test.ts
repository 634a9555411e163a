import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KithError } from '@kith/core';
import { admit, admitPage, type House, type Knock, Pace, plainAddress } from '../../src/web/guard.ts';

const HOUSE: House = {
  names: new Set(['127.0.0.1:6552', 'localhost:6552', '10.0.0.1:6552']),
  token: 'A'.repeat(22),
  memberAt: (address) =>
    ({ '10.0.0.2': { name: 'nyc', admin: true }, '10.0.0.3': { name: 'blr', admin: false } })[address] ?? null,
};
const OWNER: Knock = {
  method: 'GET',
  remote: '127.0.0.1',
  host: '127.0.0.1:6552',
  origin: undefined,
  site: undefined,
  authorization: `Bearer ${HOUSE.token}`,
  contentType: undefined,
};
const ACT = { method: 'POST', contentType: 'application/json', origin: 'http://127.0.0.1:6552' } as const;
const MEMBER: Knock = { ...OWNER, authorization: undefined, host: '10.0.0.1:6552' };
const refused = (knock: Knock): string => {
  try {
    admit(knock, HOUSE);
    return 'let in';
  } catch (error) {
    assert.ok(error instanceof KithError);
    return error.code;
  }
};

test('the owner looks and acts with the token, members look, admins act', () => {
  assert.deepEqual(admit(OWNER, HOUSE), { who: 'owner', member: null, mayAct: true });
  assert.deepEqual(admit({ ...OWNER, ...ACT }, HOUSE), { who: 'owner', member: null, mayAct: true });
  const admin = { ...MEMBER, remote: '10.0.0.2' };
  assert.deepEqual(admit(admin, HOUSE), { who: 'admin', member: 'nyc', mayAct: true });
  assert.equal(refused({ ...admin, ...ACT, origin: 'http://10.0.0.1:6552' }), 'let in');
  const plain = { ...MEMBER, remote: '10.0.0.3' };
  assert.deepEqual(admit(plain, HOUSE), { who: 'member', member: 'blr', mayAct: false });
  assert.equal(refused({ ...plain, ...ACT, origin: 'http://10.0.0.1:6552' }), 'FACE_RIGHTS');
});

const REFUSED: readonly (readonly [string, Knock, string])[] = [
  ['without a token on this machine', { ...OWNER, authorization: undefined }, 'FACE_TOKEN'],
  ['a wrong token', { ...OWNER, authorization: `Bearer ${'B'.repeat(22)}` }, 'FACE_TOKEN'],
  ['a token too long', { ...OWNER, authorization: `Bearer ${HOUSE.token}A` }, 'FACE_TOKEN'],
  ['another scheme', { ...OWNER, authorization: `Basic ${HOUSE.token}` }, 'FACE_TOKEN'],
  ['a wrong token from an admin', { ...MEMBER, remote: '10.0.0.2', authorization: 'Bearer x' }, 'FACE_TOKEN'],
  ['a stranger', { ...MEMBER, remote: '192.0.2.9' }, 'FACE_STRANGER'],
  ['a name that somebody points here', { ...OWNER, host: 'evil.example:6552' }, 'FACE_ORIGIN'],
  ['another port of this machine', { ...OWNER, host: '127.0.0.1:80' }, 'FACE_ORIGIN'],
  ['no host', { ...OWNER, host: undefined }, 'FACE_ORIGIN'],
  ['a page of another site', { ...OWNER, origin: 'https://evil.example' }, 'FACE_ORIGIN'],
  ['a page of another port here', { ...OWNER, origin: 'http://127.0.0.1:8080' }, 'FACE_ORIGIN'],
  ['an origin that hides', { ...OWNER, origin: 'null' }, 'FACE_ORIGIN'],
  ['a picture on another site', { ...OWNER, site: 'cross-site' }, 'FACE_ORIGIN'],
  ['a page of a neighbouring site', { ...OWNER, site: 'same-site' }, 'FACE_ORIGIN'],
  ['a form', { ...OWNER, ...ACT, contentType: 'application/x-www-form-urlencoded' }, 'FACE_ORIGIN'],
  ['a form that sends text', { ...OWNER, ...ACT, contentType: 'text/plain; application/json' }, 'FACE_ORIGIN'],
  ['a wish without content', { ...OWNER, ...ACT, contentType: undefined }, 'FACE_ORIGIN'],
];

for (const [name, knock, code] of REFUSED) {
  test(`refused: ${name}`, () => assert.equal(refused(knock), code));
}

test('the page itself comes to everybody who calls this machine by a name of its own', () => {
  admitPage({ ...OWNER, authorization: undefined, site: 'cross-site' }, HOUSE);
  assert.throws(() => admitPage({ ...OWNER, host: 'evil.example' }, HOUSE), { code: 'FACE_ORIGIN' });
});

test('an IPv4 address within IPv6 and one with a zone are the plain ones', () => {
  assert.equal(plainAddress('::ffff:10.0.0.2'), '10.0.0.2');
  assert.equal(plainAddress('fe80::1%eth0'), 'fe80::1');
});

test('who asks too often waits, and others are not kept from asking', () => {
  const pace = new Pace();
  for (let i = 0; i < 200; i++) pace.ask('10.0.0.2', 0);
  assert.throws(() => pace.ask('10.0.0.2', 0), { code: 'FACE_BUSY' });
  pace.ask('10.0.0.3', 0);
  pace.ask('10.0.0.2', 1000);
});
