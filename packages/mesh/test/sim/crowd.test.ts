/** Five hundred members of whom one in ten goes and comes every minute. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expectEventually } from '@kith/sim';
import { churn, crowd, disagreements } from './crowd.ts';

const SIZE = Number(process.env['KITH_CROWD'] ?? 500);

test(`${SIZE} members of whom a tenth goes and comes every minute agree on who is there`, () => {
  const { world, members } = crowd('crowd', SIZE);
  expectEventually(world.sim, () => world.everybodySeesEverybody(), 30_000, 'everybody online everywhere', {
    every: 5000,
  });
  world.sim.run(10_000);
  const before = members.map((node) => node.host.traffic.total.sentBytes);
  const changes = churn(world, members, { perMinute: SIZE / 10, ms: 60_000 });
  world.sim.run(60_000);
  assert.ok(changes.left >= SIZE / 12 && changes.came >= SIZE / 25, `${changes.left} left, ${changes.came} came`);
  // While it goes on, hardly anybody is wrong about anybody.
  const wrong = disagreements(world) / SIZE ** 2;
  assert.ok(wrong < 0.03, `${(100 * wrong).toFixed(2)} % of all views are wrong in the middle of it`);
  const mean =
    members.reduce((sum, node, i) => sum + node.host.traffic.total.sentBytes - (before[i] as number), 0) / SIZE / 60;
  assert.ok(mean < 1000 + 10 * SIZE, `${Math.round(mean)} bytes a second and node`);
  expectEventually(world.sim, () => disagreements(world) === 0, 60_000, 'everybody right about everybody', {
    every: 5000,
  });
});
