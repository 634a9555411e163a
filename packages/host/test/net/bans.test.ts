/** Bans in a kernel's sets, and with packets. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { parsePrefix } from '@kith/core';
import type { Bans } from '@kith/gateway';
import { must, run } from '@kith/host';
import { nftText } from '../../../gateway/src/emit/nft.ts';
import { banRules } from '../../../gateway/src/want/firewall.ts';
import { type RemoteBans, remoteBans } from '../bans/ban-process.ts';
import { until } from '../until.ts';

const HOST = `kith-bans-${process.pid}`;
const STRANGER = `${HOST}-s`;
const ALLOW = [parsePrefix('198.51.100.0/24')];
const SETTINGS: Bans = { attempts: 3, window: 600, time: 3600, allow: ALLOW };
const TABLE = nftText(banRules(ALLOW)).text;
let folder = '';
let keeper: RemoteBans;

const nft = (input: string): Promise<string> => must(['ip', 'netns', 'exec', HOST, 'nft', '--file', '-'], { input });

before(async () => {
  for (const name of [HOST, STRANGER]) await must(['ip', 'netns', 'add', name]);
  await must(['ip', '-n', HOST, 'link', 'add', 'wan', 'type', 'veth', 'peer', 'name', 'wan', 'netns', STRANGER]);
  for (const [name, host] of [
    [HOST, 1],
    [STRANGER, 2],
  ] as const) {
    const lines = ['link set lo up', 'link set wan up', `address add 192.0.2.${host}/24 dev wan`];
    lines.push(`address add 2001:db8:1::${host}/64 dev wan nodad`);
    await must(['ip', '-n', name, '-batch', '-'], { input: lines.join('\n') });
  }
});

after(async () => {
  for (const name of [HOST, STRANGER]) await must(['ip', 'netns', 'delete', name]);
});

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kith-bans-'));
  writeFileSync(`${folder}/log`, '');
  await nft(TABLE);
  keeper = remoteBans(folder, SETTINGS, HOST);
});

afterEach(async () => {
  await keeper.leave();
  await nft('flush ruleset');
  rmSync(folder, { recursive: true, force: true });
});

/** Element → seconds that its ban lasts on. */
async function inKernel(): Promise<Map<string, number>> {
  interface Element {
    readonly elem: {
      readonly val: string | { readonly prefix: { addr: string; len: number } };
      readonly expires: number;
    };
  }
  const out = new Map<string, number>();
  for (const set of ['banned4', 'banned6']) {
    const text = await must(['ip', 'netns', 'exec', HOST, 'nft', '-j', 'list', 'set', 'inet', 'kith_bans', set]);
    const { nftables }: { nftables: { set?: { elem?: Element[] } }[] } = JSON.parse(text);
    for (const { elem } of nftables.flatMap((each) => each.set?.elem ?? [])) {
      const name = typeof elem.val === 'string' ? elem.val : `${elem.val.prefix.addr}/${elem.val.prefix.len}`;
      out.set(name, elem.expires);
    }
  }
  return out;
}

const names = async (): Promise<string[]> => [...(await inKernel()).keys()].sort();

function failed(address: string, times = 1): void {
  const line = `Nov 22 09:00:01 gw sshd[812]: Failed password for root from ${address} port 4022 ssh2\n`;
  appendFileSync(`${folder}/log`, line.repeat(times));
}

async function reaches(address: string): Promise<boolean> {
  return (await run(['ip', 'netns', 'exec', STRANGER, 'ping', '-c1', '-W1', address])).code === 0;
}

test('who fails too often is banned, by /64 where it is IPv6, and packets no longer come in', async () => {
  await keeper.ask({});
  assert.ok((await reaches('192.0.2.1')) && (await reaches('2001:db8:1::1')));
  failed('192.0.2.2', 3);
  failed('2001:db8:1::77', 2);
  failed('2001:db8:1::78');
  failed('192.0.2.9', 2);
  failed('198.51.100.4', 50);
  failed('127.0.0.1', 50);
  await until('both are in the sets', async () => (await names()).join() === '192.0.2.2,2001:db8:1::/64');
  assert.ok(!(await reaches('192.0.2.1')));
  assert.ok(!(await reaches('2001:db8:1::1')));
  const { bans, heard, inForce } = await keeper.ask({});
  const told = bans.map(({ target, reason, since, until: end }) => `${target} ${reason} ${end - since}`);
  assert.deepEqual(new Set(told), new Set(['192.0.2.2/32 sshd 3600000', '2001:db8:1::/64 sshd 3600000']));
  assert.deepEqual(heard, ['192.0.2.2/32', '2001:db8:1::/64']);
  assert.ok(inForce);
  await keeper.ask({ unban: '192.0.2.2' });
  assert.deepEqual(await names(), ['2001:db8:1::/64']);
  assert.ok(await reaches('192.0.2.1'));
});

test('the log is followed through a rotation', async () => {
  await keeper.ask({});
  failed('192.0.2.7', 2);
  renameSync(`${folder}/log`, `${folder}/log.1`);
  failed('192.0.2.7', 1);
  await until('it is banned', async () => (await names()).length === 1);
});

