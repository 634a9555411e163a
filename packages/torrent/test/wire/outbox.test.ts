import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Duplex } from '@kith/torrent';
import { Outbox } from '../../src/wire/outbox.ts';
import { Rc4 } from '../../src/wire/rc4.ts';

/** A slow connection that keeps chunks as they are until it is told to take them. */
class Slow implements Duplex {
  readonly kind = 'memory';
  readonly remote = { ip: '127.0.0.1', port: 1 };
  readonly incoming = false;
  readonly #kept: Uint8Array[] = [];

  write(chunks: readonly Uint8Array[]): void {
    this.#kept.push(...chunks);
  }
  get pending(): number {
    return this.#kept.reduce((sum, chunk) => sum + chunk.length, 0);
  }
  take(chunks: number = this.#kept.length): Uint8Array[] {
    return this.#kept.splice(0, chunks).map((chunk) => chunk.slice());
  }
  start(): void {}
  pause(): void {}
  resume(): void {}
  close(): void {}
}

for (const encrypted of [false, true]) {
  test(`what a slow connection holds stays as it was flushed, ${encrypted ? 'encrypted' : 'plain'}`, () => {
    const slow = new Slow();
    const outbox = new Outbox(slow);
    const key = Uint8Array.of(1, 2, 3);
    const cipher = encrypted ? new Rc4(key) : undefined;
    const check = new Rc4(key);
    for (let round = 0; round < 4; round++) {
      const said: number[] = [];
      for (let i = 0; i < 40; i++) {
        const at = outbox.reserve(9);
        outbox.arena.fill(round * 40 + i, at, at + 9);
        said.push(...new Uint8Array(9).fill(round * 40 + i));
        if (i % 3 === 0) outbox.flush(cipher);
      }
      outbox.flush(cipher);
      const taken = Buffer.concat(slow.take());
      if (encrypted) check.apply(taken);
      assert.deepEqual([...taken], said);
    }
  });
}

test('blocks stay as they were said until they are gone, however late that is and whatever is said meanwhile', () => {
  const slow = new Slow();
  const outbox = new Outbox(slow);
  const taken: Uint8Array[] = [];
  const said: Uint8Array[] = [];
  const block = new Uint8Array(16_384);
  for (let i = 0; i < 200; i++) {
    block.fill(i);
    const at = outbox.reserve(13);
    outbox.arena.fill(255 - i, at, at + 13);
    outbox.copy(block);
    said.push(new Uint8Array(13).fill(255 - i), block.slice());
    if (i % 3 === 0) outbox.flush(undefined);
    // Behind by ten chunks, then by none.
    if (i % 50 < 40) taken.push(...slow.take(i % 50 < 10 ? 0 : 1));
    else taken.push(...slow.take());
    outbox.taken();
  }
  outbox.copy(new Uint8Array(100_000).fill(7));
  said.push(new Uint8Array(100_000).fill(7));
  outbox.flush(undefined);
  taken.push(...slow.take());
  assert.ok(Buffer.concat(taken).equals(Buffer.concat(said)));
});

test('a connection that has nothing to send keeps nothing but a small arena', () => {
  const slow = new Slow();
  const outbox = new Outbox(slow);
  outbox.copy(new Uint8Array(9));
  outbox.copy(new Uint8Array(60_000));
  outbox.flush(undefined);
  assert.ok(outbox.arena.length > 60_000);
  slow.take();
  outbox.taken();
  assert.ok(outbox.arena.length <= 256);
});
