import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Paths } from '../src/paths.ts';
import { Puncher } from '../src/punch.ts';
import type { Bench } from './fake.ts';
import { bench, connect, endpoint, idOf } from './fake.ts';

/** From the ask to the verdict, and more, in ms. */
const PUNCH = 2000;

/** Actor 0, whose router gives it another port than its own, and one punch through it that failed. */
function behindOddPort(): { at: Bench; puncher: Puncher } {
  const at = bench(3);
  at.context.nat.observe(idOf(at.world, 2), endpoint('203.0.113.5:40000'), 0);
  const puncher = new Puncher(at.context, new Paths(at.context, () => undefined));
  punch(at, puncher, 0);
  return { at, puncher };
}

/** Actor 1 asks for a punch, which comes to its verdict. */
function punch(at: Bench, puncher: Puncher, now: number): void {
  puncher.handle(at.peer(1), { kind: 'punch', step: 'ask', txid: 1, rtt: 20, candidates: [] }, now);
  for (const later of [20, 500, PUNCH]) puncher.tick(now + later);
}

const natAt = (at: Bench, now: number): string => at.context.nat.verdict(now, false).nat;

test('a punch that both sides tried in vain shows a symmetric NAT', () => {
  const { at } = behindOddPort();
  assert.equal(at.peer(1).punch.failures, 1);
  assert.equal(natAt(at, PUNCH), 'symmetric');
});

test('a way through the NAT takes that back', () => {
  const { at, puncher } = behindOddPort();
  connect(at.peer(1), '198.51.100.7:6550', 3 * PUNCH);
  punch(at, puncher, 2 * PUNCH);
  assert.equal(at.peer(1).punch.failures, 0);
  assert.equal(natAt(at, 3 * PUNCH), 'unknown');
});

for (const where of ['192.168.1.3:6550', '[2001:db8::3]:6550']) {
  test(`a way to ${where} does not pass the NAT, and says nothing of it`, () => {
    const { at, puncher } = behindOddPort();
    connect(at.peer(1), where, 3 * PUNCH);
    punch(at, puncher, 2 * PUNCH);
    assert.equal(at.peer(1).punch.failures, 0);
    assert.equal(natAt(at, 3 * PUNCH), 'symmetric');
  });
}
