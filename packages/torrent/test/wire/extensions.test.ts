import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encode, type Encodable } from '../../src/bencode.ts';
import { Extensions } from '../../src/wire/extensions.ts';
import { decodeHandshake, encodeHandshake } from '../../src/wire/handshake.ts';
import { WIRE_LIMITS } from '../../src/wire/limits.ts';
import type { ExtensionMessage, Handshake, PexPeer } from '@kith/torrent';
import { HANDSHAKE } from './rig.ts';

const speaks = { metadata: true, pex: true, dontHave: true };
const hello: ExtensionMessage = { kind: 'handshake', uploadOnly: false, speaks };

/** Two sides that have told each other what they speak. */
function acquainted(): readonly [Extensions, Extensions] {
  const [a, b] = [new Extensions(WIRE_LIMITS), new Extensions(WIRE_LIMITS)];
  pass(a, b, hello);
  pass(b, a, hello);
  return [a, b];
}

function pass(from: Extensions, to: Extensions, message: ExtensionMessage): ExtensionMessage | undefined {
  const bytes = from.encode(message);
  return bytes === undefined ? undefined : to.decode(bytes[0] ?? -1, bytes.subarray(1));
}

function told(fields: Encodable, id = 0, behind = new Uint8Array(0)): ExtensionMessage | undefined {
  return new Extensions(WIRE_LIMITS).decode(id, Buffer.concat([encode(fields), behind]));
}

test('a handshake has its 68 bytes in their places', () => {
  const bytes = Buffer.from(encodeHandshake(HANDSHAKE));
  assert.equal(
    bytes.toString('hex'),
    `13${Buffer.from('BitTorrent protocol').toString('hex')}0000000000100005${'aa'.repeat(20)}${Buffer.from('-KI0001-abcdefghijkl').toString('hex')}`,
  );
  for (const flag of ['extensions', 'fast', 'dht', 'v2'] as const) {
    const off: Handshake = { ...HANDSHAKE, extensions: false, fast: false, dht: false, v2: false };
    const on: Handshake = { ...off, [flag]: true };
    assert.deepEqual(decodeHandshake(encodeHandshake(on)), on);
  }
});

test('every message of an extension arrives as it was said, and only at a peer that speaks it', () => {
  const added: PexPeer[] = [
    { ip: '10.0.0.1', port: 6881, prefersEncryption: true, seed: false, reachable: true },
    { ip: '2001:db8::1', port: 1, prefersEncryption: false, seed: true, reachable: false },
  ];
  const messages: ExtensionMessage[] = [
    { kind: 'metadata-request', piece: 3 },
    { kind: 'metadata-data', piece: 1, size: 16_384 + 5, bytes: Uint8Array.of(1, 2, 3, 4, 5) },
    { kind: 'metadata-reject', piece: 0 },
    {
      kind: 'pex',
      added,
      dropped: [
        { ip: '10.0.0.2', port: 2 },
        { ip: 'fd00::2', port: 3 },
      ],
    },
    { kind: 'dont-have', piece: 0xffff_ffff },
  ];
  const [a, b] = acquainted();
  const stranger = new Extensions(WIRE_LIMITS);
  for (const message of messages) {
    assert.deepEqual(pass(a, b, message), message);
    assert.equal(stranger.encode(message), undefined);
  }
});

test('the extension handshake carries all of its fields, and addresses are copies', () => {
  const full: ExtensionMessage = {
    kind: 'handshake',
    metadataSize: 31_235,
    client: 'kith 0.1 ü',
    port: 6881,
    requestQueue: 500,
    uploadOnly: true,
    yourIp: new Uint8Array(16).fill(1),
    ipv4: Uint8Array.of(10, 0, 0, 1),
    ipv6: new Uint8Array(16).fill(2),
    speaks,
  };
  const [a, b] = acquainted();
  assert.deepEqual(pass(a, b, full), full);
});

test('a peer is spoken to by the ids it named, and a later handshake changes only what it names', () => {
  const ours = new Extensions(WIRE_LIMITS);
  const hears = (m: Encodable): void => void ours.decode(0, encode({ m }));
  hears({ ut_metadata: 77, ut_pex: 5 });
  const request: ExtensionMessage = { kind: 'metadata-request', piece: 0 };
  assert.equal(ours.encode(request)?.[0], 77);
  hears({ ut_pex: 0 });
  assert.equal(ours.encode(request)?.[0], 77);
  assert.equal(ours.encode({ kind: 'pex', added: [], dropped: [] }), undefined);
});

test('fields that make no sense are passed over, beyond limits too', () => {
  const nonsense = {
    m: 5,
    metadata_size: WIRE_LIMITS.metadata + 1,
    p: 65_536,
    reqq: -1,
    yourip: Uint8Array.of(1, 2, 3),
    v: 7,
    upload_only: 'yes',
  };
  const silent = { metadata: false, pex: false, dontHave: false };
  assert.deepEqual(told(nonsense), { kind: 'handshake', uploadOnly: false, speaks: silent });
  const long = told({ v: 'x'.repeat(1000) });
  assert.equal(long?.kind === 'handshake' ? long.client?.length : undefined, 64);
});

test('metadata has exactly the bytes that its piece must have', () => {
  const data = (piece: number, size: number, length: number) =>
    told({ msg_type: 1, piece, total_size: size }, 1, new Uint8Array(length));
  assert.equal(data(1, 16_385, 1)?.kind, 'metadata-data');
  for (const [piece, size, length] of [
    [1, 16_385, 2],
    [0, 16_385, 1],
    [2, 16_385, 0],
    [0, WIRE_LIMITS.metadata + 1, 16_384],
  ] as const) {
    assert.throws(() => data(piece, size, length), { name: 'WireError' });
  }
  assert.equal(told({ msg_type: 9, piece: 0 }, 1), undefined);
});

test('of a PEX message at most the limit is taken, cut entries and port 0 are not', () => {
  const entry = [10, 0, 0, 1, 0, 80];
  const many = told({ added: Uint8Array.from({ length: 6 * 500 }, (_, i) => entry[i % 6] ?? 0) }, 2);
  assert.equal(many?.kind === 'pex' ? many.added.length : undefined, WIRE_LIMITS.pexPeers);
  const odd = told({ added: Uint8Array.of(...entry, 10, 0, 0, 2, 0, 0, 10, 0), dropped: 5 }, 2);
  assert.deepEqual(odd, {
    kind: 'pex',
    added: [{ ip: '10.0.0.1', port: 80, prefersEncryption: false, seed: false, reachable: false }],
    dropped: [],
  });
  const [a] = acquainted();
  const dropped = Array.from({ length: 51 }, () => ({ ip: '10.0.0.1', port: 1 }));
  assert.throws(() => a.encode({ kind: 'pex', added: [], dropped }), RangeError);
});
