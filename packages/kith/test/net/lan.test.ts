/** Clients behind a member of the mesh leave through the members that are exits, the first that is online. Needs root. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Actor, type Host } from '@kith/lab';
import { buildGatewayStage, Client, GatewayHost, type GatewayStage, SITE } from '@kith/lab/gateway';

const LABEL = 'mesh';
const skip = existsSync('/usr/sbin/dnsmasq') && existsSync('/usr/sbin/udhcpc') ? false : 'needs dnsmasq and udhcpc';

async function until<T>(what: string, look: () => Promise<T | null>, patience = 30_000): Promise<T> {
  for (const deadline = performance.now() + patience; performance.now() < deadline;) {
    const seen = await look();
    if (seen !== null) return seen;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`${what} did not come within ${patience / 1000} s`);
}

describe('kith lan', { skip }, () => {
  let stage: GatewayStage;
  let folder: string;
  /** Two gateways that are exits, and the machine whose clients have to get out. */
  let tower: Actor;
  let cave: Actor;
  let home: GatewayHost;
  let client: Client;

  /** Makes it a gateway of its own community that lets members of the mesh out. */
  async function offer(actor: Actor): Promise<void> {
    const own = await stage.lab.bare(`client-of-${actor.name}`);
    await stage.lab.cable({ machine: actor.host, iface: 'eth1' }, { machine: own, iface: 'eth0' });
    const gateway = new GatewayHost(actor.host, join(folder, `${actor.name}-gateway`), actor.state);
    await gateway.write(`gateway:
  community: ${actor.name}
  clients: eth1
  exit: { interface: eth0, offer: true }
`);
    await gateway.must(['gateway', 'apply']);
  }

  before(async () => {
    stage = await buildGatewayStage();
    folder = mkdtempSync(join(tmpdir(), 'kith-lan-'));
    const on = stage.internet;
    const router = await stage.lab.router('provider', { on, nat: 'symmetric' });
    const actor = (host: Host): Actor => new Actor(host, LABEL, folder);
    tower = actor(await stage.lab.host('tower', { on, address: '192.0.2.20' }));
    cave = actor(await stage.lab.host('cave', { on, address: '192.0.2.21' }));
    const machine = actor(await stage.lab.host('home', { on: router }));
    await tower.must(['init', 'tower', '--prefix', '10.99.0.0/24', '--endpoint', '192.0.2.20:6550']);
    await tower.must(['up']);
    for (const each of [cave, machine]) {
      const token = await tower.must(['invite', each.name]);
      await each.must(['join', '-'], { input: token });
      await each.must(['up']);
    }
    for (const exit of [tower, cave]) {
      await tower.must(['set', exit.name, '--exit', 'yes']);
      await offer(exit);
    }
    await machine.until('both exits', ({ members }) => members.filter(({ online }) => online).length >= 2);
    const phone = await stage.lab.bare('phone');
    await stage.lab.cable({ machine: machine.host, iface: 'eth1' }, { machine: phone, iface: 'eth0' });
    client = new Client(phone, folder);
    home = new GatewayHost(machine.host, join(folder, 'home-gateway'), machine.state);
  });
  after(async () => {
    await stage.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('hands out addresses and sends clients through the mesh to the first exit', async () => {
    await home.must(['lan', 'eth1', '--via', 'tower', '--via', 'cave']);
    const lease = await client.lease();
    assert.equal(lease.mtu, '1280', 'as much as the mesh carries');
    const page = await until('a page through tower', () => client.fetch(`http://${SITE}/`, 2));
    assert.match(page, new RegExp(`you are ${tower.host.address}`));
    assert.equal((await home.status()).exit?.member, 'tower');
  });

  test('goes on through the next exit when the first one is gone', async () => {
    await tower.signal('SIGKILL');
    const page = await until(
      'a page through cave',
      async () => {
        const seen = await client.fetch(`http://${SITE}/`, 1);
        return seen?.includes(cave.host.address) === true ? seen : null;
      },
      60_000,
    );
    assert.match(page, new RegExp(`you are ${cave.host.address}`));
  });

  test('lets nothing out beside the mesh', async () => {
    await cave.signal('SIGKILL');
    assert.equal(await client.fetch(`http://${stage.web.address}/`, 2), null);
  });
});
