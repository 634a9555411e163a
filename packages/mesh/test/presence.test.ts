import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  addressFrom,
  concat,
  encodeCbor,
  endpointOf,
  fromHex,
  keyBytes,
  networkIdFrom,
  nodeIdFrom,
  toHex,
  utf8,
} from '@kith/core';
import type { Cbor, NetworkId } from '@kith/core';
import {
  decodePresence,
  grantLink,
  PRESENCE_LIMITS,
  signPresence,
  verifyGrant,
  verifyPresence,
} from '../src/presence.ts';
import type { Presence } from '../src/presence.ts';
import { endpoint, idOf, presence } from './fake.ts';
import { issuer, real, World } from './ledger/world.ts';

const world = new World(real);
const ada = world.actor(0);
const bob = issuer(real, 1);
const adaId = idOf(world, 0);
const bobId = idOf(world, 1);
const other: NetworkId = networkIdFrom(new Uint8Array(32).fill(9));

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const below = (limit: number) => fc.maxSafeNat().map((n) => n % limit);
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true });
const anyPresence: fc.Arbitrary<Presence> = record<Presence>({
  id: fc.constant(adaId),
  seq: below(2 ** 48),
  ttl: fc.nat(PRESENCE_LIMITS.ttl),
  endpoints: fc.array(
    record<Presence['endpoints'][number]>({
      kind: fc.constantFrom('local', 'reflexive', 'static'),
      endpoint: fc
        .tuple(fc.oneof(bytes(4), bytes(16)), fc.integer({ min: 1, max: 65_535 }))
        .map(([address, port]) => endpointOf(addressFrom(address), port)),
    }),
    { maxLength: PRESENCE_LIMITS.endpoints },
  ),
  nat: fc.constantFrom('public', 'none', 'easy', 'symmetric', 'unknown'),
  reachable: fc.boolean(),
  relay: fc.boolean(),
  exit: fc.boolean(),
  links: fc.array(
    record<Presence['links'][number]>({
      to: bytes(8).map(nodeIdFrom),
      rtt: fc.nat(65_535),
      loss: fc.nat(1000),
      epoch: below(2 ** 48),
      grant: bytes(64),
    }),
    { maxLength: PRESENCE_LIMITS.links },
  ),
  version: fc.string({ maxLength: 32, unit: 'grapheme-ascii' }),
  goodbye: fc.boolean(),
  down: fc.array(record<Presence['down'][number]>({ id: bytes(8).map(nodeIdFrom), seq: below(2 ** 48) }), {
    maxLength: PRESENCE_LIMITS.down,
  }),
  location: fc.option(
    record<NonNullable<Presence['location']>>({
      latitude: fc.integer({ min: -900_000, max: 900_000 }).map((step) => step / 10_000),
      longitude: fc.integer({ min: -1_800_000, max: 1_800_000 }).map((step) => step / 10_000),
    }),
  ),
});

test('a presence comes back as it was signed, and its signature holds', () => {
  fc.assert(
    fc.property(anyPresence, (said) => {
      const signed = signPresence(real, world.network, ada.seed, said);
      assert.deepEqual(decodePresence(signed), said);
      assert.ok(verifyPresence(real, world.network, ada.key, signed));
    }),
    { numRuns: 40 },
  );
});

test('the fullest record fits its limit', () => {
  const full = presence(adaId, {
    seq: 2 ** 48 - 1,
    ttl: PRESENCE_LIMITS.ttl,
    endpoints: Array.from({ length: PRESENCE_LIMITS.endpoints }, (_, i) => ({
      kind: 'reflexive' as const,
      endpoint: endpoint(`[2001:db8:ffff:ffff:ffff:ffff:ffff:fff${i}]:65535`),
    })),
    links: Array.from({ length: PRESENCE_LIMITS.links }, () => ({
      to: bobId,
      rtt: 65_535,
      loss: 1000,
      epoch: 2 ** 48 - 1,
      grant: new Uint8Array(64).fill(255),
    })),
    version: 'v'.repeat(32),
    down: Array.from({ length: PRESENCE_LIMITS.down }, () => ({ id: bobId, seq: 2 ** 48 - 1 })),
  });
  const signed = signPresence(real, world.network, ada.seed, full);
  assert.ok(signed.length <= PRESENCE_LIMITS.record, `${signed.length} bytes`);
  assert.deepEqual(decodePresence(signed), full);
});

