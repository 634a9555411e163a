/** A machine that nobody has given a cable or an address: what takes its address from others, or is cabled by hand. */
import { Machine, type Site } from './machine.ts';
import { configure, outside, shell } from './shell.ts';

export class Bare extends Machine {
  /** Use `lab.bare()`. */
  static async create(site: Site, name: string): Promise<Bare> {
    const machine = new Bare(site, name);
    await shell(`create ${name}`, [
      outside([`netns add ${machine.namespace}`]),
      configure(machine.namespace, { ip: ['link set lo up'] }),
    ]);
    return machine;
  }
}

/** An end of a cable: the machine, and what the interface is called there. */
export interface CableEnd {
  readonly machine: Machine;
  readonly iface: string;
}

/** Both interfaces are up and have no addresses but their link-local ones. */
export async function cable(one: CableEnd, other: CableEnd): Promise<void> {
  await shell(`cable ${one.machine.name} with ${other.machine.name}`, [
    outside([
      `link add ${one.iface} netns ${one.machine.namespace} type veth peer name ${other.iface} netns ${other.machine.namespace}`,
    ]),
    ...[one, other].map(({ machine, iface }) => configure(machine.namespace, { ip: [`link set ${iface} up`] })),
  ]);
}
