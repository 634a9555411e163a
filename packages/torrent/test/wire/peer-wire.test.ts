import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MemoryDuplex, PeerWire, type ExtensionMessage, type HashRange } from '@kith/torrent';
import { Recorder } from './recorder.ts';
import { encryption, HANDSHAKE, Rig, seededRandom } from './rig.ts';

const range: HashRange = {
  piecesRoot: new Uint8Array(32).fill(7),
  baseLayer: 0,
  index: 512,
  length: 4,
  proofLayers: 9,
};
const everything = { metadata: true, pex: true, dontHave: true };
const extensionHandshake: ExtensionMessage = {
  kind: 'handshake',
  metadataSize: 40_000,
  client: 'kith 0.1',
  port: 6881,
  requestQueue: 500,
  uploadOnly: true,
  yourIp: Uint8Array.of(10, 0, 0, 1),
  speaks: everything,
};

/** Says everything once; what the other side must hear stands beside it. */
function sayEverything(wire: PeerWire, block: Uint8Array): unknown[][] {
  wire.choke();
  wire.unchoke();
  wire.interested();
  wire.notInterested();
  wire.have(4_000_000_000);
  wire.bitfield(Uint8Array.of(0xff, 0x80));
  wire.haveAll();
  wire.haveNone();
  wire.request(1, 16_384, 16_384);
  wire.cancel(1, 16_384, 16_384);
  wire.reject(2, 0, 1);
  wire.suggest(3);
  wire.allowedFast(4);
  wire.port(65_535);
  wire.keepAlive();
  wire.piece(9, 32_768, block);
  assert.equal(wire.extension(extensionHandshake), true);
  wire.hashRequest(range);
  wire.hashes(range, new Uint8Array(64).fill(9));
  wire.hashReject(range);
  return [
    ['choke'],
    ['unchoke'],
    ['interested'],
    ['notInterested'],
    ['have', 4_000_000_000],
    ['bitfield', Uint8Array.of(0xff, 0x80)],
    ['haveAll'],
    ['haveNone'],
    ['request', 1, 16_384, 16_384],
    ['cancel', 1, 16_384, 16_384],
    ['reject', 2, 0, 1],
    ['suggest', 3],
    ['allowedFast', 4],
    ['port', 65_535],
    ['block', 9, 32_768, block.length],
    ['extension', extensionHandshake],
    ['hashRequest', range],
    ['hashes', range, new Uint8Array(64).fill(9)],
    ['hashReject', range],
  ];
}

test('what one side says is what the other hears, plain and encrypted, however reads cut it', () => {
  const policies = fc.constantFrom(
    undefined,
    ['off', 'off'] as const,
    ['required', 'required'] as const,
    ['preferred', 'allowed'] as const,
    ['preferred', 'preferred'] as const,
    ['allowed', 'preferred'] as const,
  );
  const cuts = fc.oneof(
    fc.constant([1]),
    fc.constant([65_536]),
    fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20_000 })), {
      minLength: 1,
      maxLength: 40,
    }),
  );
  fc.assert(
    fc.property(policies, cuts, fc.integer({ min: 1, max: 16_384 }), fc.nat(), (chosen, lengths, size, seed) => {
      let turn = 0;
      const rig = new Rig({
        ...(chosen === undefined ? {} : { policies: chosen }),
        seed,
        cut: () => lengths[turn++ % lengths.length] ?? 1,
      });
      rig.settle();
      const block = seededRandom(seed)(size);
      const original = block.slice();
      for (const [wire, recorder] of [
        [rig.dialed, rig.right],
        [rig.accepted, rig.left],
      ] as const) {
        const expected = sayEverything(wire, block);
        wire.flush();
        rig.settle();
        assert.deepEqual(recorder.heard, [['handshake', HANDSHAKE], ...expected]);
        assert.deepEqual(recorder.blocks, [original]);
      }
      assert.deepEqual(block, original, 'a cached block is never changed');
      assert.equal(rig.dialed.downloadedPayload, size);
      assert.equal(rig.dialed.uploadedPayload, size);
      assert.equal(rig.dialed.uploadedProtocol, rig.accepted.downloadedProtocol);
      assert.equal(rig.accepted.uploadedProtocol, rig.dialed.downloadedProtocol);
    }),
    { numRuns: 60 },
  );
});

