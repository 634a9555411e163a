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
  take(): number[] {
    return this.#kept.splice(0).flatMap((chunk) => [...chunk]);
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
      const taken = Uint8Array.from(slow.take());
      if (encrypted) check.apply(taken);
      assert.deepEqual([...taken], said);
    }
  });
}
