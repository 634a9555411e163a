/** The steps of the demo, in their order. Each returns what was seen, or throws why it was not. */
import { fileURLToPath } from 'node:url';
import { type GatewayStage, SITE } from '../gateway/stage.ts';

export interface Scene {
  readonly title: string;
  readonly play: (stage: GatewayStage) => Promise<string>;
  /** Without it the others have nothing to show. */
  readonly needed?: boolean;
  /** At its end a client surfs. */
  readonly surfs?: boolean;
  /** Takes the gateway away. */
  readonly last?: boolean;
}

const RESPONDER = fileURLToPath(new URL('../gateway/responder.ts', import.meta.url));
const ROUTER = 'o-connell-street';

export const SCENES: readonly Scene[] = [
  { title: 'The file, from three answers', play: writeFile, needed: true },
  { title: 'The plan', play: plan, needed: true },
  { title: 'Applied', play: apply, needed: true },
  { title: 'A lease by udhcpc', play: lease, needed: true },
  { title: 'A page of the internet through NAT', play: surf, surfs: true },
  { title: 'An address of IPv6 from the advertisements', play: advertised },
  { title: 'Names, over UDP and TCP and both families', play: names },
  { title: 'The time, over both families', play: time },
  { title: 'Applied again', play: again },
  { title: 'The map fills with a router', play: map },
  { title: 'A rule is taken out, and the doctor names it', play: doctor },
  { title: 'The doctor mends it', play: mend },
  { title: 'Removed', play: remove, last: true },
];

async function writeFile({ gateway }: GatewayStage): Promise<string> {
  // eth0 is found by itself: the machine's own way to the internet.
  return (await gateway.must(['gateway', 'init', 'Freemesh Ireland', '--clients', 'eth1', '--clients', 'eth2'])).trim();
}

async function plan({ gateway }: GatewayStage): Promise<string> {
  const text = await gateway.must(['gateway', 'plan']);
  const lines = text.trim().split('\n');
  const summary = lines.at(-1) ?? '';
  if (!/^\d+ to add/.test(summary)) throw new Error(`the plan ends with "${summary}"`);
  return [...lines.filter((line) => /^[+~] /.test(line)), summary]
    .map((line) => line.replace(gateway.folder, ''))
    .join('\n');
}

async function apply({ gateway }: GatewayStage): Promise<string> {
  return (await gateway.must(['gateway', 'apply'])).trim().split('\n').at(-1) ?? '';
}

async function lease({ client }: GatewayStage): Promise<string> {
  const got = await client.lease();
  for (const key of ['router', 'dns', 'mtu', 'ntpsrv'] as const)
    if (got[key] === '') throw new Error(`the lease has no ${key}`);
  return `${got.ip}/${got.mask}, router ${got.router}, names ${got.dns}, time ${got.ntpsrv}, MTU ${got.mtu}, for ${got.lease} s`;
}

async function surf({ client, gateway }: GatewayStage): Promise<string> {
  const page = (await client.fetch(`http://${SITE}/`)) ?? '';
  const { address, address6 } = gateway.host;
  if (!page.includes(address) && !page.includes(address6 ?? '-'))
    throw new Error(`http://${SITE}/ gave "${page.trim()}"`);
  return `http://${SITE}/: ${page.trim()}`;
}

async function names({ client, gateway }: GatewayStage): Promise<string> {
  const domain = await ownDomain(gateway);
  const seen: string[] = [];
  for (const server of [domain.address4, domain.address6])
    for (const over of ['udp', 'tcp'] as const) {
      const [own] = await client.resolve('gw.freemesh', 'AAAA', { server, over });
      const [far] = await client.resolve(SITE, 'A', { server, over });
      if (own !== domain.address6 || far === undefined)
        throw new Error(`${server} over ${over} says ${own} and ${far}`);
      seen.push(`${server} over ${over.toUpperCase()}: gw.freemesh is ${own}, ${SITE} is ${far}`);
    }
  return seen.join('\n');
}

async function time({ client, gateway, web }: GatewayStage): Promise<string> {
  const domain = await ownDomain(gateway);
  const servers = [domain.address4, domain.address6, web.address];
  const strata = await Promise.all(servers.map((server) => client.time(server)));
  if (strata.includes(null))
    throw new Error(`silence: ${servers.filter((_server, i) => strata[i] === null).join(', ')}`);
  return servers.map((server, i) => `${server} answers, stratum ${strata[i]}`).join('\n');
}