test('500 requests leave as one chunk, and so do blocks with what is said after them', () => {
  const rig = new Rig();
  rig.settle();
  const [end] = MemoryDuplex.pair();
  const written: (readonly Uint8Array[])[] = [];
  end.write = (chunks) => void written.push(chunks.map((chunk) => chunk.slice()));
  const wire = PeerWire.dialed(end, new Recorder(), { handshake: HANDSHAKE });
  wire.flush();
  assert.deepEqual(
    written.map((chunks) => chunks.length),
    [1],
  );

  // Only an established wire sends: the other end's handshake is put in by hand.
  wire.data(written[0]?.[0]?.slice() ?? new Uint8Array(0), 1);
  for (let i = 0; i < 500; i++) wire.request(i, 0, 16_384);
  wire.flush();
  assert.deepEqual(
    written[1]?.map((chunk) => chunk.length),
    [500 * 17],
  );

  const block = new Uint8Array(16_384).fill(5);
  wire.piece(1, 0, block);
  wire.piece(1, 16_384, block);
  wire.have(1);
  wire.flush();
  assert.deepEqual(
    written[2]?.map((chunk) => chunk.length),
    [2 * (13 + 16_384) + 9],
  );
});

test('what waits is not overwritten by what is said after it', () => {
  const rig = new Rig();
  rig.settle();
  for (let i = 0; i < 3000; i++) {
    rig.dialed.have(i);
    if (i % 7 === 0) rig.dialed.flush();
  }
  rig.dialed.flush();
  rig.settle();
  assert.deepEqual(
    rig.right.heard.slice(1),
    Array.from({ length: 3000 }, (_, i) => ['have', i]),
  );
});

test('a message that is said within a call of the handler leaves at the end of the read', () => {
  const rig = new Rig();
  rig.settle();
  rig.right.interested = () => rig.accepted.unchoke();
  rig.dialed.interested();
  rig.dialed.flush();
  rig.settle();
  assert.deepEqual(rig.left.heard.at(-1), ['unchoke']);
});