test('a ban by hand has its own time, another one replaces it, and it ends by itself', async () => {
  await keeper.ask({ ban: '203.0.113.5', seconds: 100 });
  assert.ok(((await inKernel()).get('203.0.113.5') ?? 0) <= 100);
  await keeper.ask({ ban: '203.0.113.5', seconds: 31_536_000 });
  await keeper.ask({ ban: '2001:db8:9::1', seconds: 50 });
  await keeper.ask({ ban: '2001:db8:9:0:1::', seconds: 5_000 });
  const kernel = await inKernel();
  assert.ok((kernel.get('203.0.113.5') ?? 0) > 31_000_000);
  assert.ok((kernel.get('2001:db8:9::/64') ?? 0) > 4_000);
  await keeper.ask({ ban: '203.0.113.6', seconds: 1 });
  await until('the kernel let it go', async () => !(await names()).includes('203.0.113.6'));
  assert.equal((await keeper.ask({})).bans.length, 2);
});

test('who is allowed, the host itself and the neighbours on the wire cannot be banned', async () => {
  for (const address of ['198.51.100.9', '127.0.0.1', '::1', 'fe80::1', '::ffff:127.0.0.1'])
    await assert.rejects(keeper.ask({ ban: address }), /is among those who are never banned/);
  await keeper.ask({ ban: '::ffff:203.0.113.8' });
  assert.deepEqual(await names(), ['203.0.113.8']);
});

test('bans keep their remaining time through a kill and a start of the machine', async () => {
  await keeper.ask({ ban: '203.0.113.5', seconds: 1_000 });
  await keeper.ask({ ban: '203.0.113.6', seconds: 1_000 });
  await keeper.ask({ unban: '203.0.113.6' });
  const [before] = (await keeper.ask({})).bans;
  await keeper.kill();
  await nft('flush ruleset');
  await nft(TABLE);
  keeper = remoteBans(folder, SETTINGS, HOST);
  assert.deepEqual((await keeper.ask({})).bans, [before]);
  assert.ok(((await inKernel()).get('203.0.113.5') ?? 0) > 900);
});

test('after a start the sets hold what is listed, and for as long, whatever was in them', async () => {
  await keeper.ask({ ban: '203.0.113.5', seconds: 1_000 });
  await keeper.kill();
  await nft(`flush set inet kith_bans banned4
    add element inet kith_bans banned4 { 203.0.113.5 timeout 9000s, 203.0.113.77 timeout 9000s }`);
  keeper = remoteBans(folder, SETTINGS, HOST);
  assert.ok((await keeper.ask({})).inForce);
  assert.deepEqual(await names(), ['203.0.113.5']);
  assert.ok(((await inKernel()).get('203.0.113.5') ?? 0) <= 1_000);
});

test('a table that is applied again keeps its bans, one that is made anew gets them back, other tables stay', async () => {
  const other = 'table inet f2b-table { set addr-set-sshd { type ipv4_addr; elements = { 203.0.113.99 }; }; }';
  await nft(other);
  await keeper.ask({ ban: '203.0.113.5' });
  await nft(TABLE);
  assert.deepEqual(await names(), ['203.0.113.5']);
  await nft('delete table inet kith_bans');
  const without = await keeper.ask({ refill: true, ban: '203.0.113.6' });
  assert.ok(!without.inForce);
  await nft(TABLE);
  const again = await keeper.ask({ refill: true });
  assert.ok(again.inForce);
  assert.deepEqual(await names(), ['203.0.113.5', '203.0.113.6']);
  const listed = await must(['ip', 'netns', 'exec', HOST, 'nft', 'list', 'table', 'inet', 'f2b-table']);
  assert.match(listed, /203\.0\.113\.99/);
});

test('a table that somebody made anew is filled without being asked to', async () => {
  await keeper.leave();
  keeper = remoteBans(folder, SETTINGS, HOST, 50);
  await keeper.ask({ ban: '203.0.113.5' });
  await nft(`delete table inet kith_bans\n${TABLE}`);
  await until('it is back', async () => (await names()).length === 1);
});

test('a change notices by itself that the table was made anew', async () => {
  await keeper.ask({ ban: '203.0.113.5' });
  await nft(`delete table inet kith_bans\n${TABLE}`);
  await keeper.ask({ ban: '203.0.113.6' });
  assert.deepEqual(await names(), ['203.0.113.5', '203.0.113.6']);
});

test('a damaged book is kept, told and begun anew', async () => {
  await keeper.leave();
  writeFileSync(`${folder}/bans.sqlite`, 'no database '.repeat(1000));
  for (const rest of ['-wal', '-shm']) rmSync(`${folder}/bans.sqlite${rest}`, { force: true });
  keeper = remoteBans(folder, SETTINGS, HOST);
  const { told, bans } = await keeper.ask({ ban: '203.0.113.5' });
  assert.match(told[0] ?? '', /bans\.sqlite is damaged; it is kept as .*bans\.sqlite\.broken/);
  assert.equal(bans.length, 1);
});

test('ten thousand bans are loaded in one transaction', async () => {
  const many = Array.from({ length: 10_000 }, (_, i) =>
    i % 2 === 0 ? `10.${i >> 8}.${i & 255}.1` : `2001:db8:${i.toString(16)}::1`,
  );
  assert.equal((await keeper.ask({ many })).bans.length, 10_000);
  assert.equal((await inKernel()).size, 10_000);
  await nft(`delete table inet kith_bans\n${TABLE}`);
  await keeper.kill();
  keeper = remoteBans(folder, SETTINGS, HOST);
  assert.equal((await keeper.ask({})).bans.length, 10_000);
  assert.equal((await inKernel()).size, 10_000);
});