const SAID = presence(nodeIdFrom(fromHex('0102030405060708')), {
  seq: 1_700_000_000_000,
  endpoints: [{ kind: 'static', endpoint: endpoint('203.0.113.7:6550') }],
  nat: 'public',
  reachable: true,
  exit: true,
  links: [
    { to: nodeIdFrom(fromHex('1112131415161718')), rtt: 12, loss: 5, epoch: 7, grant: new Uint8Array(64).fill(1) },
  ],
  down: [{ id: nodeIdFrom(fromHex('2122232425262728')), seq: 9 }],
  location: { latitude: 53.35, longitude: -6.26 },
});
/** Keys in the order of RFC 8949 section 4.2.1: dn ep ex id ln loc nat off pub rel seq ttl ver. */
const FRAME = [
  'ad 62646e 81 82 48 2122232425262728 09',
  '62 6570 81 82 02 46 cb0071071996',
  '62 6578 f5',
  '62 6964 48 0102030405060708',
  `62 6c6e 81 85 48 1112131415161718 0c 05 07 5840 ${'01'.repeat(64)}`,
  '63 6c6f63 82 1a 0015df9c 1a 001a82b8',
  '63 6e6174 00 63 6f6666 f4 63 707562 f5 63 72656c f5',
  '63 736571 1b 0000018bcfe56800 63 74746c 18 5a 63 766572 65 302e312e30',
]
  .join('')
  .replaceAll(' ', '');

test('the signed part of a record stands on the wire as written down', () => {
  const signed = signPresence(real, world.network, ada.seed, SAID);
  assert.equal(toHex(signed.subarray(64)), FRAME);
  assert.deepEqual(decodePresence(concat(new Uint8Array(64), fromHex(FRAME))), SAID);
});

test('a signature holds for its network, its key and its content only', () => {
  const signed = signPresence(real, world.network, ada.seed, SAID);
  assert.ok(verifyPresence(real, world.network, ada.key, signed));
  assert.equal(verifyPresence(real, other, ada.key, signed), false, 'another network');
  assert.equal(verifyPresence(real, world.network, bob.key, signed), false, 'another key');
  for (const at of [0, 63, 64, 80, signed.length - 1]) {
    const forged = Uint8Array.from(signed);
    forged[at] = (forged[at] as number) ^ 1;
    assert.equal(verifyPresence(real, world.network, ada.key, forged), false, `byte ${at}`);
  }
});

test('what is signed as one thing does not pass for another', () => {
  const body = signPresence(real, world.network, ada.seed, SAID).subarray(64);
  // A signature over the same bytes without the domain, and one over a statement's domain.
  for (const message of [body, concat(fromHex(world.network), body)]) {
    const signed = concat(real.ed25519Sign(ada.seed.reveal(), message), body);
    assert.equal(verifyPresence(real, world.network, ada.key, signed), false);
  }
  const grant = grantLink(real, world.network, ada.seed, { publisher: bobId, grantor: adaId, epoch: 5 });
  assert.equal(verifyPresence(real, world.network, ada.key, concat(grant, body)), false);
});

test('a grant holds for its publisher, grantor, epoch and network only', () => {
  const link = { publisher: bobId, grantor: adaId, epoch: 1_700_000_000_000 };
  const grant = grantLink(real, world.network, ada.seed, link);
  assert.ok(verifyGrant(real, world.network, ada.key, { ...link, grant }));
  assert.equal(verifyGrant(real, world.network, ada.key, { ...link, publisher: adaId, grant }), false);
  assert.equal(verifyGrant(real, world.network, ada.key, { ...link, grantor: bobId, grant }), false);
  assert.equal(verifyGrant(real, world.network, ada.key, { ...link, epoch: link.epoch + 1, grant }), false);
  assert.equal(verifyGrant(real, other, ada.key, { ...link, grant }), false);
  assert.equal(verifyGrant(real, world.network, bob.key, { ...link, grant }), false);
  assert.equal(verifyGrant(real, world.network, ada.key, { ...link, grant: new Uint8Array(64) }), false);
});

test('what a grant signs is the text, the network, publisher, grantor and epoch, in this order', () => {
  const grant = grantLink(real, world.network, ada.seed, { publisher: bobId, grantor: adaId, epoch: 0x010203040506 });
  const message = fromHex(`${toHex(utf8('kith link v1'))}00${world.network}${bobId}${adaId}010203040506`);
  assert.ok(real.ed25519Verify(keyBytes(ada.key), message, grant));
  const record = fromHex(`${toHex(utf8('kith presence v1'))}00${world.network}${FRAME}`);
  const signed = signPresence(real, world.network, ada.seed, SAID);
  assert.ok(real.ed25519Verify(keyBytes(ada.key), record, signed.subarray(0, 64)));
});

/** A record whose signed part is any CBOR. */
const made = (value: Cbor) => concat(new Uint8Array(64), encodeCbor(value));
const FIELDS = {
  id: fromHex(adaId),
  seq: 1,
  ttl: 90,
  ep: [] as Cbor,
  nat: 0,
  pub: true,
  rel: true,
  ex: false,
  ln: [] as Cbor,
  ver: '',
  off: false,
  dn: [] as Cbor,
  loc: [] as Cbor,
};
const LINK = [fromHex(bobId), 1, 1, 1, new Uint8Array(64)];
const ENDPOINT = fromHex('cb0071071996');

