/** The four machines of the experiment, and how a person makes one network out of them. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Actor, type Internet, Lab, type NatKind, type Router, type SeenMember } from '../src/index.ts';

const LABEL = 'demo';
export const PREFIX = '10.0.0.0/24';

/** Mesh addresses of everybody who appears. */
export const ADDRESSES: Readonly<Record<string, string>> = {
  externalnyc: '10.0.0.1',
  fedora: '10.0.0.2',
  externalblr: '10.0.0.3',
  pi: '10.0.0.4',
  guest: '10.0.0.5',
};

/** The mesh address of an actor. */
export function addressOf({ name }: Actor): string {
  const address = ADDRESSES[name];
  if (address === undefined) throw new Error(`${name} has no address in the demo`);
  return address;
}

export interface Stage {
  readonly lab: Lab;
  readonly internet: Internet;
  readonly home: Router;
  readonly nyc: Actor;
  readonly blr: Actor;
  readonly fedora: Actor;
  readonly pi: Actor;
  /** nyc, fedora, blr, pi. */
  readonly all: readonly Actor[];
  /** A machine that comes later. */
  guest(): Promise<Actor>;
  close(): Promise<void>;
}

export interface Pair {
  readonly from: Actor;
  readonly to: Actor;
}

/** Every ordered pair. */
export function pairs(actors: readonly Actor[]): Pair[] {
  return actors.flatMap((from) => actors.filter((to) => to !== from).map((to) => ({ from, to })));
}

/** Removes the state of demos that were killed; the lab's watchdog has ended everything else of theirs. */
function sweepFolders(): void {
  for (const entry of readdirSync(tmpdir())) {
    const pid = /^kith-demo-(\d+)-/.exec(entry)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`))
      rmSync(join(tmpdir(), entry), { recursive: true, force: true });
  }
}

/** Namespaces, cables and routers; nothing of kith runs yet. */
export async function buildStage(nat: NatKind): Promise<Stage> {
  sweepFolders();
  const folder = mkdtempSync(join(tmpdir(), `kith-demo-${process.pid}-`));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const lab = await Lab.create({ name: 'four machines' }).catch((error: unknown) => {
    remove();
    throw error;
  });
  const close = async () => {
    await lab.close();
    remove();
  };
  try {
    const actor = async (name: string, options: Parameters<Lab['host']>[1]) =>
      new Actor(await lab.host(name, options), LABEL, folder);
    const internet = await lab.internet();
    const nyc = await actor('externalnyc', { on: internet, address: '203.0.113.10/24' });
    const blr = await actor('externalblr', { on: internet, firewall: 'closed' });
    const home = await lab.router('home', { on: internet, nat });
    const fedora = await actor('fedora', { on: home });
    const pi = await actor('pi', { on: home });
    const guest = async () => actor('guest', { on: await lab.router('cafe', { on: internet, nat: 'preserving' }) });
    return { lab, internet, home, nyc, blr, fedora, pi, all: [nyc, fedora, blr, pi], guest, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Founds the network on externalnyc and brings it up. */
export async function foundNetwork({ nyc }: Stage): Promise<void> {
  const endpoint = `${nyc.host.address}:6550`;
  const words = ['init', nyc.name, '--prefix', PREFIX, '--address', addressOf(nyc), '--endpoint', endpoint];
  await nyc.must(words);
  await nyc.must(['up']);
}

/** One invite by an admin, one join, and the daemon up. `via`: the only member that the invite names as a way in. */
export async function enter(newcomer: Actor, admin: Actor, via: Actor): Promise<void> {
  const words = ['invite', newcomer.name, '--address', addressOf(newcomer), '--via', via.name];
  const token = await admin.must(words);
  await newcomer.must(['join', '-'], { input: token });
  await newcomer.must(['up']);
}

/** Waits until each of them sees all the others online. */
export async function everybodySeesEverybody(actors: readonly Actor[], deadlineMs = 20_000): Promise<void> {
  await Promise.all(
    actors.map((actor) =>
      actor.until(
        'everybody else online',
        ({ members }) => actors.every(({ name }) => members.some((each) => each.name === name && each.online)),
        deadlineMs,
      ),
    ),
  );
}

/** What `from` knows of `to`. @throws Error when it knows nothing */
export async function pathBetween({ from, to }: Pair): Promise<SeenMember> {
  const member = await from.sees(to);
  if (member === undefined) throw new Error(`${from.name} knows no ${to.name}`);
  return member;
}

/** Pings until every pair had an answer. Returns those that had none when the time was over. */
export async function untilReached(wanted: readonly Pair[], deadlineMs: number): Promise<readonly Pair[]> {
  let missing = wanted;
  for (const deadline = performance.now() + deadlineMs; missing.length > 0 && performance.now() < deadline;) {
    const times = await Promise.all(missing.map(({ from, to }) => from.ping(addressOf(to), 1)));
    missing = missing.filter((_pair, i) => times[i] === null);
  }
  return missing;
}