test('an announced message beyond a limit ends the connection before anything of it is stored', () => {
  const cases: readonly (readonly [string, number[]])[] = [
    ['a message of 4294967295 bytes', [0xff, 0xff, 0xff, 0xff]],
    ['message 0 with 1 bytes', [0, 0, 0, 2, 0, 0]],
    ['message 4 with 3 bytes', [0, 0, 0, 4, 4, 0, 0, 0]],
    ['message 7 with 8 bytes', [0, 0, 0, 9, 7]],
    ['message 7 with 16393 bytes', [0, 0, 0x40, 0x0a, 7]],
    ['message 5 with 5 bytes', [0, 0, 0, 6, 5]],
    ['message 20 with 0 bytes', [0, 0, 0, 1, 20]],
    ['message 21 with 47 bytes', [0, 0, 0, 48, 21]],
    ['message 22 with 49 bytes', [0, 0, 0, 50, 22]],
    ['a request of 16385 bytes', [0, 0, 0, 13, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 1]],
    ['a request of 0 bytes', [0, 0, 0, 13, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
    ['lt_donthave with 3 bytes', [0, 0, 0, 5, 20, 3, 0, 0, 0]],
  ];
  for (const [reason, bytes] of cases) {
    for (const piecewise of [false, true]) {
      const rig = new Rig({ limits: { bitfield: 4 } });
      rig.settle();
      const heard = rig.right.heard.length;
      if (piecewise) for (const byte of bytes) rig.accepted.data(Uint8Array.of(byte), 2);
      else rig.accepted.data(Uint8Array.from(bytes), 2);
      rig.settle();
      assert.deepEqual(rig.right.heard.slice(heard), [['closed', reason]]);
      assert.deepEqual(rig.left.heard.at(-1), ['closed', 'closed by the peer']);
    }
  }
});

test('an unknown message is passed over, also when reads cut it', () => {
  for (const size of [1, 3, 1000]) {
    const rig = new Rig({ cut: () => size });
    rig.settle();
    const unknown = new Uint8Array(4 + 1 + 200);
    unknown.set([0, 0, 0, 201, 77]);
    for (let at = 0; at < unknown.length; at += size) rig.accepted.data(unknown.slice(at, at + size), 2);
    rig.dialed.have(3);
    rig.dialed.flush();
    rig.settle();
    assert.deepEqual(rig.right.heard.at(-1), ['have', 3]);
    assert.equal(rig.accepted.downloadedPayload, 0);
  }
});

test('a block that nobody wants is dropped and reported', () => {
  const rig = new Rig();
  rig.right.blockStart = () => undefined;
  rig.settle();
  rig.dialed.piece(1, 0, new Uint8Array(100));
  rig.dialed.flush();
  rig.settle();
  assert.deepEqual(rig.right.heard.at(-1), ['block', 1, 0, 100]);
});

test('a block whose memory is needed for something else does not touch it any more', () => {
  const rig = new Rig({ cut: () => 50 });
  const memory = new Uint8Array(100);
  rig.settle();
  rig.right.blockStart = () => memory;
  rig.right.settled = () => {
    if (rig.accepted.downloadedPayload > 0) rig.accepted.skipBlock();
  };
  rig.dialed.piece(1, 0, new Uint8Array(100).fill(1));
  rig.dialed.flush();
  rig.settle();
  assert.deepEqual(rig.right.heard.at(-1), ['block', 1, 0, 100]);
  assert.equal(memory.indexOf(0), 37);
});

test('what a handler throws ends the connection with that reason', () => {
  const rig = new Rig();
  rig.settle();
  rig.right.have = () => {
    throw new Error('no such piece');
  };
  rig.dialed.have(1);
  rig.dialed.have(2);
  rig.dialed.flush();
  rig.settle();
  assert.deepEqual(rig.right.heard.at(-1), ['closed', 'no such piece']);
});

test('after close nothing is heard but the end, not even what came in the same read', () => {
  const rig = new Rig();
  rig.settle();
  rig.right.choke = () => rig.accepted.close('enough');
  rig.dialed.choke();
  rig.dialed.have(1);
  rig.dialed.flush();
  rig.settle();
  assert.deepEqual(rig.right.heard.slice(1), [['closed', 'enough']]);
  rig.accepted.have(1);
  rig.accepted.flush();
  assert.deepEqual(rig.left.heard.at(-1), ['closed', 'closed by the peer']);
});

test('every flush is followed by word that it was taken', () => {
  const rig = new Rig();
  rig.settle();
  const before = rig.left.drainCount;
  rig.dialed.have(1);
  assert.equal(rig.dialed.pending, 9);
  rig.dialed.flush();
  assert.equal(rig.dialed.pending, 9);
  rig.settle();
  assert.equal(rig.dialed.pending, 0);
  assert.equal(rig.left.drainCount, before + 1);
});

test('an unknown torrent and one that was not asked for end the connection', () => {
  const other = { ...HANDSHAKE, infoHash: new Uint8Array(20).fill(0xbb) };
  const answersOther = new Rig({ answer: other });
  answersOther.settle();
  assert.deepEqual(answersOther.left.heard, [['closed', 'the peer answers for another torrent']]);

  for (const secret of [undefined, encryption('required')]) {
    const pair = MemoryDuplex.pair();
    let refused: string | undefined;
    const options = secret === undefined ? {} : { encryption: secret };
    PeerWire.accepted(
      pair[1],
      { findTorrent: () => undefined, attach: () => undefined, closed: (_wire, reason) => (refused = reason) },
      options,
    );
    PeerWire.dialed(pair[0], new Recorder(), { handshake: HANDSHAKE, ...options });
    MemoryDuplex.settle(pair, 1);
    assert.equal(refused, 'an unknown torrent');
  }
});

test('a hybrid torrent may be answered for with its other hash', () => {
  const pair = MemoryDuplex.pair();
  const other = new Uint8Array(20).fill(0xbb);
  const left = new Recorder();
  PeerWire.accepted(pair[1], {
    findTorrent: () => undefined,
    attach: () => ({ handler: new Recorder(), handshake: { ...HANDSHAKE, infoHash: other } }),
    closed: () => assert.fail(),
  });
  PeerWire.dialed(pair[0], left, { handshake: HANDSHAKE, otherInfoHash: other });
  MemoryDuplex.settle(pair, 1);
  assert.equal(left.heard[0]?.[0], 'handshake');
});
