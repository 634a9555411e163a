import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KithError, toHex, type ErrorCode } from '@kith/core';
import { formatMagnet, parseMagnet, type Magnet } from '@kith/torrent';
import fc from 'fast-check';

const V1 = 'c12fe1c06bba254a9dc9f519b335aa7c1367a88a';
const V2 = 'caf1e1c30e81cb361b9ee167c4aa64228a7fa4fa9f6105232b28ad099f3a302e';

function refused(link: string, code: ErrorCode, message: RegExp): void {
  assert.throws(
    () => parseMagnet(link),
    (error: unknown) => error instanceof KithError && error.code === code && message.test(error.message),
    link,
  );
}

test('hashes are read in hexadecimal, in base32 and as multihash', () => {
  const base32 = 'YEX6DQDLXISUVHOJ6UM3GNNKPQJWPKEK';
  for (const link of [
    `magnet:?xt=urn:btih:${V1}`,
    `magnet:?xt=urn:btih:${V1.toUpperCase()}`,
    `MAGNET:?XT=URN:BTIH:${V1}`,
    `magnet:?xt=urn:btih:${base32}`,
    `magnet:?xt=urn:btih:${base32.toLowerCase()}`,
    `magnet:?xt.1=urn:btih:${V1}`,
    `  magnet:?dn=x&xt=urn%3Abtih%3A${V1}\n`,
    `magnet:?xt=urn:sha1:${base32}&xt=urn:btih:${V1}&xt=urn:btih:${base32}`,
  ]) {
    const { infoHash, infoHashV2 } = parseMagnet(link);
    assert.equal(toHex(infoHash ?? new Uint8Array()), V1, link);
    assert.equal(infoHashV2, undefined);
  }
  const hybrid = parseMagnet(`magnet:?xt=urn:btih:${V1}&xt=urn:btmh:1220${V2}`);
  assert.equal(toHex(hybrid.infoHash ?? new Uint8Array()), V1);
  assert.equal(toHex(hybrid.infoHashV2 ?? new Uint8Array()), V2);
  assert.equal(parseMagnet(`magnet:?xt=urn:btmh:1220${V2}`).infoHash, undefined);
});

