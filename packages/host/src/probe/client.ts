/**
 * The process that plays a client: alone in a network namespace whose `eth0` is a cable to the gateway's bridge. It says
 * `ready`, gets a {@link Job} as one line, and prints a {@link ClientFacts} as one line. It ends when its standard input
 * does, and with it the namespace and the cable: whatever happens to the doctor, nothing is left behind.
 */
import { writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { type Address, parseAddress } from '@kith/core';
import type { Advertisement, Beyond, ClientFacts, Lease, ResponddAnswer, ServiceAnswer } from '@kith/gateway';
import { must } from '../command.ts';
import { parseAdvertisement } from './advertisement.ts';
import { arpProbe, routerSolicitation } from './frame.ts';
import { askGateway, linkLocalOf, playRouter } from './groups.ts';
import type { Job } from './job.ts';
import { Leasing, repeat } from './leasing.ts';
import { askServices, reach } from './questions.ts';
import { Wire, WIRE_ENTRY, WIRE_LINKS } from './wire.ts';

const ADVERTISEMENT_TIME = 2500;
/** A router may have advertised itself 3 s ago at most, and hesitate for 0.5 s (RFC 4861, sections 6.2.6 and 10). */
const ROUTERS_TIME = 3500;
/** Three questions, a second apart: what is asked first can get lost while the bridges take up their new ports. */
const OWNER_TIME = 2500;

const lines = createInterface({ input: process.stdin });
lines.once('line', (line) => {
  const job: Job = JSON.parse(line);
  void play(job).then((facts) => process.stdout.write(`${JSON.stringify(facts)}\n`));
});
lines.once('close', () => process.exit());
process.stdout.write('ready\n');

async function play(job: Job): Promise<ClientFacts> {
  await setUp();
  const wire = await Wire.open();
  const leasing = new Leasing(wire, job.mac);
  const taking = leasing.take(job.gateway4);
  const [advertisements, owners, lease, answers4, answers6] = await Promise.all([
    hearAdvertisements(wire, job.mac),
    findOwners(wire, job.mac, job.gateway4),
    taking,
    taking.then((taken) => askOver4(job, taken)),
    askOver6(job),
  ]);
  const offers = await leasing.offers();
  if (lease !== null) leasing.giveBack(lease);
  // The kernel sends what was handed to it before the process may end.
  await wait(20);
  return {
    domain: job.domain,
    complaint: null,
    offers,
    lease,
    address4: answers4.address,
    advertisements,
    address6: answers6.address,
    owners,
    answers: [...answers4.answers, ...answers6.answers],
    respondd: answers6.respondd,
    beyond: [...answers4.beyond, ...answers6.beyond],
  };
}

async function setUp(): Promise<void> {
  const set = (key: string, value: string): void => writeFileSync(`/proc/sys/net/${key}`, value);
  await must(['ip', '-batch', '-'], { input: WIRE_LINKS.slice(0, 3).join('\n') });
  for (const port of ['eth0', 'vx0']) set(`ipv6/conf/${port}/disable_ipv6`, '1');
  // Nobody else has the addresses of this client: it need not wait until that is proved.
  set('ipv6/conf/br0/accept_dad', '0');
  set('ipv6/conf/br0/accept_ra', '2');
  set('ipv6/conf/br0/router_solicitation_delay', '0');
  set('ipv4/conf/br0/rp_filter', '0');
  await must(['bridge', '-batch', '-'], { input: WIRE_ENTRY });
  await must(['ip', '-batch', '-'], { input: WIRE_LINKS.slice(3).join('\n') });
}

interface Asked {
  readonly address: Address | null;
  readonly answers: readonly ServiceAnswer[];
  readonly beyond: readonly Beyond[];
}

async function askOver4(job: Job, lease: Lease | null): Promise<Asked> {
  const address = lease?.address ?? job.spare4;
  if (address === null) return { address, answers: [], beyond: [] };
  const router = lease?.routers[0] ?? job.gateway4;
  await must(['ip', '-batch', '-'], {
    input: [`addr add ${address}/${job.length4} dev br0`, `route add default via ${router} dev br0 onlink`, ''].join(
      '\n',
    ),
  });
  return { address, ...(await askAll(job, job.gateway4, (target) => !target.includes(':'))) };
}

async function askOver6(job: Job): Promise<Asked & { readonly respondd: readonly ResponddAnswer[] }> {
  const hasLinkLocal = (): boolean => linkLocalOf('br0') !== null;
  await repeat(ADVERTISEMENT_TIME, () => undefined, hasLinkLocal);
  // Not before: a bridge hears who listens to a group only from an address. It answers as long as this process lives.
  if (job.respondd) await playRouter('br0');
  await repeat(
    ADVERTISEMENT_TIME,
    () => undefined,
    () => globalOf('br0') !== null,
  );
  const address = globalOf('br0');
  if (address === null) {
    const input = [`addr add ${job.spare6}/64 dev br0 nodad`, `route add default via ${job.gateway6} dev br0`].join(
      '\n',
    );
    await must(['ip', '-6', '-batch', '-'], { input });
  }
  const [respondd, asked] = await Promise.all([
    job.respondd ? askGateway('br0') : [],
    askAll(job, job.gateway6, (target) => target.includes(':')),
  ]);
  return { address, respondd, ...asked };
}

async function askAll(job: Job, gateway: Address, fits: (target: Address) => boolean): Promise<Omit<Asked, 'address'>> {
  const [answers, beyond] = await Promise.all([
    askServices(gateway, job.zone),
    Promise.all(job.targets.filter(fits).map(async (target) => ({ target, ...(await reach(target, job.mtu)) }))),
  ]);
  return { answers, beyond };
}

async function hearAdvertisements(wire: Wire, mac: string): Promise<Advertisement[]> {
  const heard = new Map<string, Advertisement>();
  const end = performance.now() + ROUTERS_TIME;
  const stop = wire.listen((frame) => {
    const said = frame.type === 'icmp6' ? parseAdvertisement(frame) : null;
    if (said !== null && heard.size < 16) heard.set(said.router, said);
  });
  await repeat(
    ADVERTISEMENT_TIME,
    () => wire.send(routerSolicitation(mac)),
    () => heard.size > 0,
  );
  await wait(Math.max(0, end - performance.now()));
  stop();
  return [...heard.values()];
}

/** The hardware addresses that answer for an address: more than one, and two machines have it. */
async function findOwners(wire: Wire, mac: string, address: Address): Promise<string[]> {
  const owners = new Set<string>();
  const stop = wire.listen((frame) => {
    if (frame.type === 'arp-answer' && frame.address === address && owners.size < 16) owners.add(frame.mac);
  });
  await repeat(
    OWNER_TIME,
    () => wire.send(arpProbe(mac, address)),
    () => false,
  );
  stop();
  return [...owners];
}

function globalOf(device: string): Address | null {
  const own = networkInterfaces()[device] ?? [];
  const found = own.find(({ family, address }) => family === 'IPv6' && !address.startsWith('fe80:'));
  return found === undefined ? null : parseAddress(found.address);
}
