/** The experiment of four machines in the simulation. */
import { NAT_KINDS } from '@kith/sim';
import type { NatKind } from '@kith/sim';
import { World } from './world.ts';
import type { SimNode } from './world.ts';

export interface Four {
  readonly world: World;
  readonly nyc: SimNode;
  readonly blr: SimNode;
  readonly fedora: SimNode;
  readonly pi: SimNode;
}

export function four(seed: string, nat: NatKind = NAT_KINDS.linuxMasquerade): Four {
  const world = new World(seed);
  const { network } = world.sim;
  const nyc = world.found('externalnyc', { static: true, link: { latency: 20 } });
  const wall = network.firewall('blr-firewall');
  const home = network.nat('home', nat);
  const blr = world.join(world.invite(nyc, [nyc]), 'externalblr', { on: wall, link: { latency: 40 } });
  const fedora = world.join(world.invite(nyc, [nyc]), 'fedora', { on: home, link: { latency: 10 } });
  const pi = world.join(world.invite(nyc, [fedora]), 'pi', { on: home, link: { latency: 10 } });
  return { world, nyc, blr, fedora, pi };
}
