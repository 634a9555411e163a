/**
 * Whoever changes a host is killed at every step, and whoever takes it back is killed in the middle of that: the
 * host ends as it was or as it was wanted. Needs root, dnsmasq and chronyd.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Order } from '../apply/actor.ts';
import { differences, setUp, SMALL, type Stage } from '../apply/stage.ts';

const OTHER = SMALL.replace('community: Freemesh Ireland', 'community: { name: Freemesh Ireland, code: freemesh }')
  .replace('exit: eth0', 'exit: { interface: eth0, via: [203.0.113.1] }')
  .concat('  dns: { upstreams: [192.0.2.53] }\n  services: { wiki: tcp/80 }\n  bans: false\n');

/** How many namespaces are worked in at the same time. */
const STAGES = 2;

interface Case {
  readonly what: string;
  /** The file that is in force before; null on a host that is no gateway. */
  readonly base: string | null;
  readonly order: Order;
  /** How many steps lie between two at which it is killed. */
  readonly stride: number;
}

/** `KITH_EVERY_STEP=1` leaves none out, and takes three minutes. */
const STRIDE = process.env['KITH_EVERY_STEP'] === undefined ? 4 : 1;

const CASES: readonly Case[] = [
  { what: 'a first apply', base: null, order: { verb: 'apply', text: SMALL }, stride: 1 },
  { what: 'another file', base: SMALL, order: { verb: 'apply', text: OTHER }, stride: STRIDE },
  { what: 'a removal', base: SMALL, order: { verb: 'remove' }, stride: STRIDE },
];

async function reach(stage: Stage, base: string | null): Promise<void> {
  const outcome = await stage.act(base === null ? { verb: 'remove' } : { verb: 'apply', text: base });
  assert.equal(outcome?.error, undefined);
}

async function killedAt(
  step: number,
  stage: Stage,
  { order, base }: Case,
  before: Record<string, string>,
): Promise<void> {
  const where = `killed at step ${step}`;
  assert.equal(await stage.act({ ...order, dieAt: step }), null, where);
  // Somewhere else each time: the second one finds what the first one left.
  await stage.act({ verb: 'recover', dieAt: (step * 7) % 43 });
  const outcome = await stage.act({ verb: 'recover' });
  assert.equal(outcome?.error, undefined, where);
  assert.deepEqual(differences(stage.snapshot(), before), [], where);
  assert.equal(outcome?.inForce, base !== null, where);
}

for (const each of CASES) {
  test(`${each.what} that is killed at any step leaves the host as it was`, { timeout: 280_000 }, async (t) => {
    const stages = Array.from({ length: STAGES }, setUp);
    t.after(() => stages.forEach((stage) => stage.tearDown()));
    let next = 0;
    let steps = Infinity;
    const work = async (stage: Stage): Promise<void> => {
      await reach(stage, each.base);
      const whole = await stage.act(each.order);
      assert.ok(whole?.error === undefined && (whole?.changes ?? []).length > 10, JSON.stringify(whole));
      steps = whole?.steps.length ?? 0;
      await reach(stage, each.base);
      const before = stage.snapshot();
      while (next < steps) {
        const step = next;
        next += each.stride;
        await killedAt(step, stage, each, before);
      }
    };
    await Promise.all(stages.map(work));
    t.diagnostic(`${steps} steps`);
  });
}

test(
  'an apply that is killed at any moment leaves the host as it was, or as it was wanted',
  { timeout: 200_000 },
  async (t) => {
    const stage = setUp();
    t.after(() => stage.tearDown());
    const before = stage.snapshot();
    await reach(stage, SMALL);
    const wanted = stage.snapshot();
    await reach(stage, null);
    let reverted = 0;
    // Programs that it has started run on for a moment; whoever takes back waits for them.
    for (let after = 0; after < 900; after += 90) {
      const done = await stage.act({ verb: 'apply', text: SMALL, dieAfter: after });
      const outcome = await stage.act({ verb: 'recover' });
      assert.equal(outcome?.error, undefined);
      if (outcome?.recovery === 'reverted') reverted++;
      const end = outcome?.inForce === true ? wanted : before;
      assert.deepEqual(
        differences(stage.snapshot(), end),
        [],
        `killed after ${after} ms, ${done === null ? '' : 'too late'}`,
      );
      await reach(stage, null);
    }
    assert.ok(reverted > 0);
  },
);
