/** Clients behind a member of the mesh leave through the members that are exits, the first that answers. Needs root. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Actor, type Capture, type Host } from '@kith/lab';
import { buildGatewayStage, Client, GatewayHost, type GatewayStage, SITE } from '@kith/lab/gateway';

const LABEL = 'mesh';
const skip = existsSync('/usr/sbin/dnsmasq') && existsSync('/usr/sbin/udhcpc') ? false : 'needs dnsmasq and udhcpc';
/** What is neither the mesh's nor between neighbours. */
const OTHERS =
  '(ip or ip6) and not udp port 6550 and not icmp6 and not ip6 multicast and not ip multicast and not icmp[icmptype] == icmp-unreach';
const NOTHING = /nothing to do/i;
/** ms in which clients have another exit. */
const FAILOVER = 10_000;

async function until<T>(what: string, look: () => Promise<T | null>, patience = 30_000): Promise<T> {
  for (const deadline = performance.now() + patience; performance.now() < deadline;) {
    const seen = await look();
    if (seen !== null) return seen;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what} did not come within ${patience / 1000} s`);
}

describe('kith lan', { skip }, () => {
  let stage: GatewayStage;
  let folder: string;
  /** Two gateways that are exits, and the machine whose clients have to get out. */
  let tower: Actor;
  let cave: Actor;
  let machine: Actor;
  let home: GatewayHost;
  let client: Client;
  const offers = new Map<string, GatewayHost>();
  /** What leaves the machine by its own line, but for the mesh. */
  let line: Capture;

  /** Makes it a gateway of its own community that lets members of the mesh out. */
  async function offer(actor: Actor): Promise<GatewayHost> {
    const own = await stage.lab.bare(`client-of-${actor.name}`);
    await stage.lab.cable({ machine: actor.host, iface: 'eth1' }, { machine: own, iface: 'eth0' });
    const gateway = new GatewayHost(actor.host, join(folder, `${actor.name}-gateway`), actor.state);
    await gateway.write(`gateway:
  community: ${actor.name}
  clients: eth1
  exit: { interface: eth0, offer: true }
`);
    await gateway.must(['gateway', 'apply']);
    return gateway;
  }

  function share(): Promise<string> {
    return home.must(['lan', 'eth1', '--exit', 'tower', '--exit', 'cave']);
  }

  /** A page fetched by the site's name, as the site sees it coming from this exit. */
  function surfsThrough(exit: Actor, patience: number): Promise<string> {
    return until(
      `a page through ${exit.name}`,
      async () => {
        const page = await client.fetch(`http://${SITE}/`, 1);
        return page?.includes(`you are ${exit.host.address}`) === true ? page : null;
      },
      patience,
    );
  }

  before(async () => {
    stage = await buildGatewayStage();
    folder = mkdtempSync(join(tmpdir(), 'kith-lan-'));
    const on = stage.internet;
    const router = await stage.lab.router('provider', { on, nat: 'symmetric' });
    const actor = (host: Host): Actor => new Actor(host, LABEL, folder);
    tower = actor(await stage.lab.host('tower', { on, address: '192.0.2.20' }));
    cave = actor(await stage.lab.host('cave', { on, address: '192.0.2.21' }));
    machine = actor(await stage.lab.host('home', { on: router }));
    await tower.must(['init', 'tower', '--prefix', '10.99.0.0/24', '--endpoint', '192.0.2.20:6550']);
    await tower.must(['up']);
    for (const each of [cave, machine]) {
      const token = await tower.must(['invite', each.name]);
      await each.must(['join', '-'], { input: token });
      await each.must(['up']);
    }
    for (const exit of [tower, cave]) {
      await tower.must(['set', exit.name, '--exit', 'yes']);
      offers.set(exit.name, await offer(exit));
    }
    await machine.until('both exits', ({ members }) => members.filter(({ online }) => online).length >= 3);
    const phone = await stage.lab.bare('phone');
    await stage.lab.cable({ machine: machine.host, iface: 'eth1' }, { machine: phone, iface: 'eth0' });
    client = new Client(phone, folder);
    home = new GatewayHost(machine.host, join(folder, 'home-gateway'), machine.state);
    line = await stage.lab.capture(machine.host, { iface: 'eth0', filter: OTHERS });
  });
  after(async () => {
    await stage.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('says which member is no exit, and who has none', async () => {
    const { code, stderr } = await home.kith(['lan', 'eth1', '--exit', 'home']);
    assert.notEqual(code, 0);
    assert.match(stderr, /home is no exit of mesh/);
  });

  test('hands out addresses and sends clients through the mesh to the first exit', async () => {
    await share();
    const lease = await client.lease();
    assert.equal(lease.mtu, '1280', 'as much as the mesh carries');
    await surfsThrough(tower, 5000);
    await until('the keeper says so', async () => ((await home.status()).exit?.member === 'tower' ? true : null), 5000);
    assert.match(await home.must(['lan']), /clients leave through tower, the preferred one/);
    assert.match(await share(), NOTHING);
  });

  test('lets clients out over IPv6 too', async () => {
    await until('an address', async () => ((await client.advertised()).addresses.length > 0 ? true : null));
    const page = await until('a page', () => client.fetch(`http://[${stage.web.address6 ?? ''}]/`, 1), 10_000);
    assert.match(page, new RegExp(`you are ${tower.host.address6 ?? 'nobody'}\\b`));
  });

  test('lets members out by an exit, and not into the networks that its operator has besides', async () => {
    const { host } = machine;
    const office = await stage.lab.bare('office');
    await stage.lab.cable({ machine: tower.host, iface: 'eth2' }, { machine: office, iface: 'eth0' });
    await tower.host.configure('give a network of its own to', { ip: ['addr add 192.168.77.1/24 dev eth2'] });
    await office.configure('address', {
      ip: ['addr add 192.168.77.2/24 dev eth0', 'route add default via 192.168.77.1'],
    });
    const pings = async (from: Host, ...words: readonly string[]): Promise<number | null> =>
      (await from.run(['ping', '-c', '1', '-W', '1', ...words])).code;
    assert.equal(await pings(tower.host, '192.168.77.2'), 0, 'the operator does not get there');
    await host.configure('lead into the mesh', {
      ip: ['route add 192.168.77.0/24 dev kith-mesh', `route add ${stage.web.address} dev kith-mesh`],
    });
    assert.equal(await pings(host, stage.web.address), 0, 'a member does not get out');
    assert.notEqual(await pings(host, '192.168.77.2'), 0, "a member reaches the operator's office");
    // In the name of an address that is not its own: the exit hears nothing of it.
    await host.configure('take an address', { ip: ['addr add 10.99.0.77/32 dev lo'] });
    assert.notEqual(await pings(host, '-I', '10.99.0.77', stage.web.address), 0, 'a foreign address is let out');
    await host.configure('give all back', {
      ip: [
        'route del 192.168.77.0/24 dev kith-mesh',
        `route del ${stage.web.address} dev kith-mesh`,
        'addr del 10.99.0.77/32 dev lo',
      ],
    });
  });

  test("lets clients neither into the mesh nor into the exit's own network", async () => {
    const question = ['ping', '-c', '1', '-W', '1', '10.99.0.1'];
    assert.equal((await machine.host.run(question)).code, 0, 'the member does not answer');
    assert.notEqual((await client.machine.run(question)).code, 0, 'the member answers a stranger');
    assert.notEqual((await client.machine.run(['ping', '-c', '1', '-W', '1', '192.168.77.2'])).code, 0);
  });

  test('gives the doctor nothing to find, on either side', async () => {
    for (const host of [home, offers.get('tower')]) assert.deepEqual((await host?.examine())?.findings, []);
  });

  test('leaves an exit that is drained, and comes back to it afterwards', async () => {
    await offers.get('tower')?.must(['gateway', 'drain']);
    await surfsThrough(cave, FAILOVER);
    assert.match(await home.must(['lan']), /cave: tower does not let anybody out at present/);
    await offers.get('tower')?.must(['gateway', 'undrain']);
    await surfsThrough(tower, 30_000);
  });

  test('goes on through the next exit within ten seconds when the first one is gone', async () => {
    const died = performance.now();
    await tower.signal('SIGKILL');
    await surfsThrough(cave, FAILOVER);
    assert.ok(performance.now() - died < FAILOVER);
    assert.match(await home.must(['lan']), /clients leave through cave: tower does not answer/);
  });

  test('tells clients that there is no way when no exit is left, and lets nothing out beside the mesh', async () => {
    await cave.signal('SIGKILL');
    await until(
      'that no exit is used',
      async () => ((await home.status()).exit?.member === null ? true : null),
      15_000,
    );
    const told = await until('a refusal', async () => {
      const { stdout } = await client.machine.run(['ping', '-c', '1', '-W', '1', stage.web.address]);
      return stdout.includes('Unreachable') ? stdout : null;
    });
    assert.match(told, /Destination Net Unreachable/);
    assert.equal(await client.fetch(`http://${stage.web.address}/`, 2), null);
    assert.deepEqual(await client.resolve(SITE, 'A'), []);
    const { findings } = await home.examine();
    assert.deepEqual(
      findings.map(({ id }) => id),
      ['exit-members kith-mesh'],
    );
    assert.match(findings[0]?.cause ?? '', /no exit can be used: tower does not answer, cave does not answer/);
  });

  test('goes through the first exit that is back', async () => {
    await tower.must(['up']);
    await surfsThrough(tower, 30_000);
  });

  test("finds its way again when the machine's own mesh was started anew", async () => {
    await machine.must(['down']);
    await machine.must(['up']);
    await surfsThrough(tower, 30_000);
    assert.match(await share(), NOTHING);
  });

  test('comes back when its keeper was started before the mesh', async () => {
    const { pid } = await home.status();
    await machine.host.run(['kill', '-9', String(pid)]);
    await machine.must(['down']);
    const keeper = await home.spawn(['gateway', 'run']);
    await keeper.waitFor(/keeping the gateway/);
    await machine.must(['up']);
    await surfsThrough(tower, 30_000);
    assert.match(await share(), NOTHING);
  });

  test('left all the time nothing on its own line that was not the mesh', () => {
    const strangers = line.packets().map(({ data }) => data.toString('hex'));
    assert.deepEqual(strangers, []);
  });

  test('leaves the machine as it was', async () => {
    await home.must(['lan', 'down', '--yes']);
    const { stdout } = await machine.host.run(['sh', '-c', 'ip -br link; ip rule; nft list tables']);
    assert.doesNotMatch(stdout, /br-|lookup 42|table inet kith/);
  });
});