test('a link without a usable hash is refused with what is wrong about it', () => {
  refused('', 'MAGNET_INVALID', /"" is no magnet link/);
  refused('http://example.org/a.torrent', 'MAGNET_INVALID', /"http:\/\/example.org\/a.torrent" is no magnet link/);
  refused('magnet:?', 'MAGNET_NO_HASH', /it has no "xt"/);
  refused('magnet:?dn=film', 'MAGNET_NO_HASH', /it has no "xt"/);
  refused('magnet:?xt=urn:ed2k:31D6CFE0D16AE931B73C59D7E0C089C0', 'MAGNET_NO_HASH', /its "xt" is "urn:ed2k/);
  refused(`magnet:?xt=urn:btih:${V1.slice(1)}`, 'MAGNET_INVALID', /has 39 characters: 40 hexadecimal or 32 base32/);
  refused(`magnet:?xt=urn:btih:${V1.slice(1)}g`, 'MAGNET_INVALID', /40 hexadecimal/);
  refused('magnet:?xt=urn:btih:', 'MAGNET_INVALID', /has 0 characters/);
  refused(`magnet:?xt=urn:btmh:1114${V1}`, 'MAGNET_INVALID', /multihash of SHA-256/);
  refused(`magnet:?xt=urn:btmh:1220${V2}00`, 'MAGNET_INVALID', /1220 and 64/);
  refused(`magnet:?xt=urn:btih:${V1}&xt=urn:btih:${V2.slice(0, 40)}`, 'MAGNET_INVALID', /two different hashes/);
  refused(`magnet:?xt=urn:btih:${V1}&dn=${'x'.repeat(70_000)}`, 'MAGNET_INVALID', /at most 65536/);
});

test('everything but the hash is a hint: what is malformed in it is left out', () => {
  const link = [
    `magnet:?xt=urn:btih:${V1}`,
    'dn=A+name%20with%20%C3%BC%2C%20100%%zz',
    'dn=second',
    'xl=12345',
    'tr=udp%3A%2F%2Ftracker.example%3A6969%2Fannounce',
    'tr.1=http://b.example/announce?key=a+b',
    'tr=udp%3A%2F%2Ftracker.example%3A6969%2Fannounce',
    'tr=javascript:alert(1)',
    'ws=https://seed.example/f',
    'ws=file:///etc/passwd',
    'x.pe=192.0.2.1:6881',
    'x.pe=[2001:db8::1]:6882',
    'x.pe=peer.example:1',
    'x.pe=192.0.2.1:0',
    'x.pe=192.0.2.1:65536',
    'x.pe=2001:db8::1:6881',
    'x.pe=[nope]:1',
    'so=0,2,4,6-8,3,20-10,x,-1,9999999999',
    'unknown',
    '=',
    '&',
  ].join('&');
  const { infoHash, ...rest } = parseMagnet(link);
  assert.ok(infoHash);
  assert.deepEqual(rest, {
    name: 'A name with \u00fc, 100%%zz',
    length: 12_345,
    trackers: [['udp://tracker.example:6969/announce'], ['http://b.example/announce?key=a+b']],
    webSeeds: ['https://seed.example/f'],
    peers: [
      { host: '192.0.2.1', port: 6881 },
      { host: '2001:db8::1', port: 6882 },
      { host: 'peer.example', port: 1 },
    ],
    select: [
      [0, 0],
      [2, 4],
      [6, 8],
    ],
  });
});

const magnets: fc.Arbitrary<Magnet> = fc
  .record(
    {
      infoHash: fc.uint8Array({ minLength: 20, maxLength: 20 }),
      infoHashV2: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      name: fc.string({ unit: 'grapheme', minLength: 1 }),
      length: fc.nat(2 ** 31 - 1),
      trackers: fc.uniqueArray(
        fc.webUrl({ withQueryParameters: true }).map((url) => url.trim()),
        { maxLength: 4 },
      ),
      webSeeds: fc.uniqueArray(fc.webUrl({ withFragments: true }), { maxLength: 4 }),
      peers: fc.uniqueArray(
        fc.record(
          { host: fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain()), port: fc.integer({ min: 1, max: 65_535 }) },
          { noNullPrototype: true },
        ),
        { maxLength: 4, selector: ({ host, port }) => `${host} ${port}` },
      ),
      select: fc
        .array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 })), { minLength: 1, maxLength: 4 })
        .map((steps) => {
          let at = 0;
          return steps.map(([gap, size]): [number, number] => {
            const first = at + gap;
            at = first + size + 2;
            return [first, first + size];
          });
        }),
    },
    { requiredKeys: ['infoHash', 'trackers', 'webSeeds', 'peers'], noNullPrototype: true },
  )
  .map((magnet) => ({ ...magnet, trackers: magnet.trackers.map((url) => [url]) }));

test('a magnet that is written and read is the same', () => {
  fc.assert(fc.property(magnets, (magnet) => assert.deepEqual(parseMagnet(formatMagnet(magnet)), magnet)));
});

test('text of strangers gives a magnet that can be written, or a typed error', () => {
  const part = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.constantFrom(
      `xt=urn:btih:${V1}`,
      'x.pe=[',
      'so=1-',
      'so=,',
      'tr=%',
      'tr=http://%ff',
      'dn=%c3',
      'xl=-1',
      'ws=http://[',
    ),
  );
  const link = fc.array(part, { maxLength: 6 }).map((parts) => `magnet:?${parts.join('&')}`);
  fc.assert(
    fc.property(fc.oneof(link, fc.string({ unit: 'binary' })), (text) => {
      let magnet;
      try {
        magnet = parseMagnet(text);
      } catch (error) {
        assert.ok(error instanceof KithError && /^MAGNET_/.test(error.code), String(error));
        return;
      }
      assert.deepEqual(parseMagnet(formatMagnet(magnet)), magnet);
    }),
    { numRuns: 1000 },
  );
});
