/** A machine becomes a gateway and stops being one, with the real programs. Needs root, dnsmasq and chronyd. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { takeLock } from '../../src/apply/lock.ts';
import { BRIDGE, differences, setUp, SMALL, type Stage } from '../apply/stage.ts';
import { until } from '../until.ts';

function stageFor(t: TestContext): Stage {
  const stage = setUp();
  t.after(() => stage.tearDown());
  return stage;
}

test('applied twice nothing is done, no daemon is restarted, and the removal leaves the host as it was', async (t) => {
  const stage = stageFor(t);
  const before = stage.snapshot();
  const first = await stage.act({ verb: 'apply', text: SMALL });
  assert.equal(first?.error, undefined);
  assert.ok((first?.changes ?? []).includes(`add link ${BRIDGE}`));
  const made = stage.snapshot();
  const second = await stage.act({ verb: 'apply', text: SMALL });
  assert.deepEqual(second?.changes, []);
  assert.deepEqual(second?.daemons, first?.daemons);
  assert.deepEqual(differences(stage.snapshot(), made), []);
  // A comment is another text and the same gateway: it is what a start of the machine brings back.
  const third = await stage.act({ verb: 'apply', text: `# ours\n${SMALL}` });
  assert.deepEqual(third?.changes, []);
  assert.match(readFileSync(join(stage.folder, 'state', 'journal.json'), 'utf8'), /# ours/);
  const removed = await stage.act({ verb: 'remove' });
  assert.deepEqual([removed?.error, removed?.owned, removed?.inForce], [undefined, 0, false]);
  assert.deepEqual(differences(stage.snapshot(), before), []);
});

test('what was set otherwise before kith comes back', async (t) => {
  const stage = stageFor(t);
  stage.sh(`sysctl -qw net.ipv4.conf.eth1.forwarding=1 net.ipv4.conf.all.accept_redirects=0
    sysctl -qw net.ipv6.conf.eth0.accept_ra=0
    ip link add br-own address 02:00:00:00:00:09 type bridge
    ip link set eth1 master br-own
    ip link set eth1 type bridge_slave isolated on mcast_router 0
    ip link set eth1 up
    nft add table inet mine`);
  const before = stage.snapshot();
  assert.equal((await stage.act({ verb: 'apply', text: SMALL }))?.error, undefined);
  assert.notDeepEqual(differences(stage.snapshot(), before), []);
  assert.equal((await stage.act({ verb: 'remove' }))?.error, undefined);
  assert.deepEqual(differences(stage.snapshot(), before), []);
  const [port] = JSON.parse(stage.sh('ip -j -d link show eth1'));
  const { isolated, multicast_router: router } = port.linkinfo.info_slave_data;
  assert.deepEqual([isolated, router], [true, 0]);
});

test('what nobody confirms in time is taken back by whoever watches', async (t) => {
  const stage = stageFor(t);
  const before = stage.snapshot();
  const outcome = await stage.act({ verb: 'apply', text: SMALL, confirmWithin: 500 });
  assert.deepEqual([outcome?.error, outcome?.inForce], [undefined, false]);
  assert.notDeepEqual(differences(stage.snapshot(), before), []);
  const guard = await stage.act({ verb: 'guard' });
  assert.equal(guard?.recovery, 'reverted');
  assert.deepEqual(differences(stage.snapshot(), before), []);
});

test('what is confirmed stays, and can no more be taken back', async (t) => {
  const stage = stageFor(t);
  await stage.act({ verb: 'apply', text: SMALL, confirmWithin: 60_000 });
  const waiting = await stage.act({ verb: 'recover' });
  assert.equal(waiting?.recovery, 'waiting');
  const again = await stage.act({ verb: 'apply', text: SMALL });
  assert.equal(again?.error?.code, 'GATEWAY_UNCONFIRMED');
  const confirmed = await stage.act({ verb: 'confirm' });
  assert.deepEqual([confirmed?.error, confirmed?.inForce], [undefined, true]);
  assert.equal((await stage.act({ verb: 'revert' }))?.error?.code, 'GATEWAY_NOT_PENDING');
  assert.equal((await stage.act({ verb: 'confirm' }))?.error?.code, 'GATEWAY_NOT_PENDING');
  assert.deepEqual((await stage.act({ verb: 'plan', text: SMALL }))?.changes, []);
});

test('a change that waits is taken back when the machine was started anew, however much time it had', async (t) => {
  const stage = stageFor(t);
  const before = stage.snapshot();
  await stage.act({ verb: 'apply', text: SMALL, confirmWithin: 600_000 });
  stage.pretendNewBoot();
  assert.equal((await stage.act({ verb: 'recover' }))?.recovery, 'reverted');
  assert.deepEqual(differences(stage.snapshot(), before), []);
});

test('a daemon that cannot start has everything taken back and is named', async (t) => {
  const stage = stageFor(t);
  stage.sh('ip link add dum0 type veth peer name dum1; ip addr add 10.181.0.2/32 dev dum0; ip link set dum0 up');
  const taken = spawn('ip', ['netns', 'exec', stage.namespace, 'dnsmasq', '-k', '-C', '/dev/null', '-p', '53'], {
    stdio: 'ignore',
  });
  t.after(() => taken.kill('SIGKILL'));
  await until('port 53 is taken', () => stage.sh('ss -lnu').includes(':53 '));
  const before = stage.snapshot();
  const outcome = await stage.act({ verb: 'apply', text: SMALL });
  assert.equal(outcome?.error?.code, 'GATEWAY_APPLY_FAILED');
  assert.match(outcome?.error?.message ?? '', /^"daemon dnsmasq" failed: .*; everything was taken back$/s);
  assert.deepEqual(differences(stage.snapshot(), before), []);
  assert.equal(outcome?.owned, 0);
});

test('a change that is called off in the middle is taken back', async (t) => {
  const stage = stageFor(t);
  const before = stage.snapshot();
  const outcome = await stage.act({ verb: 'apply', text: SMALL, abortAt: 25 });
  assert.equal(outcome?.error?.code, 'GATEWAY_APPLY_FAILED');
  assert.match(outcome?.error?.message ?? '', /called off; everything was taken back$/);
  assert.deepEqual(differences(stage.snapshot(), before), []);
});

test('what cannot be taken back is named, the rest is, and another try does it', async (t) => {
  const stage = stageFor(t);
  await stage.act({ verb: 'apply', text: SMALL });
  const before = stage.snapshot();
  const other = `${SMALL}  services: { wiki: tcp/80 }\n  dns: { upstreams: [192.0.2.53] }\n`;
  assert.equal((await stage.act({ verb: 'apply', text: other, confirmWithin: 600_000 }))?.error, undefined);
  const obstacle = join(stage.folder, 'state', 'dnsmasq.conf.kith-new');
  mkdirSync(obstacle);
  const outcome = await stage.act({ verb: 'revert' });
  assert.equal(outcome?.error?.code, 'GATEWAY_ROLLBACK_FAILED');
  assert.match(outcome?.error?.message ?? '', /"file .*dnsmasq\.conf"/);
  assert.equal(differences(stage.snapshot(), before).filter((line) => line.startsWith('nft')).length, 0);
  rmdirSync(obstacle);
  assert.equal((await stage.act({ verb: 'recover' }))?.recovery, 'reverted');
  assert.deepEqual(differences(stage.snapshot(), before), []);
  assert.deepEqual((await stage.act({ verb: 'plan', text: SMALL }))?.changes, []);
});

test('an interface that was pulled out of the machine does not keep the rest from being taken back', async (t) => {
  const stage = stageFor(t);
  await stage.act({ verb: 'apply', text: SMALL });
  await stage.act({ verb: 'apply', text: `${SMALL}  services: { wiki: tcp/80 }\n`, confirmWithin: 600_000 });
  stage.sh('ip link del eth1');
  assert.equal((await stage.act({ verb: 'revert' }))?.error, undefined);
  assert.doesNotMatch(stage.sh('nft list table inet kith'), /service-wiki/);
  const refused = await stage.act({ verb: 'apply', text: SMALL });
  assert.match(refused?.error?.message ?? '', /there is no interface "eth1"/);
  const removed = await stage.act({ verb: 'remove' });
  assert.deepEqual([removed?.error, removed?.owned], [undefined, 0]);
});

test('what a program refuses is told before anything is changed', async (t) => {
  const stage = stageFor(t);
  const before = stage.snapshot();
  const absent = await stage.act({ verb: 'apply', text: SMALL.replace('eth1', 'eth7') });
  assert.equal(absent?.error?.code, 'GATEWAY_CHECK_FAILED');
  assert.match(absent?.error?.message ?? '', /no interface "eth7"/);
  stage.sh(`ip link add ${BRIDGE} type veth peer name other0`);
  const foreign = await stage.act({ verb: 'apply', text: SMALL });
  assert.equal(foreign?.error?.code, 'GATEWAY_IN_THE_WAY');
  stage.sh(`ip link del ${BRIDGE}`);
  assert.deepEqual(differences(stage.snapshot(), before), []);
});

test('two that change a host exclude one another', async (t) => {
  const stage = stageFor(t);
  const lock = takeLock(join(stage.folder, 'run', 'apply.lock'));
  assert.notEqual(lock, null);
  assert.equal((await stage.act({ verb: 'apply', text: SMALL }))?.error?.code, 'GATEWAY_BUSY');
  lock?.release();
});

test('a gateway that is taken out stays so, and no daemon but dnsmasq notices', async (t) => {
  const stage = stageFor(t);
  const first = await stage.act({ verb: 'apply', text: SMALL });
  const outcome = await stage.act({ verb: 'apply', text: SMALL, draining: true });
  assert.deepEqual(
    outcome?.changes?.map((text) => text.split(' ')[1]),
    ['file', 'daemon'],
  );
  assert.equal(outcome?.daemons['chronyd'], first?.daemons['chronyd']);
  assert.match(readFileSync(join(stage.folder, 'state', 'journal.json'), 'utf8'), /"draining":true/);
});

test('ten thousand bans are not read to see whether the table is as wanted', async (t) => {
  const stage = stageFor(t);
  await stage.act({ verb: 'apply', text: SMALL });
  const few = stage.sh('nft -j -t list table inet kith_bans').length;
  const addresses = Array.from({ length: 10_000 }, (_, i) => `198.18.${i >> 8}.${i & 255} timeout 1h`);
  const path = join(stage.folder, 'bans.nft');
  writeFileSync(path, `add element inet kith_bans banned4 { ${addresses.join(', ')} }\n`);
  stage.sh(`nft -f ${path}`);
  assert.equal(stage.sh('nft -j -t list table inet kith_bans').length, few);
  const outcome = await stage.act({ verb: 'apply', text: SMALL });
  assert.deepEqual(outcome?.changes, []);
  assert.match(stage.sh('nft list set inet kith_bans banned4'), /198\.18\.39\.15/);
});

test('a rule, an address and a file that somebody took away come back', async (t) => {
  const stage = stageFor(t);
  await stage.act({ verb: 'apply', text: SMALL });
  const made = stage.snapshot();
  stage.sh(`ip addr del 10.181.0.2/16 dev ${BRIDGE}
    nft flush chain inet kith clients
    sysctl -qw net.ipv4.ip_forward=0
    rm ${join(stage.folder, 'state', 'chrony.conf')}`);
  const outcome = await stage.act({ verb: 'apply', text: SMALL });
  assert.deepEqual(
    outcome?.changes?.filter((text) => !text.includes('daemon')),
    [
      'change table kith',
      `add address ${BRIDGE} 10.181.0.2/16`,
      'change sysctl net/ipv4/ip_forward',
      `add file ${join(stage.folder, 'state', 'chrony.conf')}`,
    ],
  );
  assert.deepEqual(differences(stage.snapshot(), made), []);
  assert.equal((await stage.act({ verb: 'remove' }))?.error, undefined);
});

test('a damaged record is named, left as it is, and nothing is changed', async (t) => {
  const stage = stageFor(t);
  await stage.act({ verb: 'apply', text: SMALL });
  const path = join(stage.folder, 'state', 'journal.json');
  const damaged = readFileSync(path, 'utf8').replace('"value":"0"', '"value":"1"');
  writeFileSync(path, damaged);
  const made = stage.snapshot();
  for (const verb of ['apply', 'remove', 'plan'] as const) {
    const outcome = await stage.act({ verb, text: SMALL });
    assert.equal(outcome?.error?.code, 'GATEWAY_RECORD_CORRUPT');
    assert.match(outcome?.error?.message ?? '', /journal\.json is damaged; it is left as it is/);
  }
  assert.equal(readFileSync(path, 'utf8'), damaged);
  assert.deepEqual(differences(stage.snapshot(), made), []);
});

test('what is in the way of a file and is none stops everything', async (t) => {
  const stage = stageFor(t);
  mkdirSync(join(stage.folder, 'state', 'dnsmasq.conf'), { recursive: true });
  const outcome = await stage.act({ verb: 'apply', text: SMALL });
  assert.equal(outcome?.error?.code, 'GATEWAY_IN_THE_WAY');
  assert.equal(dirname(outcome?.error?.message.split(' ')[0] ?? ''), join(stage.folder, 'state'));
});
