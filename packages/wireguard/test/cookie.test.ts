import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, utf8 } from '@kith/core';
import { COOKIE_LIFETIME, CookieChecker, CookieJar, decodeCookieReply } from '@kith/wireguard';
import { realCrypto } from './helpers/crypto.ts';
import { GOLDEN } from './helpers/golden.ts';

const HERE = utf8('192.0.2.1');
const THERE = utf8('192.0.2.2');

function setup() {
  const publicKey = realCrypto.x25519Public(realCrypto.random(32));
  const checker = new CookieChecker(realCrypto, publicKey);
  const jar = new CookieJar(realCrypto, publicKey);
  const message = fromHex(GOLDEN.initiation);
  const stamped = (now: number) => {
    jar.stamp(message, now);
    return message;
  };
  const exchange = (now: number, source = HERE) => {
    const reply = decodeCookieReply(checker.reply(stamped(now), 7, source, now));
    ok(reply);
    equal(reply.receiver, 7);
    return { reply, accepted: jar.accept(reply, now) };
  };
  return { checker, jar, message, stamped, exchange };
}

test('mac1 is good for the receiver it was made for, and for no other', () => {
  const { checker, stamped } = setup();
  ok(checker.hasMac1(stamped(0)));
  equal(setup().checker.hasMac1(stamped(0)), false);
  const forged = stamped(0).slice();
  forged[20] = (forged[20] ?? 0) ^ 1;
  equal(checker.hasMac1(forged), false);
});

test('a cookie makes mac2 good from the address it was given to, and from no other', () => {
  const { checker, stamped, exchange } = setup();
  equal(checker.hasMac2(stamped(0), HERE, 0), false);
  ok(exchange(0).accepted);
  ok(checker.hasMac2(stamped(1), HERE, 1));
  equal(checker.hasMac2(stamped(1), THERE, 1), false);
});

test('a cookie is of no use once the secret behind it has been renewed', () => {
  const { checker, stamped, exchange } = setup();
  exchange(0);
  const message = stamped(COOKIE_LIFETIME - 1);
  ok(checker.hasMac2(message, HERE, COOKIE_LIFETIME - 1));
  equal(checker.hasMac2(message, HERE, COOKIE_LIFETIME), false);
  checker.reply(message, 7, THERE, COOKIE_LIFETIME);
  equal(checker.hasMac2(message, HERE, COOKIE_LIFETIME), false);
});

test('the sender stops using a cookie after two minutes', () => {
  const { stamped, exchange } = setup();
  exchange(0);
  const hasMac2 = (now: number) =>
    stamped(now)
      .subarray(-16)
      .some((byte) => byte !== 0);
  equal(hasMac2(COOKIE_LIFETIME - 1), true);
  equal(hasMac2(COOKIE_LIFETIME), false);
});

test('a cookie reply is accepted once, for the message stamped last, and not if changed', () => {
  const { checker, jar, message, stamped, exchange } = setup();
  const { reply } = exchange(0);
  equal(jar.accept(reply, 1), false, 'replayed');
  const old = decodeCookieReply(checker.reply(stamped(2).slice(), 7, HERE, 2));
  ok(old);
  const changed = { ...old, encryptedCookie: old.encryptedCookie.map((byte) => byte ^ 1) };
  equal(jar.accept(changed, 2), false, 'changed');
  message[10] = 0xff;
  stamped(3);
  equal(jar.accept(old, 3), false, 'about an earlier message');
});
