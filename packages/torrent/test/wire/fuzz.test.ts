import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MemoryDuplex, PeerWire, WireError, type EncryptionPolicy } from '@kith/torrent';
import { Extensions } from '../../src/wire/extensions.ts';
import { decodeHandshake } from '../../src/wire/handshake.ts';
import { WIRE_LIMITS } from '../../src/wire/limits.ts';
import { MessageParser } from '../../src/wire/parser.ts';
import { Recorder } from './recorder.ts';
import { encryption, HANDSHAKE, Rig } from './rig.ts';

const bytes = (maxLength: number) => fc.uint8Array({ maxLength });

/** A message with the id of a known one more often than not, and a length that is right more often than not. */
const message = fc
  .tuple(
    fc.oneof(fc.integer({ min: 0, max: 23 }), fc.nat(255)),
    bytes(120),
    fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.integer({ min: -3, max: 3 })),
  )
  .map(([id, fields, error]) => {
    const out = Buffer.alloc(5 + fields.length);
    out.writeUInt32BE(Math.max(0, 1 + fields.length + error));
    out[4] = id;
    out.set(fields, 5);
    return Uint8Array.from(out);
  });

function onlyWireErrors(run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
}

test('whatever messages come, however cut, only WireError comes out and both ways of reading agree', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(message, bytes(40)), { maxLength: 20 }),
      fc.integer({ min: 1, max: 50 }),
      (parts, size) => {
        const stream = Buffer.concat(parts);
        const heard = [stream.length, size].map((step) => {
          const recorder = new Recorder();
          const parser = new MessageParser(recorder, new Extensions(WIRE_LIMITS), WIRE_LIMITS);
          onlyWireErrors(() => {
            for (let at = 0; at < stream.length; at += step) {
              parser.parse(Uint8Array.from(stream.subarray(at, at + step)), 0, 1);
            }
          });
          return recorder.heard;
        });
        // A limit may strike earlier where the length alone is there; what was heard before is the same.
        assert.deepEqual(heard[1], heard[0]);
      },
    ),
    { numRuns: 2000 },
  );
});

test('whatever an extension message holds, only WireError comes out', () => {
  const bencoded = fc.oneof(
    bytes(200),
    fc
      .array(
        fc.tuple(
          fc.constantFrom(
            'm',
            'v',
            'p',
            'reqq',
            'metadata_size',
            'yourip',
            'msg_type',
            'piece',
            'total_size',
            'added',
            'added.f',
            'added6',
            'dropped',
            'upload_only',
          ),
          fc.oneof(
            fc.integer().map((n) => `i${n}e`),
            fc.string({ maxLength: 30 }).map((text) => `${Buffer.byteLength(text)}:${text}`),
            fc.constant('d11:ut_metadatai300ee'),
            fc.constant('d6:ut_pexi-1ee'),
            fc.constant('le'),
          ),
        ),
        { maxLength: 8 },
      )
      .map((fields) =>
        Uint8Array.from(Buffer.from(`d${fields.map(([key, value]) => `${key.length}:${key}${value}`).join('')}e`)),
      ),
  );
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4 }), bencoded, (id, payload) => {
      onlyWireErrors(() => new Extensions(WIRE_LIMITS).decode(id, payload));
    }),
    { numRuns: 3000 },
  );
});

test('whatever a handshake holds, only WireError comes out', () => {
  fc.assert(
    fc.property(fc.oneof(bytes(80), fc.uint8Array({ minLength: 68, maxLength: 68 })), (data) => {
      onlyWireErrors(() => void decodeHandshake(data));
    }),
  );
});

test('whatever a stranger sends first, the connection waits or ends with a reason', () => {
  const policy = fc.constantFrom<EncryptionPolicy>('required', 'preferred', 'allowed', 'off');
  fc.assert(
    fc.property(policy, fc.array(bytes(400), { maxLength: 6 }), (chosen, reads) => {
      const pair = MemoryDuplex.pair();
      let refused: string | undefined;
      const wire = PeerWire.accepted(
        pair[1],
        {
          findTorrent: () => HANDSHAKE.infoHash,
          attach: () => ({ handler: new Recorder(), handshake: HANDSHAKE }),
          closed: (_wire, reason) => (refused = reason),
        },
        { encryption: encryption(chosen) },
      );
      for (const read of reads) wire.data(read.slice(), 1);
      pair[0].start(wire);
      pair[1].deliver(1);
      const length = reads.reduce((sum, read) => sum + read.length, 0);
      if (length > 96 + 512 + 20) assert.ok(refused !== undefined);
    }),
    { numRuns: 200 },
  );
});

test('a damaged byte anywhere in an encrypted beginning ends it or leaves both waiting, and throws nowhere', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(1200), fc.integer({ min: 1, max: 255 }), (seed, position, change) => {
      let seen = 0;
      const rig = new Rig({
        policies: ['required', 'required'],
        seed,
        tap: (data) => {
          const at = position - seen;
          seen += data.length;
          if (at >= 0 && at < data.length) data[at] = (data[at] ?? 0) ^ change;
        },
      });
      rig.settle();
    }),
    { numRuns: 100 },
  );
});
