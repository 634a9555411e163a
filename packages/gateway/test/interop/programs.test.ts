/** What is written for nft, dnsmasq, chronyd and fastd is put before these programs themselves. Needs root. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { type Desired, gluonSite, type ItemOf, ruleIdOf } from '@kith/gateway';
import { desiredFrom, gatewayFrom, hostNamed, LARGE, SMALL } from '../sample.ts';

const PATH = [process.env.PATH, '/usr/local/sbin', '/usr/sbin', '/sbin'].join(delimiter);
const folder = mkdtempSync(join(tmpdir(), 'kith-gateway-'));
after(() => rmSync(folder, { recursive: true }));

function run(program: string, args: readonly string[], input = ''): { code: number | null; output: string } {
  const done = spawnSync(program, args, { input, encoding: 'utf8', env: { ...process.env, PATH }, timeout: 20_000 });
  return { code: done.status, output: `${done.stdout}${done.stderr}${done.error?.message ?? ''}` };
}

/** Shell commands in a network namespace that ends with them. */
function inNamespace(script: string, input = ''): { code: number | null; output: string } {
  return run('unshare', ['--net', 'sh', '-ec', script], input);
}

function missing(program: string): string | false {
  return run('sh', ['-c', `command -v ${program}`]).code === 0 ? false : `needs ${program}`;
}

const WITHOUT_NAT = LARGE.replace('offer: true', 'nat: false, nat6: false, block: []').replace(
  / {2}bans:.*\n/,
  '  bans: {}\n',
);
const FILES: readonly (readonly [string, string])[] = [
  ['the small file', SMALL],
  ['the large file', LARGE],
  ['a file without translation', WITHOUT_NAT],
  ['a file through the mesh', SMALL.replace('exit: eth0', 'exit: { members: [tower] }')],
];

function desired(text: string): Desired {
  const host = hostNamed('tower', { folders: { state: join(folder, 'state'), run: join(folder, 'run') } });
  const found = desiredFrom(text, host);
  for (const { item } of found.wanted) {
    if (item.kind === 'directory') mkdirSync(item.name, { recursive: true });
    if (item.kind !== 'file') continue;
    mkdirSync(dirname(item.name), { recursive: true });
    writeFileSync(item.name, item.value.content);
  }
  writeFileSync(join(folder, 'state', 'fastd.secret'), `secret "${'0'.repeat(63)}8";\n`);
  return found;
}

function items<K extends 'table' | 'file'>(of: Desired, kind: K): ItemOf<K>[] {
  return of.wanted.map(({ item }) => item).filter((item): item is ItemOf<K> => item.kind === kind);
}

function fileNamed(of: Desired, pattern: RegExp): string {
  const found = items(of, 'file').find((item) => pattern.test(item.name));
  return found?.name ?? assert.fail(`no file like ${pattern.source}`);
}

interface Listed {
  readonly rule?: { readonly chain: string; readonly comment?: string };
  readonly chain?: { readonly name: string };
}

/** Chains and comments of a table, as an observer reads them. */
function listed(json: string): Record<string, string[]> {
  const entries: readonly Listed[] = JSON.parse(json).nftables;
  const chains: Record<string, string[]> = {};
  for (const { chain, rule } of entries) {
    if (chain !== undefined) chains[chain.name] = [];
    if (rule !== undefined) chains[rule.chain]?.push(rule.comment ?? '');
  }
  return chains;
}

for (const [what, text] of FILES) {
  test(`nft takes the rules of ${what}, twice, and lists what the plan compares`, () => {
    const found = desired(text);
    for (const { value } of items(found, 'table')) {
      const ruleset = found.rulesets[value.digest] ?? '';
      const script = `nft -c -f -`;
      assert.deepEqual(inNamespace(script, ruleset), { code: 0, output: '' });
      const path = join(folder, 'rules.nft');
      writeFileSync(path, ruleset);
      const { code, output } = inNamespace(`nft -f ${path}; nft -f ${path}; nft -j -t list table inet ${value.name}`);
      assert.equal(code, 0, output);
      assert.deepEqual(listed(output), { ...value.chains, version: [value.digest] });
    }
  });

  test(`dnsmasq takes the configuration of ${what}`, { skip: missing('dnsmasq') }, () => {
    const { code, output } = run('dnsmasq', ['--test', `--conf-file=${fileNamed(desired(text), /dnsmasq\.conf$/)}`]);
    assert.equal(code, 0, output);
  });

  test(`chronyd takes the configuration of ${what}`, { skip: missing('chronyd') }, () => {
    const { code, output } = run('chronyd', ['-p', '-f', fileNamed(desired(text), /chrony\.conf$/)]);
    assert.equal(code, 0, output);
    assert.match(output, /^allow fd/m);
  });
}

for (const accept of ['all', 'known']) {
  test(`fastd takes the configuration of a gateway that lets in ${accept}`, { skip: missing('fastd') }, () => {
    const found = desired(LARGE.replace('limit: 50', `limit: 50, accept: ${accept}`));
    for (const domain of ['dublin', 'cork']) {
      const path = fileNamed(found, new RegExp(`fastd-${domain}\\.conf$`));
      const { code, output } = run('fastd', ['--verify-config', '--config', path]);
      assert.equal(code, 0, output);
    }
  });
}

test('fastd takes the remotes that routers are given', { skip: missing('fastd') }, () => {
  const text = LARGE.replace('endpoints: [203.0.113.9]', 'endpoints: [203.0.113.9, "2001:db8::9"]');
  const site = gluonSite(gatewayFrom(text)).files.find(({ path }) => path === 'domains/dublin.conf')?.text ?? '';
  const remotes = [...site.matchAll(/remotes = \{ (.*) \}/g)].flatMap((match) => (match[1] ?? '').split(', '));
  assert.equal(remotes.length, 3);
  const lines = remotes.map((remote) => `remote ${remote.slice(1, -1)};`);
  const path = join(folder, 'router.conf');
  writeFileSync(
    path,
    `bind any; secret "${'0'.repeat(63)}8"; method "null"; peer "x" { key "${'1'.repeat(64)}"; ${lines.join(' ')} }\n`,
  );
  assert.equal(run('fastd', ['--verify-config', '--config', path]).output, '');
});

test('bans stay when the allowed prefixes change, and those are replaced', () => {
  const before = desired(LARGE);
  const later = desired(LARGE.replace('allow: [192.0.2.0/24, "2001:db8:1::/48"]', 'allow: [198.51.100.0/24]'));
  const texts = [before, later].map((each, i) => {
    const table = items(each, 'table').find(({ name }) => name === 'kith_bans');
    const path = join(folder, `bans-${i}.nft`);
    writeFileSync(path, each.rulesets[table?.value.digest ?? ''] ?? '');
    return path;
  });
  const { code, output } = inNamespace(`
    nft -f ${texts[0]}
    nft add element inet kith_bans banned4 '{ 203.0.113.7 timeout 1h }'
    nft add element inet kith_bans banned6 '{ 2001:db8:bad::/64 timeout 1h }'
    nft -f ${texts[1]}
    nft list table inet kith_bans`);
  assert.equal(code, 0, output);
  assert.match(output, /203\.0\.113\.7 timeout 1h/);
  assert.match(output, /2001:db8:bad::\/64 timeout 1h/);
  assert.match(output, /198\.51\.100\.0\/24/);
  assert.doesNotMatch(output, /192\.0\.2\.0/);
});

test('a rule is known by its comment', () => {
  assert.equal(ruleIdOf('dns-udp: gateway.dns'), 'dns-udp');
  assert.equal(ruleIdOf('mine'), null);
});