async function advertised({ client, gateway }: GatewayStage): Promise<string> {
  const { address6 } = await ownDomain(gateway);
  const prefix = address6.slice(0, address6.lastIndexOf('::'));
  return until('an address of the domain', async () => {
    const { addresses, router } = await client.advertised();
    const own = addresses.find((each) => each.startsWith(prefix));
    return own === undefined || router === null ? null : `${own}, router ${router}`;
  });
}

async function again({ gateway }: GatewayStage): Promise<string> {
  const before = await gateway.status();
  const text = (await gateway.must(['gateway', 'apply'])).trim();
  const after = await gateway.status();
  if (!text.startsWith('Nothing to do')) throw new Error(text);
  const since = ({ services }: typeof before): string =>
    JSON.stringify(services.map(({ name, since: at }) => [name, at]));
  if (since(before) !== since(after)) throw new Error('a daemon was restarted');
  return `${text} No daemon was restarted.`;
}

async function map({ gateway, router }: GatewayStage): Promise<string> {
  const answering = await router.machine.spawn([process.execPath, RESPONDER, 'eth0', '02caffee0001', ROUTER]);
  await answering.waitFor(/^answering/);
  // Without tunnels for routers the file has to say that there are some.
  const { stdout } = await gateway.host.run(['cat', gateway.file]);
  const file = `${stdout.trimEnd()}\n  map: { interval: 10 }\n`;
  await gateway.host.run(['tee', gateway.file], { input: file });
  await gateway.must(['gateway', 'apply']);
  return until(
    `${ROUTER} on the map`,
    async () => {
      const page = await gateway.host.run(['curl', '-s', '--noproxy', '*', 'http://127.0.0.1:9655/map/nodes.json']);
      return page.stdout.includes(ROUTER) ? `nodes.json has ${ROUTER}: ${page.stdout.length} bytes` : null;
    },
    30_000,
  );
}

async function doctor({ gateway }: GatewayStage): Promise<string> {
  const well = await gateway.examine();
  const before = well.findings.map(({ what }) => what);
  if (before.length > 0) throw new Error(`the doctor is not content before anything is broken: ${before.join(', ')}`);
  await takeOut(gateway, 'dns-tcp');
  const { stdout, code } = await gateway.kith(['gateway', 'doctor']);
  if (code !== 1 || !stdout.includes('dns-tcp')) throw new Error(stdout);
  return `taken out: dns-tcp\n${stdout.trim().split('\n').slice(1).join('\n')}`;
}

async function mend({ gateway }: GatewayStage): Promise<string> {
  const report = await gateway.examine('--fix');
  if (report.findings.length > 0) throw new Error(JSON.stringify(report.findings));
  return `mended ${report.mended.length} finding, then nothing is wrong`;
}

async function remove({ gateway, client }: GatewayStage): Promise<string> {
  await gateway.must(['gateway', 'remove', '--yes']);
  const { stdout } = await gateway.host.run(['ip', '-br', 'link']);
  const rules = await gateway.host.run(['nft', 'list', 'tables']);
  if (/^br-/m.test(stdout) || /kith/.test(rules.stdout)) throw new Error(`left: ${stdout}${rules.stdout}`);
  if ((await client.fetch(`http://${SITE}/`, 1)) !== null) throw new Error('the client still surfs');
  return 'no bridge, no rules, no daemons, and the client is offline';
}

type Gateway = GatewayStage['gateway'];

async function ownDomain(gateway: Gateway): Promise<{ readonly address4: string; readonly address6: string }> {
  const [domain] = (await gateway.status()).domains;
  if (domain === undefined) throw new Error('the gateway has no domain');
  return domain;
}

/** Deletes a rule of the firewall, as somebody does who is looking for something else. */
async function takeOut(gateway: Gateway, id: string): Promise<void> {
  const { stdout } = await gateway.host.run(['nft', '-a', 'list', 'table', 'inet', 'kith']);
  const lines = stdout.split('\n');
  const at = lines.findIndex((line) => line.includes(`comment "${id}: `));
  const handle = /# handle (\d+)/.exec(lines[at] ?? '')?.[1];
  const chain = lines.slice(0, at).findLast((line) => line.includes('chain '));
  const name = /chain (\S+)/.exec(chain ?? '')?.[1];
  if (handle === undefined || name === undefined) throw new Error(`there is no rule "${id}"`);
  await gateway.host.run(['nft', 'delete', 'rule', 'inet', 'kith', name, 'handle', handle]);
}

async function until(what: string, look: () => Promise<string | null>, patience = 15_000): Promise<string> {
  for (const deadline = performance.now() + patience; performance.now() < deadline;) {
    const seen = await look();
    if (seen !== null) return seen;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what} did not come within ${patience / 1000} s`);
}
