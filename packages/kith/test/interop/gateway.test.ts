/** A gateway from its file to its removal, served to clients that nobody here wrote: udhcpc, dig, curl. Needs root. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Address, addressFrom, parseAddress } from '@kith/core';
import type { Capture } from '@kith/lab';
import { buildGatewayStage, type GatewayStage, type KithOptions, SITE } from '@kith/lab/gateway';

const NEEDED = ['dnsmasq', 'chronyd', 'udhcpc', 'dig', 'curl', 'tcpdump'];
const FOLDERS = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'];
const absent = NEEDED.filter((program) => !FOLDERS.some((folder) => existsSync(join(folder, program))));
const skip = absent.length === 0 ? false : `needs ${absent.join(', ')}`;
const CROWD = fileURLToPath(new URL('../../../../lab/gateway/leases.ts', import.meta.url));

/** What comes back as long as it is null. */
async function until<T>(what: string, look: () => Promise<T | null>, patience = 20_000): Promise<T> {
  for (const deadline = performance.now() + patience; performance.now() < deadline;) {
    const seen = await look();
    if (seen !== null) return seen;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what} did not come within ${patience / 1000} s`);
}

describe('a gateway', { skip }, () => {
  let stage: GatewayStage;
  /** What the host has that a gateway changes. */
  let untouched: string;
  let outside: Capture;

  async function hostState(): Promise<string> {
    const looks = [
      ['ip', '-br', 'addr'],
      ['ip', 'route', 'show', 'table', 'all'],
      ['ip', 'rule'],
      ['nft', 'list', 'ruleset'],
      ['sysctl', '-a', '--pattern', 'forward|accept_ra$|rp_filter'],
    ];
    const said = await Promise.all(looks.map(async (look) => (await stage.gateway.host.run(look)).stdout));
    return said.join('\n');
  }

  before(async () => {
    stage = await buildGatewayStage();
    untouched = await hostState();
    outside = await stage.lab.capture(stage.gateway.host, { iface: 'eth0', filter: 'ip or ip6' });
  });
  after(() => stage.close());

  test('is refused where something on the machine speaks against it, and nothing is changed', async () => {
    const { gateway } = stage;
    const refuses = async (file: string, message: RegExp, options: KithOptions = {}): Promise<void> => {
      await gateway.write(file);
      const { code, stderr } = await gateway.kith(['gateway', 'apply'], options);
      assert.match(stderr, message);
      assert.equal(code, 6);
    };
    const file = (clients: string, more = ''): string =>
      `gateway:\n  community: Freemesh\n  exit: eth0\n  domains: { fm: { interfaces: ${clients}${more} } }\n`;
    await refuses(file('eth9'), /kith\.yaml:4 .*no interface "eth9" on this machine, it has .*eth1/);
    await refuses(
      file('eth1', ', prefix4: 192.168.0.0/16'),
      /overlaps 192\.168\.77\.0\/24, which this machine has on eth3/,
    );
    const session = { env: { SSH_CONNECTION: '192.168.77.2 5000 192.168.77.1 22' } };
    await refuses(file('eth3'), /your own session comes in by "eth3".*--confirm 120/s, session);
    const hidden = ['sh', '-ec', 'mount --bind /dev/null /usr/sbin/chronyd; exec "$@"', 'sh'];
    await refuses(file('eth1'), /chronyd missing: sudo apt-get install .* chrony$/m, { through: hidden });
    const nobody = await gateway.kith(['gateway', 'apply'], {
      through: ['setpriv', '--reuid=65534', '--clear-groups'],
    });
    assert.match(nobody.stderr, /Run it with `sudo`/);
    assert.equal(nobody.code, 4);
    await gateway.host.run(['rm', gateway.file]);
    assert.equal(await hostState(), untouched);
  });

  test('is a file of at most twelve lines and one command away from a client that surfs', async () => {
    const { gateway, client } = stage;
    await gateway.must(['gateway', 'init', 'Freemesh Ireland', '--clients', 'eth1', '--clients', 'eth2']);
    assert.ok(readFileSync(gateway.file, 'utf8').trimEnd().split('\n').length <= 12);
    await gateway.must(['gateway', 'apply']);
    await client.lease();
    assert.match((await client.fetch(`http://${SITE}/`)) ?? '', new RegExp(`you are ${gateway.host.address}`));
  });

  test('gives a lease with router, names, time and the size of packets', async () => {
    const lease = await stage.client.lease();
    const { address4 } = await ownDomain();
    assert.deepEqual(
      { router: lease.router, dns: lease.dns, ntpsrv: lease.ntpsrv, mtu: lease.mtu, domain: lease.domain },
      { router: address4, dns: address4, ntpsrv: address4, mtu: '1500', domain: 'freemesh' },
    );
    const { leases } = await stage.gateway.status();
    assert.deepEqual(
      leases.map(({ address }) => address),
      [lease.ip],
    );
  });

  test('advertises a prefix of IPv6 and itself as router', async () => {
    const { address6 } = await ownDomain();
    const prefix = address6.slice(0, address6.lastIndexOf('::'));
    const router = await until('an address of the prefix', async () => {
      const seen = await stage.client.advertised();
      return seen.addresses.some((each) => each.startsWith(prefix)) ? seen.router : null;
    });
    assert.match(router, /^fe80:/);
  });

  test('answers for names of its zone and of the internet, over UDP and TCP and both families', async () => {
    const { address4, address6 } = await ownDomain();
    for (const server of [address4, address6]) {
      for (const over of ['udp', 'tcp'] as const) {
        const ask = (name: string, type: 'A' | 'AAAA'): Promise<string[]> =>
          stage.client.resolve(name, type, { server, over });
        assert.deepEqual(await ask('gw.freemesh', 'A'), [address4], `${server} ${over}`);
        assert.deepEqual(await ask('gw.freemesh', 'AAAA'), [address6], `${server} ${over}`);
        assert.deepEqual(await ask(SITE, 'A'), [stage.web.address], `${server} ${over}`);
        assert.deepEqual(await ask(SITE, 'AAAA'), [stage.web.address6 ?? ''], `${server} ${over}`);
      }
    }
  });

  test('answers for the time over both families, and lets questions for it out', async () => {
    const { address4, address6 } = await ownDomain();
    assert.equal(await stage.client.time(address4), 10);
    assert.equal(await stage.client.time(address6), 10);
    assert.equal(await stage.client.time(stage.web.address), 3);
  });

  test('carries both families to the internet', async () => {
    const { gateway, client, web } = stage;
    const [six, four] = [`http://[${web.address6}]/`, `http://${web.address}/`];
    await until('a page over IPv6', () => client.fetch(six, 1));
    assert.match((await client.fetch(six)) ?? '', new RegExp(`you are ${gateway.host.address6}`));
    assert.match((await client.fetch(four)) ?? '', new RegExp(`you are ${gateway.host.address}`));
  });

  test("keeps its clients out of its operator's own network, and of the gateway's other doors", async () => {
    const { client, gateway } = stage;
    assert.equal((await gateway.host.run(['curl', '-s', '-m', '3', 'http://192.168.77.2/'])).code, 0);
    assert.equal(await client.fetch('http://192.168.77.2/', 2), null);
    assert.equal(await client.fetch('http://192.168.77.1:9655/metrics', 2), null);
    assert.equal(await client.fetch(`http://${(await ownDomain()).address4}:9655/metrics`, 2), null);
  });

  test('lets nobody speak in the name of another', async () => {
    const { client, gateway, web } = stage;
    const foreign = '192.0.2.66';
    await client.machine.run(['ip', 'addr', 'add', `${foreign}/32`, 'dev', 'eth0']);
    const spoofed = await client.machine.run([
      'ping',
      '-n',
      '-c',
      '2',
      '-i',
      '0.2',
      '-W',
      '1',
      '-I',
      foreign,
      web.address,
    ]);
    await client.machine.run(['ip', 'addr', 'del', `${foreign}/32`, 'dev', 'eth0']);
    assert.notEqual(spoofed.code, 0);
    assert.notEqual(await client.fetch(`http://${SITE}/`), null);
    const { stdout: mac } = await gateway.host.run(['cat', '/sys/class/net/eth0/address']);
    const sources = outside.packets().flatMap(({ data }) => sourceOf(data, mac.trim()));
    assert.ok(sources.length > 20, `${sources.length} packets went out`);
    const own = [gateway.host.address, gateway.host.address6 ?? ''].map(parseAddress);
    assert.deepEqual(
      sources.filter((source) => !own.includes(source) && !LOCAL.test(source)),
      [],
    );
  });

  test('serves a thousand clients that come at once', { timeout: 100_000 }, async () => {
    const { router } = stage;
    await router.machine.run(['ip', 'route', 'add', 'default', 'dev', 'eth0']);
    const { code, stdout, stderr } = await router.machine.run([process.execPath, CROWD, '1000'], { timeoutMs: 90_000 });
    await router.machine.run(['ip', 'route', 'del', 'default', 'dev', 'eth0']);
    assert.equal(code, 0, `${stdout}${stderr}`);
    const crowd = JSON.parse(stdout) as { readonly leases: number; readonly addresses: number };
    assert.deepEqual({ leases: crowd.leases, addresses: crowd.addresses }, { leases: 1000, addresses: 1000 });
  });

  test('changes nothing when it is applied again, and restarts no daemon', async () => {
    const { gateway } = stage;
    const daemons = async (): Promise<unknown> =>
      (await gateway.status()).services.map(({ name, since }) => [name, since]);
    const before = await daemons();
    assert.match(await gateway.must(['gateway', 'apply']), /^Nothing to do/);
    assert.match(await gateway.must(['gateway', 'plan']), /^Nothing to do/);
    assert.deepEqual(await daemons(), before);
  });

  test('is taken over by the next keeper when its keeper is killed', async () => {
    const { gateway } = stage;
    const before = await gateway.status();
    process.kill(
      Number((await gateway.host.run(['cat', join(gateway.runFolder, 'lock.holder')])).stdout.split(' ')[0]),
      'SIGKILL',
    );
    const keeper = await gateway.spawn(['gateway', 'run']);
    const now = await until('the next keeper', async () => {
      const { code, stdout } = await gateway.kith(['--json', 'gateway', 'status']);
      return code === 0 ? (JSON.parse(stdout) as typeof before) : null;
    });
    const names = now.services.filter(({ state }) => state === 'ready').map(({ name }) => name);
    assert.deepEqual(names.toSorted(), before.services.map(({ name }) => name).toSorted());
    assert.notEqual(await stage.client.fetch(`http://${SITE}/`), null);
    assert.ok(keeper.pid > 0);
  });

  test('is there again after a start of the machine', async () => {
    const { gateway, client } = stage;
    // All that such a start takes away: processes, what the kernel had, the run folder.
    const names = gateway.host.namespace;
    const gone = await gateway.host.run([
      'sh',
      '-ec',
      `for pid in $(ip netns pids ${names}); do
         case "$(cat /proc/$pid/comm || echo gone)" in tcpdump | sh | cat | gone) ;; *) kill -9 $pid ;; esac
       done
       ip link del br-freemesh; nft delete table inet kith; nft delete table inet kith_bans
       sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
       rm -r ${gateway.runFolder}`,
    ]);
    assert.equal(gone.code, 0, gone.stderr);
    assert.equal(await client.fetch(`http://${stage.web.address}/`, 1), null);
    await gateway.spawn(['gateway', 'run']);
    await until('a page', () => client.fetch(`http://${SITE}/`, 1));
    await until('both services', async () => {
      const { state, services } = await gateway.status();
      return state === 'running' && services.filter((each) => each.state === 'ready').length === 2 ? true : null;
    });
    assert.match(await gateway.must(['gateway', 'plan']), /^Nothing to do/);
  });

  test('takes back by itself what nobody confirms', async () => {
    const { gateway } = stage;
    const file = readFileSync(gateway.file, 'utf8');
    writeFileSync(gateway.file, `${file}  services: { wiki: tcp/8080 }\n`);
    assert.match(await gateway.must(['gateway', 'apply', '--confirm', '5']), /taken back in 5 s/);
    assert.equal((await gateway.status()).state, 'unconfirmed');
    const rules = async (): Promise<string> =>
      (await gateway.host.run(['nft', 'list', 'table', 'inet', 'kith'])).stdout;
    assert.match(await rules(), /service-wiki/);
    await until('the old rules', async () => ((await rules()).includes('service-wiki') ? null : true));
    await until('the old state', async () => ((await gateway.status()).state === 'running' ? true : null));
    writeFileSync(gateway.file, file);
    assert.match(await gateway.must(['gateway', 'plan']), /^Nothing to do/);
  });

  test('is taken back where the doctor finds that something fails, and kept where nothing does', async () => {
    const { gateway } = stage;
    const file = readFileSync(gateway.file, 'utf8');
    await gateway.write(`${file}  services: { wiki: tcp/8080 }\n`);
    const kept = await gateway.kith(['gateway', 'apply', '--confirm-by-doctor']);
    assert.equal(kept.code, 0, `${kept.stdout}${kept.stderr}`);
    assert.match(kept.stdout, /confirmed: the gateway is in force/);
    await gateway.write(`${file}  dns: { upstreams: [203.0.113.99] }\n`);
    const { code, stdout } = await gateway.kith(['gateway', 'apply', '--confirm-by-doctor']);
    assert.equal(code, 1, stdout);
    assert.match(stdout, /error: .*\n {2}why: .*203\.0\.113\.99[^]*taken back/);
    await gateway.write(file);
    await gateway.must(['gateway', 'apply']);
    assert.equal((await gateway.status()).state, 'running');
  });

  test('is drained without cutting leases short, and comes back', async () => {
    const { gateway, client } = stage;
    await gateway.must(['gateway', 'drain']);
    assert.equal((await gateway.status()).state, 'draining');
    assert.equal((await client.lease()).ip, (await client.lease()).ip);
    assert.match(await gateway.must(['gateway', 'apply']), /^Nothing to do/, 'a later apply keeps it so');
    await gateway.must(['gateway', 'undrain']);
    assert.equal((await gateway.status()).state, 'running');
  });

  test('remembers which gateway of the list it is', async () => {
    const { gateway } = stage;
    const file = readFileSync(gateway.file, 'utf8');
    await gateway.write(`${file}  gateways: { tower: {}, cave: {} }\n`);
    assert.equal((await gateway.kith(['gateway', 'apply'])).code, 2, 'its host name is none of them');
    await gateway.must(['gateway', 'apply', '--as', 'cave']);
    await gateway.must(['gateway', 'drain']);
    assert.match((await ownDomain()).address4, /\.0\.3$/);
    await gateway.must(['gateway', 'undrain']);
    await gateway.write(file);
    await gateway.must(['gateway', 'apply']);
  });

  test('bans whom its operator names, and lets them in again', async () => {
    const { gateway } = stage;
    await gateway.must(['bans', 'add', '192.0.2.9', '2001:db8:5:6::7', '--for', '10m']);
    assert.match(
      await gateway.must(['bans']),
      /2001:db8:5:6::\/64 .*by hand[^]*192\.0\.2\.9\/32|192\.0\.2\.9\/32[^]*2001:db8:5:6::\/64/,
    );
    const sets = await gateway.host.run(['nft', 'list', 'table', 'inet', 'kith_bans']);
    assert.match(sets.stdout, /192\.0\.2\.9 timeout/);
    await gateway.must(['bans', 'remove', '192.0.2.9']);
    assert.doesNotMatch(await gateway.must(['bans']), /192\.0\.2\.9/);
  });

  test('tells what came through its interfaces', async () => {
    assert.match(await stage.gateway.must(['traffic', 'eth0']), /^eth0\n {2}day +received +sent +total +average\n/);
    assert.match(await stage.gateway.must(['traffic', '--hours']), /br-freemesh/);
  });

  test('leaves the host as it was', async () => {
    const { gateway } = stage;
    await gateway.must(['gateway', 'remove', '--yes']);
    assert.equal(await hostState(), untouched);
    assert.equal(existsSync(gateway.runFolder), false);
    assert.equal(existsSync(gateway.state), false);
  });

  async function ownDomain(): Promise<{ readonly address4: string; readonly address6: string }> {
    const [domain] = (await stage.gateway.status()).domains;
    return domain ?? assert.fail('the gateway has no domain');
  }
});

/** Such a source does not leave the wire. */
const LOCAL = /^(?:fe80:|::$|0\.0\.0\.0$)/;

/**
 * The source of a packet of Ethernet that comes from this hardware address; nothing of others.
 *   destination(6) source(6) type(2: 0800 IPv4, 86dd IPv6) packet
 */
function sourceOf(frame: Buffer, mac: string): Address[] {
  if (frame.subarray(6, 12).toString('hex') !== mac.replaceAll(':', '')) return [];
  const version6 = frame.readUInt16BE(12) === 0x86dd;
  return [addressFrom(version6 ? frame.subarray(22, 38) : frame.subarray(26, 30))];
}
