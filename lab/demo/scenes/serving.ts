/** A service of one machine is a service for all, unless its own firewall says no. */
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { addressOf, type Stage } from '../actors.ts';
import type { Actor } from '../../src/index.ts';
import type { Report } from '../report.ts';

const OPEN = 80;
const CLOSED = 8080;
const SERVER = fileURLToPath(new URL('../web.ts', import.meta.url));

/** What a person writes on a machine that shows one service to the mesh: the rest is for the machine itself. */
const FIREWALL = `
table inet demo {
  chain input {
    type filter hook input priority 0; policy accept;
    iifname != "kith-demo" accept
    ct state established,related accept
    meta l4proto { icmp, ipv6-icmp } accept
    tcp dport ${OPEN} accept
    drop
  }
}`;

/** The size of the page in bytes if it arrived whole; null if it did not. */
async function fetchPage(client: Actor, address: string, port: number, seconds: number): Promise<number | null> {
  const url = `http://${address}:${port}/`;
  const { code, stdout } = await client.host.run(['curl', '-s', '-m', String(seconds), url], {
    timeoutMs: seconds * 1000 + 5000,
  });
  if (code !== 0) return null;
  const end = stdout.lastIndexOf('\n') + 1;
  const digest = createHash('sha256').update(stdout.slice(0, end)).digest('hex');
  return digest === stdout.slice(end) && stdout.startsWith(`hello from port ${port}\n`) ? stdout.length : null;
}

export async function serving({ pi, blr, fedora, nyc }: Stage, report: Report): Promise<void> {
  report.scene('A web server on pi');
  const address = addressOf(pi);
  const server = await pi.host.spawn([process.execPath, SERVER, address, String(OPEN), String(CLOSED)]);
  await Promise.all([OPEN, CLOSED].map((port) => server.waitFor(new RegExp(`serving ${port}$`))));
  const size = await fetchPage(blr, address, OPEN, 10);
  report.promise('service', size !== null);
  report.say(`externalblr fetched http://${address}/: ${size === null ? 'nothing' : `${size} bytes, complete`}`);

  const before = await fetchPage(blr, address, CLOSED, 10);
  await pi.host.configure('close a port of', { nft: FIREWALL });
  const others = [blr, fedora, nyc];
  const [local, open, ...closed] = await Promise.all([
    fetchPage(pi, address, CLOSED, 2),
    fetchPage(blr, address, OPEN, 5),
    ...others.map((each) => fetchPage(each, address, CLOSED, 1)),
  ]);
  // It must have been open before, and must still be served on pi itself: or "closed" would mean nothing.
  const kept = before !== null && local !== null && open !== null && closed.every((each) => each === null);
  report.promise('firewall', kept);
  report.say(
    `then pi's firewall closed port ${CLOSED}: ${kept ? 'nobody gets in any more' : 'somebody still gets in'}`,
  );
  report.say(`port ${OPEN} beside it ${open === null ? 'does not answer any more' : 'goes on serving'}`);
  await server.stop();
}
