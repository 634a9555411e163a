import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Lab, LabError, type Host, type Internet, type Router } from '../src/index.ts';
import { Peer, split, until } from './peer.ts';

describe('a cable', () => {
  let lab: Lab;
  let internet: Internet;
  let home: Router;
  let nyc: Host;
  let atNyc: Peer;

  before(async () => {
    lab = await Lab.create();
    internet = await lab.internet();
    nyc = await lab.host('nyc', { on: internet, address: '203.0.113.99/24' });
    home = await lab.router('home', { on: internet });
    atNyc = await Peer.start(nyc, 7000);
  });
  after(async () => lab.close());

  const carrier = async (host: Host) =>
    (await host.run(['ip', '-o', 'link', 'show', 'eth0'])).stdout.includes('LOWER_UP');
  /** Mean round trip in milliseconds of a few pings. */
  const roundTrip = async (host: Host) => {
    const { stdout } = await host.run(['ping', '-c', '4', '-i', '0.05', '-W', '2', nyc.address]);
    return Number(/= [\d.]+\/([\d.]+)\//.exec(stdout)?.[1] ?? Number.NaN);
  };

  it('carries nothing while it is unplugged, and the address stays', async () => {
    const host = await lab.host('cord', { on: home });
    const peer = await Peer.start(host, 6550);
    await peer.seenBy(nyc.address, 7000);
    await host.unplug();
    await until('the carrier is gone', 2000, async () => !(await carrier(host)));
    assert.equal(await peer.answeredBy(nyc.address, 7000, 200), false);
    assert.match((await host.run(['ip', 'addr', 'show', 'eth0'])).stdout, new RegExp(`inet ${host.address}/24`));
    await host.plug();
    await until('the carrier is back', 2000, async () => carrier(host));
    assert.match(await peer.seenBy(nyc.address, 7000), /:6550$/);
  });

  it('of a router cuts off everyone behind it, but not from each other', async () => {
    const router = await lab.router('cut', { on: internet });
    const [one, two] = await Promise.all([lab.host('one', { on: router }), lab.host('two', { on: router })]);
    const [atOne] = await Promise.all([Peer.start(one, 6550), Peer.start(two, 6551)]);
    await router.unplug();
    assert.equal(await atOne.answeredBy(nyc.address, 7000, 200), false);
    assert.equal(await atOne.seenBy(two.address, 6551), `${one.address}:6550`);
    await router.plug();
    assert.equal(await atOne.seenBy(nyc.address, 7000), `${router.address}:6550`);
  });

  it('goes to another network with its machine, while programs run on', async () => {
    const host = await lab.host('laptop', { on: home });
    const peer = await Peer.start(host, 6550);
    assert.equal(split(await peer.seenBy(nyc.address, 7000))[0], home.address);
    const cafe = await lab.router('cafe', { on: internet });
    await host.move(cafe);
    assert.equal(host.at, cafe.lan);
    assert.equal(split(await peer.seenBy(nyc.address, 7000))[0], cafe.address);
    await host.move(internet, '198.51.100.77/24');
    assert.equal(await peer.seenBy(nyc.address, 7000), '198.51.100.77:6550');
    await host.move(home);
    assert.equal(split(await peer.seenBy(nyc.address, 7000))[0], home.address);
  });

  it('gets another address', async () => {
    const host = await lab.host('leased', { on: internet });
    const peer = await Peer.start(host, 6550);
    const [subnet] = host.address.split(/(?<=\.)\d+$/);
    await host.setAddress(`${subnet}200`);
    assert.equal(await peer.seenBy(nyc.address, 7000), `${subnet}200:6550`);
    await assert.rejects(host.setAddress('10.9.8.7'), /10\.9\.8\.7 is not in/);
  });

  it('loses about as many packets as it was told, in each direction', async () => {
    const host = await lab.host('lossy', { on: home });
    await host.shape({ lossPercent: 20 });
    // InEchos is the ninth number of the kernel's ICMP line.
    const arrived = async () => {
      const { stdout } = await nyc.run(['cat', '/proc/net/snmp']);
      return Number(/^Icmp: (?:\d+ ){8}(\d+)/m.exec(stdout)?.[1] ?? Number.NaN);
    };
    const before = await arrived();
    const { stdout } = await host.run(['ping', '-f', '-q', '-c', '500', '-W', '1', nyc.address]);
    const there = (await arrived()) - before;
    const back = Number(/ (\d+) received/.exec(stdout)?.[1] ?? Number.NaN);
    // 500 draws of 0.8, then `there` draws of 0.8: six standard deviations of room on either side.
    assert.ok(there > 345 && there < 455, `${there} of 500 arrived`);
    assert.ok(back > there * 0.68 && back < there * 0.92, `${back} of ${there} came back`);
    await host.shape({});
    assert.match((await host.run(['ping', '-f', '-q', '-c', '100', nyc.address])).stdout, / 0% packet loss/);
  });

  it('takes as long as it was told, and carries large segments whole', async () => {
    const host = await lab.host('far', { on: home });
    await host.shape({ delayMs: 30 });
    const slow = await roundTrip(host);
    assert.ok(slow >= 60 && slow < 150, `${slow} ms`);
    const server = await nyc.spawn([
      process.execPath,
      '-e',
      `require('node:http').createServer((q, s) => s.end(Buffer.alloc(1 << 20, 'x'))).listen(8081, () => console.log('ready'))`,
    ]);
    await server.waitFor(/^ready$/);
    const { stdout } = await host.run(['curl', '-s', '--max-time', '10', `http://${nyc.address}:8081/`], {
      timeoutMs: 12_000,
    });
    assert.equal(stdout.length, 1 << 20);
    await host.shape({ delayMs: 10 });
    const faster = await roundTrip(host);
    assert.ok(faster >= 20 && faster < 55, `${faster} ms`);
    await host.shape({});
    assert.ok((await roundTrip(host)) < 15);
  });

  it('keeps its delay when its machine moves', async () => {
    const host = await lab.host('roamer', { on: home });
    await host.shape({ delayMs: 25 });
    await host.move(internet);
    assert.ok((await roundTrip(host)) >= 50);
  });

  it('lets through no more than the rate it was told', async () => {
    const host = await lab.host('narrow', { on: home });
    const peer = await Peer.start(host, 6550);
    await host.shape({ rateMbit: 2 });
    const settings = await host.run(['tc', 'qdisc', 'show', 'dev', 'eth0']);
    assert.match(settings.stdout, /tbf .*rate 2Mbit/);
    const start = performance.now();
    // 1.6 Mbit, of which half a megabit fits the bucket and 0.1 the queue: the rest is dropped or waits.
    for (let i = 0; i < 200; i++) peer.send(nyc.address, 7000, `narrow${'.'.repeat(994)}`);
    await peer.seenBy(nyc.address, 7000).catch(() => '');
    const seconds = (performance.now() - start) / 1000;
    const bits = atNyc.process.stdout.filter((line) => line.includes('narrow...')).length * 8 * 1042;
    assert.ok(bits <= 65_536 * 8 + 2e6 * (seconds + 0.05), `${bits} bits in ${seconds} s`);
    assert.ok(bits >= 65_536 * 7, `${bits} bits`);
    await host.shape({});
    assert.doesNotMatch((await host.run(['tc', 'qdisc', 'show', 'dev', 'eth0'])).stdout, /tbf/);
  });

  it('refuses a shape outside of what can be', async () => {
    const host = await lab.host('shapeless', { on: home });
    await assert.rejects(host.shape({ lossPercent: 101 }), /a loss of 101 % is not within 0..100/);
    await assert.rejects(host.shape({ delayMs: -1 }), LabError);
    await assert.rejects(host.shape({ rateMbit: 0 }), LabError);
  });
});

describe('a firewall on a host', () => {
  it('opens and closes ports while everything runs', async () => {
    const lab = await Lab.create();
    try {
      const internet = await lab.internet();
      const host = await lab.host('guarded', { on: internet, firewall: 'closed' });
      const other = await lab.host('other', { on: internet });
      const [peer, outside] = [await Peer.start(host, 6550), await Peer.start(other, 7000)];
      assert.equal(await outside.answeredBy(host.address, 6550, 200), false);
      assert.equal(await peer.seenBy(other.address, 7000), `${host.address}:6550`, 'answers come in');
      await host.firewall({ inbound: 'closed', allow: ['udp/6550'] });
      assert.equal(await outside.seenBy(host.address, 6550), `${other.address}:7000`);
      await host.firewall({ inbound: 'open', block: ['udp'] });
      assert.equal(await outside.answeredBy(host.address, 6550, 200), false);
      assert.equal(await peer.answeredBy(other.address, 7000, 200), false);
      assert.equal((await other.run(['ping', '-c', '1', '-W', '2', host.address])).code, 0);
    } finally {
      await lab.close();
    }
  });
});
