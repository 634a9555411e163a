/** Large networks: a fifth of the members public, the rest behind NATs of all kinds; some come and go. */
import { NAT_KINDS } from '@kith/sim';
import type { Random } from '@kith/sim';
import { World } from './world.ts';
import type { NodeOptions, SimNode } from './world.ts';

const HOMES = [
  NAT_KINDS.linuxMasquerade,
  NAT_KINDS.linuxMasquerade,
  NAT_KINDS.fullCone,
  NAT_KINDS.portRestricted,
  NAT_KINDS.linuxRandom,
] as const;

export interface Crowd {
  readonly world: World;
  readonly admin: SimNode;
  readonly members: readonly SimNode[];
}

export function crowd(seed: string, size: number, options: { statsInterval?: number; loss?: number } = {}): Crowd {
  const world = new World(seed, options);
  const random = world.sim.random.fork('crowd');
  const link = () => ({ latency: 5 + random.int(60), jitter: 3, loss: options.loss ?? 0 });
  const admin = world.found('admin', { static: true, link: link() });
  const specs = Array.from({ length: size - 1 }, (_, i) => ({
    name: `n${i}`,
    options: place(world, `n${i}`, i, random, link()),
  }));
  const publics = specs.filter((spec) => spec.options.static === true).length;
  const members = world.admitAll(admin, specs);
  // As invites would: everybody knows a few ways in, not all the same.
  const reachable = members.slice(0, publics);
  for (const member of members) {
    const ways = [admin, random.pick(reachable), random.pick(reachable)];
    member.remembered = ways.map((node) => ({ id: node.id, endpoints: [node.endpoint] }));
  }
  return { world, admin, members };
}

function place(world: World, name: string, i: number, random: Random, link: NodeOptions['link']): NodeOptions {
  const base = link === undefined ? {} : { link };
  if (i % 5 === 0) return { ...base, static: i % 10 === 0 };
  if (i % 5 === 1) return { ...base, on: world.sim.network.firewall(`${name}-firewall`) };
  return { ...base, on: world.sim.network.nat(`${name}-router`, random.pick(HOMES)) };
}

/** Members leave, half of them without a word, and others come back, for `ms` from now. */
export function churn(
  world: World,
  members: readonly SimNode[],
  options: { perMinute: number; ms: number },
): { left: number; came: number } {
  const random = world.sim.random.fork('churn');
  const changes = { left: 0, came: 0 };
  const end = world.sim.now + options.ms;
  const step = () => {
    if (world.sim.now >= end) return;
    const away = members.filter((node) => !node.isUp);
    const leaving = random.pick(members.filter((node) => node.isUp));
    if (random.chance(0.5)) leaving.kill();
    else leaving.down();
    changes.left++;
    if (away.length > members.length / 40) {
      random.pick(away).up();
      changes.came++;
    }
    world.sim.schedule(world.sim.now + 60_000 / options.perMinute, step);
  };
  step();
  return changes;
}

/** How many views of running members about others are wrong. */
export function disagreements(world: World): number {
  const up = new Set(world.up().map(({ id }) => id));
  let wrong = 0;
  for (const node of world.up()) {
    for (const member of node.mesh.status(node.host.now()).members) if (member.online !== up.has(member.id)) wrong++;
  }
  return wrong;
}
