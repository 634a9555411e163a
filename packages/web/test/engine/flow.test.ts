import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Inbox } from '../../src/engine/inbox.ts';
import { packed } from '../../src/engine/pack.ts';

test('packed chunks are the same bytes in messages that are full but for the last', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), fc.integer({ min: 1, max: 64 }), (chunks, most) => {
      const messages = packed(chunks, most);
      assert.deepEqual(Buffer.concat(messages), Buffer.concat(chunks));
      assert.ok(messages.every(({ length }, i) => (i < messages.length - 1 ? length === most : length <= most)));
      assert.ok(messages.every((message) => message.length > 0 && message.length === message.buffer.byteLength));
    }),
  );
});

test('what comes while the reader pauses waits in its order, up to a bound', async () => {
  const read: number[] = [];
  const inbox = new Inbox((bytes) => {
    read.push(...bytes);
    if (bytes[0] === 2) inbox.pause();
  }, 5);
  const put = (...bytes: number[]): boolean => inbox.put(Uint8Array.from(bytes).buffer);
  assert.equal(put(1), true);
  assert.deepEqual(read, [], 'nothing before it begins to read');
  inbox.resume();
  assert.deepEqual(read, [], 'and nothing from within that call');
  assert.equal(put(2), true);
  await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual(read, [1, 2]);
  assert.equal(put(3, 4, 5, 6, 7), true);
  assert.equal(put(8), false, 'more than may wait');
  inbox.resume();
  await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual(read, [1, 2, 3, 4, 5, 6, 7, 8]);
});
