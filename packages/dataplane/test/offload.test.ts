/** Super-packets cut apart and put together, held against a plain reference. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import fc from 'fast-check';
import { concat, readUint16BE, writeUint16BE } from '@kith/core';
import { type NativeBinding, requireNative } from '../src/native.ts';
import { missing } from './addon.ts';
import {
  build,
  checksumFits,
  FLAGS,
  GSO,
  NEEDS_CHECKSUM,
  segmentsOf,
  VNET,
  vnetBytes,
  vnetOf,
  type PacketSpec,
} from './offload-reference.ts';

const OPTIONS = Uint8Array.of(1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2);
const bytes = (length: number, seed = 7): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * seed) & 255);

function superPacket(spec: PacketSpec, segment: number): Uint8Array {
  const at = spec.four ? 20 : 40;
  const headers = at + (spec.tcp ? 20 + (spec.options?.length ?? 0) : 8);
  const type = spec.tcp ? (spec.four ? GSO.tcp4 : GSO.tcp6) : GSO.udp;
  const vnet = { flags: NEEDS_CHECKSUM, type, headers, segment, start: at, offset: spec.tcp ? 16 : 6 };
  return concat(vnetBytes(vnet), build(spec, true));
}

const PLAIN = vnetBytes({ flags: 0, type: GSO.none, headers: 0, segment: 0, start: 0, offset: 0 });

const spec: fc.Arbitrary<PacketSpec> = fc.record({
  four: fc.boolean(),
  tcp: fc.boolean(),
  port: fc.constantFrom(1, 2),
  payload: fc.integer({ min: 0, max: 5000 }).map((length) => bytes(length)),
  seq: fc.constantFrom(0, 5, 0xffffff00),
  ack: fc.constantFrom(0, 9),
  flags: fc.constantFrom(FLAGS.ack, FLAGS.ack | FLAGS.psh, FLAGS.ack | FLAGS.fin | FLAGS.psh, FLAGS.ack | FLAGS.cwr),
  options: fc.constantFrom(new Uint8Array(0), OPTIONS),
  id: fc.constantFrom(0, 100, 0xfffe),
  dontFragment: fc.boolean(),
});

let native: NativeBinding;
const load = (): void => {
  native = requireNative();
};

describe('a super-packet from the device', { skip: missing }, () => {
  before(load);

  it('is cut into the segments of the reference, of both families, TCP and UDP, whatever the size', () => {
    fc.assert(
      fc.property(spec, fc.integer({ min: 1, max: 1500 }), (each, segment) => {
        fc.pre(each.payload.length > 0);
        const whole = superPacket(each, segment);
        const cut = native.segment(whole);
        assert.deepEqual(cut, segmentsOf(whole));
        for (const packet of cut ?? []) assert(checksumFits(packet));
      }),
      { numRuns: 500 },
    );
  });

  it('that is one packet gets its checksum, and a sum of zero stands as 0xffff', () => {
    for (const four of [true, false]) {
      for (const tcp of [true, false]) {
        const each = { four, tcp, port: 3, payload: bytes(33) };
        const vnet = {
          flags: NEEDS_CHECKSUM,
          type: GSO.none,
          headers: 0,
          segment: 0,
          start: four ? 20 : 40,
          offset: tcp ? 16 : 6,
        };
        assert.deepEqual(native.segment(concat(vnetBytes(vnet), build(each, true))), [build(each)]);
      }
    }
    const zero = { four: true, tcp: false, port: 3, payload: new Uint8Array(2) };
    const sum = readUint16BE(build(zero), 26);
    const payload = new Uint8Array(2);
    writeUint16BE(payload, 0, sum);
    const vnet = { flags: NEEDS_CHECKSUM, type: GSO.none, headers: 0, segment: 0, start: 20, offset: 6 };
    const [packet] = native.segment(concat(vnetBytes(vnet), build({ ...zero, payload }, true))) ?? [];
    assert.equal(readUint16BE(packet as Uint8Array, 26), 0xffff);
  });

  it('that lies about itself is malformed or stays within its bytes', () => {
    const field = fc.oneof(fc.integer({ min: 0, max: 80 }), fc.constantFrom(0, 65535));
    const vnet = fc.record({
      flags: fc.constantFrom(0, 1, 2, 255),
      type: fc.constantFrom(0, 1, 3, 4, 5, 0x81, 255),
      headers: field,
      segment: field,
      start: field,
      offset: field,
    });
    fc.assert(
      fc.property(
        vnet,
        fc.oneof(
          spec.map((each) => build(each)),
          fc.uint8Array({ maxLength: 100 }),
        ),
        fc.nat(),
        (header, packet, at) => {
          for (const whole of [packet, packet.subarray(0, at % (packet.length + 1))]) {
            const cut = native.segment(concat(vnetBytes(header), whole)) ?? [];
            const total = cut.reduce((sum, each) => sum + each.length, 0);
            assert(cut.every((each) => each.length <= whole.length));
            assert(header.type !== GSO.none || total <= whole.length);
          }
        },
      ),
      { numRuns: 3000 },
    );
    const four = superPacket({ four: true, tcp: true, port: 1, payload: bytes(3000) }, 1000);
    for (const [at, value] of [
      [0, 0],
      [1, GSO.tcp6],
      [1, GSO.udp + 1],
      [4, 0],
      [6, 21],
      [VNET + 32, 0x40],
      [VNET + 32, 0xf0],
    ] as const) {
      const lie = Uint8Array.from(four);
      if (at === 4) lie.fill(0, 4, 6);
      else lie[at] = value;
      if (at === VNET + 32 && value === 0xf0) assert.notEqual(native.segment(lie), null, 'longer headers are options');
      else assert.equal(native.segment(lie), null, `byte ${at} is ${value}`);
    }
  });
});

describe('packets for the device', { skip: missing }, () => {
  before(load);

  const flow = { four: true, tcp: true, port: 1, options: OPTIONS } as const;
  const train = (count: number, over: Partial<PacketSpec> = {}, size = 100): Uint8Array[] =>
    Array.from({ length: count }, (_, i) =>
      build({ ...flow, payload: bytes(size, i + 1), seq: 4_294_967_000 + i * size, id: i, ...over }),
    );
  const lengths = (packets: readonly Uint8Array[]): readonly number[] =>
    native.coalesce(packets, true).map((each) => segmentsOf(each).length);

  it('of one flow that follow each other become one, with what the kernel needs to cut it', () => {
    const [merged, ...rest] = native.coalesce(train(40), true);
    assert.equal(rest.length, 0);
    assert(merged !== undefined);
    assert.deepEqual(vnetOf(merged), { flags: 1, type: GSO.tcp4, headers: 52, segment: 100, start: 20, offset: 16 });
    const whole = build(
      {
        ...flow,
        seq: 4_294_967_000,
        id: 0,
        payload: concat(...Array.from({ length: 40 }, (_, i) => bytes(100, i + 1))),
      },
      true,
    );
    assert.deepEqual(merged.subarray(VNET), whole);
  });

  it('are merged up to the longest packet that there is', () => {
    const made = native.coalesce(train(60, { dontFragment: true }, 1300), false);
    assert.deepEqual(
      made.map((each) => segmentsOf(each).length),
      [50, 10],
    );
  });

  it('are not merged where anything but number and payload differs', () => {
    const second = (over: Partial<PacketSpec>) => lengths([...train(1), ...train(2, over).slice(1)]);
    assert.deepEqual(second({}), [2]);
    const different: readonly Partial<PacketSpec>[] = [
      { ack: 1 },
      { window: 499 },
      { options: Uint8Array.of(...OPTIONS.subarray(0, 11), 3) },
      { options: new Uint8Array(0) },
      { hops: 63 },
      { service: 4 },
      { port: 2 },
      { four: false },
      { seq: 4_294_967_000 },
      { seq: 4_294_967_000 + 99 },
      { seq: 4_294_967_000 + 101 },
      { payload: bytes(101) },
      { payload: new Uint8Array(0) },
      { flags: FLAGS.ack | FLAGS.syn },
      { flags: FLAGS.ack | FLAGS.rst },
      { flags: FLAGS.ack | FLAGS.urg },
      { flags: FLAGS.ack | FLAGS.ece },
      { flags: FLAGS.ack | FLAGS.cwr },
      { flags: 0 },
      { dontFragment: false },
    ];
    for (const over of different) assert.deepEqual(second(over), [1, 1], JSON.stringify(over));
    assert.deepEqual(second({ payload: bytes(99) }), [2], 'the last one may be shorter');
  });

  it('without "do not fragment" are merged only where their identifications count up', () => {
    assert.deepEqual(lengths(train(3, { dontFragment: false })), [3]);
    assert.deepEqual(lengths(train(3, { dontFragment: false, id: 5 })), [1, 1, 1]);
  });

  it('end at a push, an end and a short one', () => {
    const five = (third: Partial<PacketSpec>): Uint8Array[] => {
      const out = train(5);
      out[2] = train(3, third)[2] as Uint8Array;
      return out;
    };
    assert.deepEqual(lengths(five({ flags: FLAGS.ack | FLAGS.psh })), [3, 2]);
    assert.deepEqual(lengths(five({ flags: FLAGS.ack | FLAGS.fin })), [3, 2]);
    assert.deepEqual(lengths(five({ payload: bytes(50) })), [3, 2]);
  });

  it('with a wrong checksum, of TCP or of IP, and fragments pass as they are', () => {
    for (const at of [60, 10, 6]) {
      const packets = train(3);
      const odd = packets[1] as Uint8Array;
      if (at === 6) odd[6] = 0x20;
      else odd[at] = (odd[at] as number) ^ 1;
      const made = native.coalesce(packets, true);
      assert.deepEqual(
        made,
        packets.map((packet) => concat(PLAIN, packet)),
        `byte ${at}`,
      );
    }
  });

  it('of UDP are merged only where the device takes it', () => {
    const packets = Array.from({ length: 5 }, (_, i) =>
      build({ four: false, tcp: false, port: 1, payload: bytes(i < 4 ? 80 : 3) }),
    );
    assert.deepEqual(
      native.coalesce(packets, true).map((each) => vnetOf(each).type),
      [GSO.udp],
    );
    assert.deepEqual(native.coalesce(packets, true).flatMap(segmentsOf), packets);
    assert.equal(native.coalesce(packets, false).length, 5);
  });

  it('come apart again exactly, each flow in its order, whatever came in', () => {
    // Mostly trains, with what disturbs them in between.
    const step = fc.record({
      four: fc.boolean(),
      tcp: fc.boolean(),
      port: fc.constantFrom(1, 2),
      jump: fc.constantFrom(0, 0, 0, 0, 0, 0, 1, -60),
      size: fc.constantFrom(60, 60, 60, 60, 61, 31, 0),
      flags: fc.constantFrom(16, 16, 16, 16, 16, 24, 17, 2, 20),
      ack: fc.constantFrom(1, 1, 1, 1, 2),
      idStep: fc.constantFrom(1, 1, 1, 0),
      dontFragment: fc.boolean(),
      spoil: fc.constantFrom(-1, -1, -1, -1, -1, 3, 27),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const next = new Map<string, { seq: number; id: number }>();
        const packets = steps.map(({ four, tcp, port, jump, size, flags, ack, idStep, dontFragment, spoil }) => {
          const key = `${four} ${tcp} ${port}`;
          const state = next.get(key) ?? { seq: 0xfffffe00, id: 0xfff0 };
          next.set(key, state);
          const seq = (state.seq + jump) >>> 0;
          const packet = build({
            four,
            tcp,
            port,
            seq,
            flags,
            ack,
            dontFragment,
            id: state.id,
            payload: bytes(size, seq & 31),
          });
          state.seq = (seq + size) >>> 0;
          state.id = (state.id + idStep) & 0xffff;
          const at = packet.length - 1 - spoil;
          if (spoil >= 0) packet[at] = (packet[at] as number) ^ 1;
          return packet;
        });
        // Identifications of packets that may not be fragmented mean nothing.
        const plain = (packet: Uint8Array): Uint8Array => {
          const copy = Uint8Array.from(packet);
          if (copy[0] === 0x45 && copy[6] === 0x40) copy.fill(0, 4, 6).fill(0, 10, 12);
          return copy;
        };
        const flows = (list: readonly Uint8Array[]): Record<string, string[]> => {
          const out: Record<string, string[]> = {};
          for (const packet of list) {
            const at = packet[0] === 0x45 ? 20 : 40;
            const addresses = packet.subarray(at === 20 ? 12 : 8, at + 4).join();
            const key = `${packet[0]} ${packet[at === 20 ? 9 : 6]} ${addresses}`;
            (out[key] ??= []).push(Buffer.from(plain(packet)).toString('hex'));
          }
          return out;
        };
        const made = native.coalesce(
          packets.map((packet) => Uint8Array.from(packet)),
          true,
        );
        assert.deepEqual(flows(made.flatMap(segmentsOf)), flows(packets));
      }),
      { numRuns: 500 },
    );
  });

  it('may be anything', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 80 }), { maxLength: 20 }), (packets) => {
        for (const packet of packets) packet[0] = ((packet[0] as number) & 1) === 0 ? 0x45 : 0x60;
        assert.equal(native.coalesce(packets, true).length, packets.length);
      }),
      { numRuns: 500 },
    );
  });
});
