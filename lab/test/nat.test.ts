import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Lab, type Host, type Internet, type NatKind } from '../src/index.ts';
import { Peer, split, until } from './peer.ts';

describe('a router', () => {
  let lab: Lab;
  let internet: Internet;
  let nyc: Host;
  let ams: Host;
  let atNyc: Peer;
  let atAms: Peer;
  let homes = 0;

  /** A fresh router and a machine with port 6550 behind it. */
  const household = async (nat: NatKind, more: { udp?: 'allow' | 'blocked'; hairpin?: boolean } = {}) => {
    const number = ++homes;
    const router = await lab.router(`home${number}`, { on: internet, nat, ...more });
    const host = await lab.host(`inside${number}`, { on: router });
    return { router, host, peer: await Peer.start(host, 6550) };
  };

  before(async () => {
    lab = await Lab.create();
    internet = await lab.internet();
    nyc = await lab.host('nyc', { on: internet });
    ams = await lab.host('ams', { on: internet });
    [atNyc, atAms] = await Promise.all([Peer.start(nyc, 7000, 7001), Peer.start(ams, 7000)]);
  });
  after(async () => lab.close());

  it('of kind preserving shows one endpoint, with the port of the inside, to every destination', async () => {
    const { router, peer } = await household('preserving');
    assert.equal(await peer.seenBy(nyc.address, 7000), `${router.address}:6550`);
    assert.equal(await peer.seenBy(nyc.address, 7001), `${router.address}:6550`);
    assert.equal(await peer.seenBy(ams.address, 7000), `${router.address}:6550`);
  });

  it('of kind preserving cannot keep one port for two machines towards one destination', async () => {
    const { router, peer } = await household('preserving');
    const second = await Peer.start(await lab.host('second', { on: router }), 6550);
    assert.equal(await peer.seenBy(nyc.address, 7000), `${router.address}:6550`);
    assert.notEqual(await second.seenBy(nyc.address, 7000), `${router.address}:6550`);
  });

  it('of kind independent shows one endpoint per machine, with another port, to every destination', async () => {
    const { router, peer } = await household('independent');
    const second = await Peer.start(await lab.host('neighbour', { on: router }), 6550);
    const [first, other] = [await peer.seenBy(nyc.address, 7000), await second.seenBy(nyc.address, 7000)];
    assert.equal(split(first)[0], router.address);
    assert.notEqual(split(first)[1], 6550);
    assert.notEqual(first, other);
    assert.equal(await peer.seenBy(nyc.address, 7001), first);
    assert.equal(await peer.seenBy(ams.address, 7000), first);
    assert.equal(await second.seenBy(ams.address, 7000), other);
  });

  it('of kind symmetric shows another port to every destination', async () => {
    const { peer } = await household('symmetric');
    const seen = [
      await peer.seenBy(nyc.address, 7000),
      await peer.seenBy(nyc.address, 7001),
      await peer.seenBy(ams.address, 7000),
    ];
    assert.equal(new Set(seen).size, 3, seen.join(' '));
    assert.equal(await peer.seenBy(nyc.address, 7000), seen[0], 'a running exchange keeps its port');
  });

  for (const nat of ['preserving', 'independent', 'symmetric', 'none-closed'] as const) {
    it(`of kind ${nat} lets in answers only from the address and the port that was written to`, async () => {
      const { peer } = await household(nat);
      const [address, port] = split(await peer.seenBy(nyc.address, 7000));
      atNyc.send(address, port, `other-port-${nat}`, 7001);
      atAms.send(address, port, `other-address-${nat}`);
      await atAms.seenBy(nyc.address, 7000); // Now the packet of ams has been carried, too.
      atNyc.send(address, port, `answer-${nat}`, 7000);
      await peer.receive(`answer-${nat}`);
      assert.equal(peer.count(`other-port-${nat}`), 0);
      assert.equal(peer.count(`other-address-${nat}`), 0);
    });
  }

  it('of kind none-closed keeps the public addresses of its machines', async () => {
    const { host, peer } = await household('none-closed');
    assert.equal(await peer.seenBy(nyc.address, 7000), `${host.address}:6550`);
  });

  it('drops what comes in unasked without a trace, so that a later punch keeps its port', async () => {
    const { router, peer } = await household('preserving');
    for (let i = 0; i < 3; i++) atNyc.send(router.address, 6550, 'too-early', 7000);
    await atNyc.seenBy(ams.address, 7000);
    assert.equal(await peer.seenBy(nyc.address, 7000), `${router.address}:6550`);
    assert.equal(peer.count('too-early'), 0);
  });

  it('behind another router makes a double NAT', async () => {
    const cgn = await lab.router('cgn', { on: internet, nat: 'symmetric', lan: '100.64.0.0/24' });
    const flat = await lab.router('flat', { on: cgn, nat: 'preserving' });
    const peer = await Peer.start(await lab.host('tenant', { on: flat }), 6550);
    const customer = await lab.host('customer', { on: cgn });
    await Peer.start(customer, 7000);
    assert.equal(await peer.seenBy(customer.address, 7000), `${flat.address}:6550`);
    const [first, second] = [await peer.seenBy(nyc.address, 7000), await peer.seenBy(ams.address, 7000)];
    assert.equal(split(first)[0], cgn.address);
    assert.notEqual(first, second);
  });

  it('that blocks UDP still carries TCP, and carries UDP again once told', async () => {
    const { router, host, peer } = await household('preserving', { udp: 'blocked' });
    const server = await nyc.spawn([
      process.execPath,
      '-e',
      `require('node:http').createServer((q, s) => s.end('hello')).listen(8080, () => console.log('ready'))`,
    ]);
    await server.waitFor(/^ready$/);
    const answer = await host.run(['curl', '-s', '--max-time', '5', `http://${nyc.address}:8080/`]);
    assert.equal(answer.stdout, 'hello');
    assert.equal(await peer.answeredBy(nyc.address, 7000, 300), false);
    await router.setUdp('allow');
    assert.equal(await peer.seenBy(nyc.address, 7000), `${router.address}:6550`);
  });

  it('does not lead back inside what is sent from inside to its outside address', async () => {
    const { router, peer } = await household('preserving');
    const second = await Peer.start(await lab.host('wanderer', { on: router }), 6551);
    const [address, port] = split(await peer.seenBy(nyc.address, 7000));
    second.send(address, port, 'hairpin');
    await second.seenBy(nyc.address, 7000); // Now the packet before this one has been carried.
    assert.equal(peer.count('hairpin'), 0);
  });

  it('forwards a port to a machine inside, from inside too if it has hairpin', async () => {
    const { router, host, peer } = await household('symmetric', { hairpin: true });
    await router.forward('udp/6550', host);
    const second = await Peer.start(await lab.host('insider', { on: router }), 6551);
    atNyc.send(router.address, 6550, 'unasked', 7001);
    assert.equal(await peer.receive('unasked'), `${nyc.address}:7001`);
    assert.equal(split(await second.seenBy(router.address, 6550))[0], router.lan.gateway.v4);
  });

  it('changes its kind while everything runs, and forgets its mappings', async () => {
    const { router, peer } = await household('preserving');
    assert.equal(await peer.seenBy(nyc.address, 7000), `${router.address}:6550`);
    await router.setNat('symmetric');
    atNyc.send(router.address, 6550, 'to-the-old-mapping', 7000);
    const seen = [await peer.seenBy(nyc.address, 7000), await peer.seenBy(ams.address, 7000)];
    assert.equal(new Set([...seen, `${router.address}:6550`]).size, 3, seen.join(' '));
    assert.equal(peer.count('to-the-old-mapping'), 0);
    await router.setNat('preserving');
    assert.equal(await peer.seenBy(nyc.address, 7000), `${router.address}:6550`);
    await assert.rejects(router.setNat('none-closed'), /cannot change from preserving to none-closed/);
  });

  it('gets another address outside while everything runs', async () => {
    const { router, peer } = await household('preserving');
    const old = await peer.seenBy(nyc.address, 7000);
    await router.setAddress();
    const now = await peer.seenBy(nyc.address, 7000);
    assert.equal(now, `${router.address}:6550`);
    assert.notEqual(now, old);
  });

  it('forgets a silent exchange after the time it was given', async () => {
    const router = await lab.router('forgetful', { on: internet, udpTimeoutSeconds: 1 });
    const peer = await Peer.start(await lab.host('silent', { on: router }), 6550);
    await peer.seenBy(nyc.address, 7000);
    const known = async () => (await router.run(['cat', '/proc/net/nf_conntrack'])).stdout.includes('sport=6550');
    assert.equal(await known(), true);
    await until('the mapping is forgotten', 5000, async () => !(await known()));
    atNyc.send(router.address, 6550, 'too-late', 7000);
    await peer.seenBy(nyc.address, 7001);
    assert.equal(peer.count('too-late'), 0);
  });

  it('gives IPv6 to its LAN behind a closed firewall, if the internet has it', async () => {
    const modern = await Lab.create();
    try {
      const core = await modern.internet({ ipv6: true });
      const server = await modern.host('server', { on: core });
      const outer = await modern.router('outer', { on: core, ipv6: true });
      const inner = await modern.router('inner', { on: outer, ipv6: true });
      const host = await modern.host('host', { on: inner });
      const atServer = await Peer.start(server, 7000, 7001);
      const peer = await Peer.start(host, 6550);
      assert.equal(await peer.seenBy(server.address6 ?? '', 7000), `${host.address6}:6550`);
      atServer.send(host.address6 ?? '', 6550, 'unasked', 7001);
      atServer.send(host.address6 ?? '', 6550, 'answer', 7000);
      await peer.receive('answer');
      assert.equal(peer.count('unasked'), 0);
    } finally {
      await modern.close();
    }
  });
});