test('a record of the right form is read: the refusals below are refusals of what they name', () => {
  assert.ok(decodePresence(made(FIELDS)));
  assert.ok(decodePresence(made({ ...FIELDS, ep: [[0, ENDPOINT]], ln: [LINK] })));
});

const REFUSED: readonly (readonly [string, Cbor])[] = [
  ['no map', [1]],
  ['a field too many', { ...FIELDS, more: 1 }],
  ['a field missing', Object.fromEntries(Object.entries(FIELDS).slice(1))],
  ['a field missing and another instead', { ...Object.fromEntries(Object.entries(FIELDS).slice(1)), more: 1 }],
  ['an id of 7 bytes', { ...FIELDS, id: new Uint8Array(7) }],
  ['a sequence of 49 bits', { ...FIELDS, seq: 2 ** 48 }],
  ['a negative sequence', { ...FIELDS, seq: -1 }],
  ['a life over an hour', { ...FIELDS, ttl: 3601 }],
  ['an unknown NAT class', { ...FIELDS, nat: 5 }],
  ['a flag that is a number', { ...FIELDS, off: 1 }],
  ['a version of 33 characters', { ...FIELDS, ver: 'v'.repeat(33) }],
  ['nine endpoints', { ...FIELDS, ep: Array.from({ length: 9 }, () => [0, ENDPOINT]) }],
  ['an unknown kind of endpoint', { ...FIELDS, ep: [[3, ENDPOINT]] }],
  ['an endpoint of 5 bytes', { ...FIELDS, ep: [[0, ENDPOINT.subarray(1)]] }],
  ['an endpoint with port 0', { ...FIELDS, ep: [[0, fromHex('cb0071070000')]] }],
  ['an endpoint with a third part', { ...FIELDS, ep: [[0, ENDPOINT, 0]] }],
  ['five links', { ...FIELDS, ln: Array.from({ length: 5 }, () => LINK) }],
  ['thirteen silent partners', { ...FIELDS, dn: Array.from({ length: 13 }, () => [fromHex(bobId), 1]) }],
  ['a silent partner without a sequence', { ...FIELDS, dn: [[fromHex(bobId)]] }],
  ['a silent partner with an id of 9 bytes', { ...FIELDS, dn: [[new Uint8Array(9), 1]] }],
  ['a place beyond the pole', { ...FIELDS, loc: [1_800_001, 0] }],
  ['a place beyond the date line', { ...FIELDS, loc: [0, 3_600_001] }],
  ['half a place', { ...FIELDS, loc: [1] }],
  ['a place that is no list', { ...FIELDS, loc: true }],
  ['a link of four parts', { ...FIELDS, ln: [LINK.slice(0, 4)] }],
  ['a loss over 1000 per mille', { ...FIELDS, ln: [LINK.with(2, 1001)] }],
  ['an RTT of 17 bits', { ...FIELDS, ln: [LINK.with(1, 65_536)] }],
  ['a grant of 63 bytes', { ...FIELDS, ln: [LINK.with(4, new Uint8Array(63))] }],
];
for (const [what, value] of REFUSED) {
  test(`a record with ${what} is refused`, () => {
    assert.equal(decodePresence(made(value)), null);
  });
}

test('a record over its limit, or of another spelling, is refused', () => {
  assert.equal(decodePresence(made({ ...FIELDS, ver: 'v'.repeat(PRESENCE_LIMITS.record) })), null);
  assert.equal(decodePresence(new Uint8Array(64)), null);
  const plain = made(FIELDS);
  assert.equal(decodePresence(concat(plain, Uint8Array.of(0))), null, 'a byte more');
  const long = Uint8Array.from(plain);
  assert.equal(long[64], 0xad, 'a map of thirteen');
  assert.equal(decodePresence(concat(long.subarray(0, 64), Uint8Array.of(0xb8, 13), long.subarray(65))), null);
});

test('no bytes make the decoder throw', () => {
  const signed = signPresence(real, world.network, ada.seed, SAID);
  const mutated = fc.array(fc.tuple(fc.nat(signed.length - 1), fc.nat(255)), { maxLength: 4 }).map((changes) => {
    const copy = Uint8Array.from(signed);
    for (const [at, value] of changes) copy[at] = value;
    return copy;
  });
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 1200, size: 'max' })), (input) => {
      const read = decodePresence(input);
      if (read !== null) assert.ok(read.endpoints.length <= PRESENCE_LIMITS.endpoints);
    }),
    { numRuns: 3000 },
  );
});
