import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { parsePrefix } from '@kith/core';
import { NodeBook } from '@kith/gateway';
import fc from 'fast-check';
import { Intake, INTAKE_LIMITS, type IntakeLimits, type Outcome } from '../../src/respondd/intake.ts';
import { answer, bomb, deflated, said } from './router.ts';

const SEGMENT = { interface: 'br-cork', prefixes: [parsePrefix('2001:678:358::/64')] };
const WALL = 1_790_000_000_000;

function intake(limits: Partial<IntakeLimits> = {}, book: NodeBook = new NodeBook()) {
  const it = new Intake(book, { ...INTAKE_LIMITS, ...limits });
  const take = (datagram: Uint8Array, address = 'fe80::1%br-cork', port = 1001, now = 0): Outcome =>
    it.take(datagram, { address, port }, SEGMENT, now, WALL + now);
  return { book, take, it };
}

function reason(outcome: Outcome): string {
  return 'refused' in outcome ? outcome.refused : outcome.taken;
}

test('an answer of a router is taken into the book', () => {
  const { book, take } = intake();
  assert.deepEqual(take(answer('a')), { taken: 'new', id: 'a', oddities: [] });
  assert.equal(reason(take(answer('a'))), 'known');
  assert.equal(book.nodes[0]?.statistics?.clients?.total, 7);
});

const SOURCES: readonly (readonly [string, number, string])[] = [
  ['fe80::1%br-cork', 1001, 'new'],
  ['2001:678:358::77', 1001, 'new'],
  ['fe80::1%eth0', 1001, 'source'],
  ['fe80::1', 1001, 'source'],
  ['2001:db8::1', 1001, 'source'],
  ['::ffff:10.0.0.1', 1001, 'source'],
  ['no address', 1001, 'source'],
  ['fe80::1%br-cork', 1002, 'port'],
];

for (const [address, port, expected] of SOURCES) {
  test(`an answer from ${address} port ${port} is ${expected === 'new' ? 'taken' : 'refused'}`, () => {
    assert.equal(reason(intake().take(answer(), address, port)), expected);
  });
}

const HOSTILE: readonly (readonly [string, Uint8Array, string])[] = [
  ['nothing', new Uint8Array(0), 'deflate'],
  ['noise', Uint8Array.from({ length: 600 }, (_, i) => (i * 7919) % 251), 'deflate'],
  ['a truncated stream', answer().subarray(0, 40), 'deflate'],
  ['JSON that is not compressed', Buffer.from('{"nodeinfo":{"node_id":"a"}}'), 'deflate'],
  ['a compressed bomb', bomb(), 'size'],
  ['bytes that are no UTF-8', deflateRawSync(Buffer.from([0x7b, 0xff, 0xfe, 0x7d])), 'content'],
  ['what is no JSON', deflateRawSync('GET nodeinfo'), 'content'],
  ['a list', deflated([said('a', '02:00:00:00:00:01')]), 'content'],
  ['an answer without a router', deflated({ nodeinfo: { node_id: 7 } }), 'content'],
  ['an answer for two', deflated({ nodeinfo: { node_id: 'a' }, statistics: { node_id: 'b' } }), 'content'],
  ['deep nesting', deflateRawSync('['.repeat(200_000)), 'content'],
];

for (const [what, datagram, expected] of HOSTILE) {
  test(`${what} is refused and leaves no trace`, () => {
    const { book, take } = intake();
    assert.equal(reason(take(datagram)), expected);
    assert.equal(book.nodes.length, 0);
  });
}

test('another router with the same id is refused as long as the first one speaks', () => {
  const { take } = intake();
  take(answer('a', '02:00:00:00:00:01'), 'fe80::1%br-cork');
  assert.equal(reason(take(answer('a', '02:00:00:00:00:02'), 'fe80::2%br-cork')), 'twin');
  assert.equal(reason(take(answer('a', '02:00:00:00:00:02'), 'fe80::2%br-cork', 1001, 600_000)), 'known');
});

