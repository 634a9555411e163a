import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SlabPool } from '../../src/storage/slab-pool.ts';

const PIECE = 65_536;

test('while a quarter of the memory waits to be written, no more is given out', () => {
  const pool = new SlabPool(8 * PIECE);
  let room = 0;
  const acquire = () => pool.acquire(PIECE, () => room++);
  const [first, second, third] = [acquire(), acquire(), acquire()];
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  pool.committed(first);
  const fourth = acquire();
  assert.ok(fourth !== undefined);
  pool.committed(second);
  assert.equal(acquire(), undefined);
  pool.release(third);
  assert.equal(room, 1, 'asked again');
  assert.equal(acquire(), undefined, 'what is not written yet is in the way all the same');
  pool.release(first, true);
  assert.equal(room, 2);
  assert.ok(acquire() !== undefined);
});
