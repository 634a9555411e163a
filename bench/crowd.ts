/**
 * What the mesh's own talk costs, over the simulated network: bytes per second and node in a quiet network and with a
 * tenth of the members going and coming every minute. `npm run bench:crowd -- 50 100 200` chooses sizes.
 */
import { churn, crowd, disagreements } from '../packages/mesh/test/sim/crowd.ts';
import type { SimNode } from '../packages/mesh/test/sim/world.ts';

interface Row {
  readonly size: number;
  readonly phase: 'quiet' | 'churn';
  readonly mean: number;
  readonly median: number;
  readonly p95: number;
  readonly max: number;
}

const sizes = process.argv.slice(2).map(Number).filter(Number.isInteger);
const rows: Row[] = [];

for (const size of sizes.length > 0 ? sizes : [50, 100, 200]) {
  const { world, members } = crowd(`bench ${size}`, size);
  world.sim.run(60_000);
  if (disagreements(world) > 0) throw world.sim.failure(`${size} members did not find each other`);
  rows.push(measure(members, size, 'quiet', 180_000, () => world.sim.run(180_000)));
  churn(world, members, { perMinute: size / 10, ms: 120_000 });
  rows.push(measure(members, size, 'churn', 120_000, () => world.sim.run(120_000)));
  print(rows.at(-2) as Row);
  print(rows.at(-1) as Row);
}

function measure(members: readonly SimNode[], size: number, phase: Row['phase'], ms: number, run: () => void): Row {
  const before = members.map((node) => node.host.traffic.total.sentBytes);
  run();
  const rates = members
    .map((node, i) => ((node.host.traffic.total.sentBytes - (before[i] as number)) * 1000) / ms)
    .toSorted((a, b) => a - b);
  const at = (share: number) =>
    Math.round(rates[Math.min(rates.length - 1, Math.floor(rates.length * share))] as number);
  const mean = Math.round(rates.reduce((sum, rate) => sum + rate, 0) / rates.length);
  return { size, phase, mean, median: at(0.5), p95: at(0.95), max: at(1) };
}

function print(row: Row): void {
  console.log(
    `${String(row.size).padStart(5)} members ${row.phase.padEnd(5)}  bytes/s sent per node: mean ${row.mean}, median ${row.median}, p95 ${row.p95}, max ${row.max}`,
  );
}
