import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  channelPayload,
  FRAME,
  FRAME_LIMITS,
  FrameError,
  frame,
  frameHead,
  FrameReader,
  readChannel,
  readReady,
  readTaken,
  readyPayload,
  takenPayload,
} from '../../src/webrtc/frames.ts';

interface Heard {
  readonly kind: number;
  readonly connection: number;
  readonly payload: string;
}

/** What is heard of bytes that come in pieces of the lengths in `cuts`; the payloads of data of one connection as one. */
function hear(bytes: Uint8Array, cuts: readonly number[]): Heard[] {
  const heard: Heard[] = [];
  const reader = new FrameReader({
    data: (connection, part) => {
      const before = heard.at(-1);
      const more = Buffer.from(part).toString('hex');
      if (before?.kind === FRAME.data && before.connection === connection) {
        heard[heard.length - 1] = { ...before, payload: before.payload + more };
      } else {
        heard.push({ kind: FRAME.data, connection, payload: more });
      }
    },
    frame: (kind, connection, payload) => {
      heard.push({ kind, connection, payload: Buffer.from(payload).toString('hex') });
    },
  });
  let at = 0;
  for (const cut of [...cuts, bytes.length]) {
    reader.push(bytes.subarray(at, Math.min(bytes.length, at + cut)));
    at = Math.min(bytes.length, at + cut);
  }
  return heard;
}

test('frames come out as they went in, whatever the pieces in which they come', () => {
  const others = Object.values(FRAME).filter((kind) => kind !== FRAME.data);
  const one = fc.record({
    kind: fc.oneof(fc.constant(FRAME.data), fc.constantFrom(...others)),
    connection: fc.nat(0xffffffff),
    payload: fc.uint8Array({ minLength: 1, maxLength: 300 }),
  });
  fc.assert(
    fc.property(
      fc.array(one, { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 40 }),
      (frames, cuts) => {
        const bytes = Buffer.concat(frames.map(({ kind, connection, payload }) => frame(kind, connection, payload)));
        assert.deepEqual(hear(bytes, cuts), hear(bytes, []));
        const apart = frames.flatMap(({ kind, connection, payload }) => hear(frame(kind, connection, payload), []));
        const told = (heard: readonly Heard[]): string => heard.map((each) => JSON.stringify(each)).join();
        const separate = frames.every(({ kind }, i) => kind !== FRAME.data || frames[i - 1]?.kind !== FRAME.data);
        if (separate) assert.equal(told(hear(bytes, cuts)), told(apart));
      },
    ),
  );
});

test('arbitrary bytes are frames or a FrameError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.array(fc.integer({ min: 1, max: 50 })), (bytes, cuts) => {
      try {
        hear(bytes, cuts);
      } catch (error) {
        assert.ok(error instanceof FrameError);
      }
    }),
  );
});

test('a length beyond the limit is refused before memory is spent on it', () => {
  assert.throws(() => hear(frameHead(FRAME.data, 1, FRAME_LIMITS.data + 1), []), FrameError);
  assert.throws(() => hear(frameHead(FRAME.accept, 1, FRAME_LIMITS.other + 1), []), FrameError);
  assert.deepEqual(hear(frameHead(FRAME.accept, 1, FRAME_LIMITS.other), []), []);
});

test('"taken" carries its number and no other length', () => {
  assert.equal(readTaken(takenPayload(3_000_000_000)), 3_000_000_000);
  assert.throws(() => readTaken(new Uint8Array(5)), FrameError);
});

test('the name of a channel comes out as it went in', () => {
  const label = fc.string({ unit: 'binary', maxLength: FRAME_LIMITS.label }).filter((text) => {
    return Buffer.byteLength(text) <= FRAME_LIMITS.label;
  });
  fc.assert(
    fc.property(fc.nat(0xffffffff), label, (connection, text) => {
      assert.deepEqual(readChannel(channelPayload({ connection, label: text })), { connection, label: text });
    }),
  );
});

test('what is too short or too long to name a channel is a FrameError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const fits = bytes.length >= 4 && bytes.length <= 4 + FRAME_LIMITS.label;
      if (fits) assert.equal(typeof readChannel(bytes).label, 'string');
      else assert.throws(() => readChannel(bytes), FrameError);
    }),
  );
});

test('a label that is too long is not sent', () => {
  assert.throws(() => channelPayload({ connection: 1, label: 'ü'.repeat(33) }), RangeError);
});

test('a process says with which library it is ready, and of no other than is known', () => {
  for (const instead of ['', 'the other one cannot be loaded: no binary']) {
    const ready = { library: 'werift', instead } as const;
    assert.deepEqual(readReady(Buffer.from(readyPayload(ready))), ready);
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      assert.throws(() => readReady(bytes), FrameError);
    }),
  );
});
