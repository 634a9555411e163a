import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { utf8 } from '@kith/core';
import { SourceLimiter } from '@kith/wireguard';

test('each source has its own rate', () => {
  const limiter = new SourceLimiter(20, 2, 100);
  equal([1, 2, 3].map(() => limiter.allow(utf8('a'), 0)).join(), 'true,true,false');
  equal(limiter.allow(utf8('b'), 0), true);
  equal(limiter.allow(utf8('a'), 50), true);
});

test('the sources remembered are bounded, and the one unused for longest goes first', () => {
  const limiter = new SourceLimiter(1, 1, 3);
  for (const name of ['a', 'b', 'c']) limiter.allow(utf8(name), 0);
  limiter.allow(utf8('a'), 1);
  limiter.allow(utf8('d'), 2);
  equal(limiter.size, 3);
  equal(limiter.allow(utf8('a'), 3), false, 'a was used after b');
  equal(limiter.allow(utf8('b'), 3), true, 'b was forgotten');
});
