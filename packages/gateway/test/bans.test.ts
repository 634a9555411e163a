import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress, parsePrefix } from '@kith/core';
import { failedLogin, Jail } from '@kith/gateway';
import fc from 'fast-check';

const SETTINGS = { attempts: 3, window: 600, time: 3600, allow: [parsePrefix('192.0.2.0/24')] };
const STRANGER = parseAddress('203.0.113.7');

const LINES: readonly (readonly [service: string, line: string, address: string | null])[] = [
  ['sshd', 'Failed password for root from 203.0.113.7 port 51234 ssh2', '203.0.113.7'],
  ['sshd-session', 'Failed password for invalid user admin from 2001:DB8::7 port 51234 ssh2', '2001:db8::7'],
  ['sshd', 'Invalid user  from 203.0.113.7 port 51234', '203.0.113.7'],
  [
    'sshd',
    'error: maximum authentication attempts exceeded for root from 203.0.113.7 port 22 ssh2 [preauth]',
    '203.0.113.7',
  ],
  ['sshd', 'Accepted publickey for ada from 203.0.113.7 port 51234 ssh2', null],
  ['cron', 'Failed password for root from 203.0.113.7 port 51234 ssh2', null],
  ['sshd', 'Failed password for root from 999.0.113.7 port 51234 ssh2', null],
  ['sshd', `Failed password for ${'x'.repeat(2000)} from 203.0.113.7 port 1 ssh2`, null],
  // The name that was typed holds a whole sentence: the address at the end is the one that counts.
  ['sshd', 'Invalid user x from 198.51.100.1 port 1 from 203.0.113.7 port 51234', '203.0.113.7'],
];

for (const [service, line, address] of LINES) {
  test(`${service}: ${JSON.stringify(line.slice(0, 60))} tells of ${address ?? 'nobody'}`, () => {
    assert.equal(failedLogin(service, line), address);
  });
}

test('who fails three times within ten minutes is banned for an hour', () => {
  const jail = new Jail(SETTINGS);
  assert.deepEqual(
    [0, 1000].map((now) => jail.fail(STRANGER, now)),
    [null, null],
  );
  assert.deepEqual(jail.fail(STRANGER, 2000), { target: '203.0.113.7/32', since: 2000, until: 3_602_000 });
  assert.equal(jail.fail(STRANGER, 3000), null, 'banned already');
  assert.equal(jail.bans(3_601_999).length, 1);
  assert.deepEqual(jail.bans(3_602_000), []);
});

test('failures that lie further apart than the window do not add up', () => {
  const jail = new Jail(SETTINGS);
  for (let i = 0; i < 20; i++) assert.equal(jail.fail(STRANGER, i * 301_000), null);
});

test('addresses of one /64 count as one, and are banned as one', () => {
  const jail = new Jail(SETTINGS);
  const bans = ['2001:db8::1', '2001:db8::2', '2001:db8::ffff'].map((text, i) => jail.fail(parseAddress(text), i));
  assert.equal(bans[2]?.target, '2001:db8::/64');
});

test('the allowed are never banned by failing, a lifted ban starts from nothing', () => {
  const jail = new Jail(SETTINGS);
  for (let i = 0; i < 10; i++) assert.equal(jail.fail(parseAddress('192.0.2.9'), i), null);
  for (let i = 0; i < 3; i++) jail.fail(STRANGER, i);
  assert.ok(jail.lift(STRANGER));
  assert.equal(jail.fail(STRANGER, 4), null);
  assert.ok(!jail.lift(STRANGER));
});

test('a flood of strangers is counted in bounded room', () => {
  const jail = new Jail({ ...SETTINGS, attempts: 2 });
  for (let i = 0; i < 25_000; i++) jail.fail(parseAddress(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`), i);
  assert.equal(jail.fail(parseAddress('10.0.0.1'), 26_000), null, 'the first ones made room');
  assert.notEqual(jail.fail(parseAddress('10.0.97.167'), 26_000), null, 'the last ones are known');
});

test('no line whatever crashes the reader', () => {
  fc.assert(fc.property(fc.string(), (line) => void failedLogin('sshd', `Invalid user ${line}`)));
});