test('a source that answers without end is cut short, and the others are not', () => {
  const { take } = intake();
  const outcomes = Array.from({ length: 100 }, () => reason(take(answer('a'))));
  assert.deepEqual([outcomes.indexOf('rate'), outcomes.at(-1)], [INTAKE_LIMITS.eachSource.burst, 'rate']);
  assert.equal(reason(take(answer('b'), 'fe80::2%br-cork')), 'new');
  assert.equal(reason(take(answer('a'), 'fe80::1%br-cork', 1001, 1000)), 'known');
});

test('a flood of invented sources does not silence the routers that are known', () => {
  const { book, take } = intake();
  take(answer('a'));
  const outcomes = Array.from({ length: 5000 }, (_, i) =>
    reason(take(Buffer.of(3), `fe80::f:${i.toString(16)}%br-cork`)),
  );
  assert.equal(outcomes.filter((each) => each === 'flood').length, 5000 - INTAKE_LIMITS.strangers.burst + 1);
  assert.equal(reason(take(answer('a'))), 'known');
  assert.equal(book.nodes.length, 1);
});

test('bombs are worked off no faster than the limit allows', () => {
  const { take } = intake({ work: { rate: 1024, burst: 1 << 20 } });
  const packed = bomb();
  const outcomes = Array.from({ length: 20 }, (_, i) => reason(take(packed, `fe80::${i + 1}%br-cork`)));
  // A megabyte is four times the longest answer, and the first one is owed for.
  assert.deepEqual([outcomes.filter((each) => each === 'size').length, outcomes.at(-1)], [5, 'flood']);
});

test('large answers are worked off no faster either', () => {
  const { take } = intake({ work: { rate: 1024, burst: 1 << 20 } });
  const large = deflated({ ...said('a', '02:00:00:00:00:01'), padding: 'x'.repeat(200_000) });
  const outcomes = Array.from({ length: 20 }, (_, i) => reason(take(large, `fe80::${i + 1}%br-cork`)));
  assert.deepEqual([outcomes.filter((each) => each !== 'flood').length, outcomes.at(-1)], [6, 'flood']);
});

test('what invented routers say takes no more memory than is given to the book', () => {
  const { book, take, it } = intake({ memory: 10_000 });
  const outcomes = Array.from({ length: 50 }, (_, i) => reason(take(answer(`r${i}`), `fe80::${i + 1}%br-cork`)));
  assert.equal(outcomes.at(-1), 'full');
  assert.ok(JSON.stringify(book.nodes).length < 12_000);
  const before = book.nodes.length;
  it.forget(['r0', 'r1']);
  assert.equal(reason(take(answer('late'), 'fe80::99%br-cork')), 'new');
  assert.equal(book.nodes.length, before + 1);
});

test('what was restored counts as memory too', () => {
  const first = intake();
  for (let i = 0; i < 5; i++) first.take(answer(`r${i}`));
  const { take } = intake({ memory: 1000 }, first.book);
  assert.equal(reason(take(answer('late'))), 'full');
});

test('values of wrong types are left out and named, the rest is taken', () => {
  const odd = { nodeinfo: { node_id: 'a', hostname: 5, network: 'none' }, statistics: { node_id: 'a', uptime: -1 } };
  assert.deepEqual(intake().take(deflated(odd)), {
    taken: 'new',
    id: 'a',
    oddities: ['nodeinfo.network', 'nodeinfo.hostname', 'statistics.uptime'],
  });
});

test('no datagram and no source whatever breaks it', () => {
  const spoiled = fc
    .tuple(fc.nat({ max: 400 }), fc.nat({ max: 255 }), fc.nat({ max: 400 }))
    .map(([place, byte, length]) => {
      const bytes = Uint8Array.from(answer());
      bytes[place % bytes.length] = byte;
      return bytes.subarray(0, Math.max(1, length));
    });
  const json = fc.json().map((text) => new Uint8Array(deflateRawSync(text)));
  fc.assert(
    fc.property(
      fc.oneof(fc.uint8Array({ maxLength: 300 }), spoiled, json),
      fc.oneof(fc.constant('fe80::1%br-cork'), fc.ipV6(), fc.string()),
      (datagram, address) => {
        const outcome = intake().take(datagram, address);
        assert.ok('refused' in outcome || outcome.id.length > 0);
      },
    ),
    { numRuns: 2000 },
  );
});
