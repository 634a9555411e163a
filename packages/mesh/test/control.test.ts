import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressFrom, concat, endpointOf, fromHex, nodeIdFrom, toHex } from '@kith/core';
import type { Endpoint } from '@kith/core';
import { PLANE_LIMITS } from '@kith/mesh';
import { decodeControl, encodeControl, KEY_BYTES, LEDGER_SET, MAX_CANDIDATES, PRESENCE_SET } from '../src/control.ts';
import type { Control, SetId } from '../src/control.ts';
import { PRESENCE_LIMITS } from '../src/presence.ts';
import { endpoint } from './fake.ts';

/** Plain objects, as the decoder makes them. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true });
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const hex = (length: number) => bytes(length).map(toHex);
const anyEndpoint: fc.Arbitrary<Endpoint> = fc
  .tuple(fc.oneof(bytes(4), bytes(16)), fc.integer({ min: 1, max: 65_535 }))
  .map(([address, port]) => endpointOf(addressFrom(address), port));
const u32 = fc.nat(0xffff_ffff);
const u48 = fc.maxSafeNat().map((n) => n % 2 ** 48);
const id = bytes(8).map(nodeIdFrom);
const set: fc.Arbitrary<SetId> = fc.constantFrom(LEDGER_SET, PRESENCE_SET);
const fingerprints = { txid: u32, flags: fc.nat(255), ledger: hex(8), presence: hex(8) };
const prefix = (of: SetId) =>
  fc.tuple(hex(KEY_BYTES[of]), fc.nat(KEY_BYTES[of] * 2)).map(([key, digits]) => key.slice(0, digits));

const KINDS: { readonly [K in Control['kind']]: fc.Arbitrary<Extract<Control, { kind: K }>> } = {
  ping: record({ kind: fc.constant('ping'), ...fingerprints }),
  pong: record({
    kind: fc.constant('pong'),
    ...fingerprints,
    observed: fc.option(anyEndpoint),
  }),
  presence: record({
    kind: fc.constant('presence'),
    items: fc.array(record({ id, seq: u48, age: fc.nat(0xffff), record: fc.uint8Array({ maxLength: 250 }) }), {
      maxLength: 4,
    }),
  }),
  digest: set.chain((s) =>
    record({
      kind: fc.constant('digest'),
      set: fc.constant(s),
      items: fc.array(record({ prefix: prefix(s), fingerprint: hex(8) }), { maxLength: 46, size: 'max' }),
    }),
  ),
  have: set.chain((s) =>
    record({
      kind: fc.constant('have'),
      set: fc.constant(s),
      prefix: prefix(s),
      items: fc.array(fc.tuple(hex(KEY_BYTES[s]), u48), { maxLength: 32, size: 'max' }),
    }),
  ),
  want: set.chain((s) =>
    record({
      kind: fc.constant('want'),
      set: fc.constant(s),
      keys: fc.array(hex(KEY_BYTES[s]), { maxLength: 64, size: 'max' }),
    }),
  ),
  statements: record({
    kind: fc.constant('statements'),
    statements: fc.array(fc.uint8Array({ maxLength: 250 }), { maxLength: 4 }),
  }),
  punch: record({
    kind: fc.constant('punch'),
    step: fc.constantFrom('ask' as const, 'answer' as const),
    txid: u32,
    rtt: fc.nat(0xffff),
    candidates: fc.array(anyEndpoint, { maxLength: MAX_CANDIDATES, size: 'max' }),
  }),
  'link-ask': fc.constant({ kind: 'link-ask' }),
  'link-grant': record({ kind: fc.constant('link-grant'), epoch: u48, signature: bytes(64) }),
  dial: record({ kind: fc.constant('dial'), member: id, endpoint: anyEndpoint, forwards: fc.nat(255) }),
  refused: record({
    kind: fc.constant('refused'),
    reason: fc.constantFrom('expired' as const, 'used' as const, 'revoked' as const),
  }),
};
const anyMessage: fc.Arbitrary<Control> = fc.oneof(...Object.values<fc.Arbitrary<Control>>(KINDS));

const payloadOf = (message: Control) => {
  const { type, body } = encodeControl(message);
  return concat(Uint8Array.of(type), body);
};

for (const [kind, arbitrary] of Object.entries<fc.Arbitrary<Control>>(KINDS)) {
  test(`every ${kind} message comes back as it was sent and fits a control body`, () => {
    fc.assert(
      fc.property(arbitrary, (message) => {
        const payload = payloadOf(message);
        assert.ok(payload.length - 1 <= PLANE_LIMITS.controlBody, `${payload.length} bytes`);
        assert.deepEqual(decodeControl(payload), message);
      }),
    );
  });
}

const FRAMES: readonly (readonly [number, Control, string])[] = [
  [
    1,
    { kind: 'ping', txid: 0x01020304, flags: 3, ledger: '11'.repeat(8), presence: '22'.repeat(8) },
    '01 01020304 03 1111111111111111 2222222222222222',
  ],
  [
    2,
    { kind: 'pong', txid: 1, flags: 1, ledger: '00'.repeat(8), presence: 'ff'.repeat(8), observed: null },
    '02 00000001 01 0000000000000000 ffffffffffffffff 00',
  ],
  [
    3,
    {
      kind: 'pong',
      txid: 1,
      flags: 0,
      ledger: '00'.repeat(8),
      presence: 'ff'.repeat(8),
      observed: endpoint('203.0.113.7:6550'),
    },
    '02 00000001 00 0000000000000000 ffffffffffffffff 06 cb007107 1996',
  ],
  [
    4,
    {
      kind: 'pong',
      txid: 1,
      flags: 0,
      ledger: '00'.repeat(8),
      presence: 'ff'.repeat(8),
      observed: endpoint('[2001:db8::1]:1'),
    },
    '02 00000001 00 0000000000000000 ffffffffffffffff 12 20010db8000000000000000000000001 0001',
  ],
  [
    5,
    {
      kind: 'presence',
      items: [
        { id: nodeIdFrom(fromHex('0102030405060708')), seq: 2 ** 40 + 5, age: 61, record: Uint8Array.of(0xaa, 0xbb) },
      ],
    },
    '03 0102030405060708 010000000005 003d 0002 aabb',
  ],
  [
    6,
    {
      kind: 'digest',
      set: 0,
      items: [
        { prefix: '', fingerprint: '11'.repeat(8) },
        { prefix: 'abc', fingerprint: '22'.repeat(8) },
      ],
    },
    '04 00 00 1111111111111111 03 abc0 2222222222222222',
  ],
  [
    7,
    { kind: 'have', set: 1, prefix: 'ab', items: [['ab00000000000001', 7]] },
    '05 01 02 ab ab00000000000001 000000000007',
  ],
  [8, { kind: 'want', set: 0, keys: ['0f'.repeat(16)] }, `06 00 ${'0f'.repeat(16)}`],
  [9, { kind: 'statements', statements: [Uint8Array.of(1, 2, 3), Uint8Array.of(4)] }, '07 0003 010203 0001 04'],
  [
    10,
    { kind: 'punch', step: 'ask', txid: 9, rtt: 300, candidates: [endpoint('203.0.113.7:6550')] },
    '08 00 00000009 012c 06 cb007107 1996',
  ],
  [11, { kind: 'punch', step: 'answer', txid: 9, rtt: 0, candidates: [] }, '08 01 00000009 0000'],
  [12, { kind: 'link-ask' }, '09 00'],
  [
    13,
    { kind: 'link-grant', epoch: 1_700_000_000_000, signature: new Uint8Array(64).fill(0x5a) },
    `09 01 018bcfe56800 ${'5a'.repeat(64)}`,
  ],
  [
    14,
    {
      kind: 'dial',
      member: nodeIdFrom(fromHex('0102030405060708')),
      endpoint: endpoint('203.0.113.7:6550'),
      forwards: 1,
    },
    '0a 0102030405060708 06 cb007107 1996 01',
  ],
  [15, { kind: 'refused', reason: 'expired' }, '0b 00'],
  [16, { kind: 'refused', reason: 'used' }, '0b 01'],
  [17, { kind: 'refused', reason: 'revoked' }, '0b 02'],
];
for (const [number, message, frame] of FRAMES) {
  test(`frame ${number}, ${message.kind}, stands on the wire as written down`, () => {
    assert.equal(toHex(payloadOf(message)), frame.replaceAll(' ', ''));
    assert.deepEqual(decodeControl(fromHex(frame.replaceAll(' ', ''))), message);
  });
}

test('every kind of message is among the frames', () => {
  assert.deepEqual(new Set(FRAMES.map(([, { kind }]) => kind)), new Set(Object.keys(KINDS)));
});

test('a message cut anywhere is refused or is the shorter list that it now is', () => {
  for (const [number, , frame] of FRAMES) {
    const whole = fromHex(frame.replaceAll(' ', ''));
    for (let length = 0; length < whole.length; length++) {
      const read = decodeControl(whole.subarray(0, length));
      if (read !== null) assert.deepEqual(payloadOf(read), whole.subarray(0, length), `frame ${number} at ${length}`);
    }
  }
});

test('one byte more than a message of fixed length has is refused', () => {
  fc.assert(
    fc.property(
      fc.oneof(KINDS.ping, KINDS.pong, KINDS['link-ask'], KINDS['link-grant'], KINDS.dial, KINDS.refused),
      fc.nat(255),
      (message, more) => {
        assert.equal(decodeControl(concat(payloadOf(message), Uint8Array.of(more))), null);
      },
    ),
  );
});

test('no bytes make the decoder throw, and what it reads has one spelling only', () => {
  const mutated = fc
    .tuple(anyMessage, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }))
    .map(([message, changes]) => {
      const payload = payloadOf(message);
      for (const [at, value] of changes) payload[at % payload.length] = value;
      return payload;
    });
  const noise = fc
    .tuple(fc.integer({ min: 0, max: 16 }), fc.uint8Array({ maxLength: 300, size: 'max' }))
    .map(([type, body]) => concat(Uint8Array.of(type), body));
  fc.assert(
    fc.property(fc.oneof(mutated, noise), (payload) => {
      const read = decodeControl(payload);
      if (read !== null) assert.equal(toHex(payloadOf(read)), toHex(payload));
    }),
    { numRuns: 5000 },
  );
});

test('what is over the limit of a control body is not looked at', () => {
  const longest = concat(Uint8Array.of(7), new Uint8Array(PLANE_LIMITS.controlBody));
  assert.equal(decodeControl(concat(longest, Uint8Array.of(0))), null);
  assert.equal(decodeControl(new Uint8Array(0)), null);
  assert.equal(decodeControl(Uint8Array.of(12)), null, 'no such type');
});

test('a punch message names at most sixteen candidates, whoever wrote it', () => {
  const candidates = Array.from({ length: 20 }, (_, i) => endpoint(`203.0.113.${i}:1`));
  const read = decodeControl(payloadOf({ kind: 'punch', step: 'ask', txid: 1, rtt: 1, candidates }));
  assert.equal(read?.kind === 'punch' ? read.candidates.length : 0, MAX_CANDIDATES);
  const seventeen = concat(fromHex('08000000000100ff'), ...Array.from({ length: 17 }, () => fromHex('06cb0071071996')));
  assert.equal(decodeControl(seventeen), null);
});

test('the longest presence record fits a message of its own', () => {
  const item = { id: nodeIdFrom(new Uint8Array(8)), seq: 1, age: 0, record: new Uint8Array(PRESENCE_LIMITS.record) };
  assert.ok(encodeControl({ kind: 'presence', items: [item] }).body.length <= PLANE_LIMITS.controlBody);
});

test('an age too great for its field is written as the greatest', () => {
  const item = { id: nodeIdFrom(new Uint8Array(8)), seq: 1, age: 1e6, record: new Uint8Array(1) };
  const read = decodeControl(payloadOf({ kind: 'presence', items: [item] }));
  assert.equal(read?.kind === 'presence' ? read.items[0]?.age : 0, 0xffff);
});
