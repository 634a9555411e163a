import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KithError } from '@kith/core';
import { gatewayOn, gluonSite, importSite, readGatewayFile } from '@kith/gateway';
import fc from 'fast-check';
import { isLuaTable, luaList, type LuaTable, luaTable, luaText, type LuaValue, readLua } from '../src/gluon/lua.ts';
import { gatewayFrom, hostNamed, IDENTITY, LARGE, SMALL } from './sample.ts';

/** In the form that sites had in 2016, with two gateways. */
const OLD_SITE = `-- a comment
{
  hostname_prefix = 'fmie',
  site_name = "Freemesh Ireland",
  site_code = 'fmie',
  prefix4 = '10.70.0.0/16',
  prefix6 = '2001:678:358::/64',
  timezone = 'GMT0IST,M3.5.0/1,M10.5.0', -- Europe/Dublin
  ntp_servers = {'2001:678:358::2'},
  regdom = 'IE',
  wifi24 = { channel = 1, ap = { ssid = 'freemesh.example' }, mesh = { id = 'fmie', mcast_rate = 12000 } },
  next_node = { ip4 = '10.70.0.1', ip6 = '2001:678:358::1', mac = '16:41:95:40:f7:dc' },
  fastd_mesh_vpn = {
    methods = {'salsa2012+umac'},
    mtu = 1350,
    groups = { backbone = { limit = 2, peers = {
      tower = { key = '${'a'.repeat(64)}', remotes = {'ipv4 "tower.freemesh.example" port 10006'} },
      cave = { key = '${'b'.repeat(64)}', remotes = {'"cave.freemesh.example" port 10006', '[2001:db8::9]:10006'} },
    } } },
  },
  autoupdater = { branch = 'stable', branches = { stable = {
    name = 'stable', mirrors = {'//updates.freemesh.example/stable'}, good_signatures = 1, pubkeys = {'${'c'.repeat(64)}'},
  } } },
  roles = { default = 'node' },
}
`;

const ANSWERS = { exit: 'eth0', clients: ['eth1'] };

test('an old site becomes a file that kith reads, with the same prefixes, gateways and tunnels', () => {
  const { yaml, unused } = importSite({ name: 'site.conf', text: OLD_SITE }, [], ANSWERS);
  const { settings } = readGatewayFile(yaml, 'kith.yaml');
  assert.deepEqual([settings.community.name, settings.community.code], ['Freemesh Ireland', 'fmie']);
  const [domain] = settings.domains;
  assert.deepEqual(
    [domain?.prefix4, domain?.prefix6, domain?.nextNode.ip4],
    ['10.70.0.0/16', '2001:678:358::/64', '10.70.0.1'],
  );
  assert.deepEqual(
    settings.gateways.map(({ name, endpoints, fastd }) => [name, endpoints, fastd?.[0]]),
    [
      ['tower', ['tower.freemesh.example'], 'a'],
      ['cave', ['cave.freemesh.example', '2001:db8::9'], 'b'],
    ],
  );
  assert.deepEqual([settings.vpn.fastd?.port, settings.vpn.fastd?.mtu], [10006, 1350]);
  assert.deepEqual(settings.vpn.fastd?.methods, ['salsa2012+umac']);
  assert.deepEqual(settings.firmware.mirrors, ['http://updates.freemesh.example/stable']);
  assert.deepEqual(unused, ['roles']);
});

test('what is written for Gluon and read again is the same network', () => {
  for (const text of [LARGE, LARGE.replace(/ {4}cork:\n(?: {6}.*\n)+/, '')]) {
    const gateway = gatewayFrom(text);
    const site = gluonSite(gateway);
    const source = (path: string): { name: string; text: string } => ({
      name: path,
      text: site.files.find((file) => file.path === path)?.text ?? '',
    });
    const domains = site.files.filter(({ path }) => path.startsWith('domains/')).map(({ path }) => source(path));
    assert.equal(domains.length, gateway.domains.length > 1 ? 2 : 0);
    const imported = importSite(source('site.conf'), domains, ANSWERS);
    const { settings } = readGatewayFile(imported.yaml, 'kith.yaml');
    const network = ({ domains: all }: typeof settings): unknown =>
      all.map(({ prefix4, prefix6, nextNode, mesh }) => [prefix4, prefix6, nextNode, mesh.algorithm]);
    assert.deepEqual(network(settings), network(gateway.settings));
    assert.deepEqual(imported.unused, []);
    assert.deepEqual(
      Object.values(imported.seeds),
      domains.length > 1 ? Object.values(IDENTITY.seeds) : ['0'.repeat(64)],
    );
    assert.deepEqual(
      [settings.vpn.fastd?.port, settings.vpn.fastd?.methods],
      [10006, gateway.settings.vpn.fastd?.methods],
    );
    assert.deepEqual(
      settings.gateways.map(({ name, endpoints, fastd }) => [name, endpoints, fastd]),
      gateway.settings.gateways.map(({ name, endpoints, fastd }) => [name, endpoints, fastd]),
    );
  }
});

test('routers are told time and names at the IPv6 addresses that the gateways have', () => {
  const gateway = gatewayFrom(LARGE, hostNamed('cave'));
  const text = gluonSite(gateway).files.find(({ path }) => path === 'domains/cork.conf')?.text ?? '';
  const site = readLua(text, 'cork.conf').fields;
  const servers = site.get('ntp_servers');
  assert.ok(isLuaTable(servers));
  assert.deepEqual(servers.list, ['2001:678:358::2', '2001:678:358::3']);
  assert.ok(servers.list.includes(gateway.domains[1]?.address6 ?? ''));
});

test('what firmware would lack is named with the key that mends it', () => {
  const text = SMALL.replace('exit: eth0', 'exit: eth0\n  vpn: fastd');
  const settings = readGatewayFile(text, 'kith.yaml').settings;
  const { open } = gluonSite(gatewayOn(hostNamed('tower'), settings, { seeds: {}, fastd: null, wireguard: null }));
  assert.deepEqual(
    open.map(({ path }) => path),
    ['gateways', 'domains.freemesh', 'gluon.mirrors'],
  );
});

const REFUSED: readonly (readonly [string, RegExp])[] = [
  ['{ a = os.getenv("HOME") }', /^x:1: a value is expected: .*; nothing computed, not "os\.getenv/],
  ['{\n a = 1 + 1 }', /^x:2: "," or "}" is expected, values may not be computed, not "\+ 1 }"/],
  ['{ a = "b" .. "c" }', /values may not be computed/],
  ['{ a = "b', /lacks its closing "/],
  ['{ a = [[b }', /"\]\]" is expected/],
  ['{ a = 1', /not the end of the file/],
  ['', /^x:1: a table "\{ … \}" is expected/],
  ['{} x', /nothing may follow/],
  ['{'.repeat(100), /nested 32 deep/],
  [`{${'1,'.repeat(20_001)}}`, /20000 values/],
  [' '.repeat(600_000), /is the most/],
];

for (const [text, message] of REFUSED) {
  test(`Lua that begins with ${JSON.stringify(text.slice(0, 24))} is refused`, () => {
    assert.throws(
      () => readLua(text, 'x'),
      (error) => error instanceof KithError && message.test(error.message),
    );
  });
}

test('strings, numbers, comments and keys are read as Lua reads them', () => {
  const table = readLua(
    `return { --[[ long
      comment ]] 'a\\'b\\n\\065', [==[
x]]y]==], ["the key"] = -1.5e2; [3] = 0x1F, yes = true, no = false, gone = nil, __proto__ = 'safe', }`,
    'x',
  );
  assert.deepEqual(table.list, ["a'b\nA", 'x]]y']);
  assert.deepEqual(
    [...table.fields],
    [
      ['the key', -150],
      ['3', 31],
      ['yes', true],
      ['no', false],
      ['__proto__', 'safe'],
    ],
  );
});

const leaves = fc.oneof(fc.string(), fc.integer(), fc.boolean());
const values: fc.Arbitrary<LuaValue> = fc.letrec<{ value: LuaValue; table: LuaTable }>((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, leaves, tie('table')),
  table: fc.oneof(
    fc.array(tie('value'), { maxLength: 4 }).map((list) => luaList(list)),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 4, noNullPrototype: true }).map((fields) => luaTable(fields)),
  ),
})).table;

test('what is written is read again', () => {
  fc.assert(
    fc.property(values, (value) => {
      assert.deepEqual(readLua(luaText(value), 'x'), value);
    }),
  );
});

test('no text whatever crashes the reader: it is read or refused with a code', () => {
  const piece = fc.constantFrom(...OLD_SITE.split(/(?<=[ ={},'"])/), '[[', ']]', '--', '\\', '[=', '-', '0x');
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece).map((parts) => `{${parts.join('')}`),
      ),
      (text) => {
        try {
          readLua(text, 'x');
        } catch (error) {
          assert.ok(error instanceof KithError && error.code === 'GLUON_SITE_INVALID', String(error));
        }
      },
    ),
    { numRuns: 500 },
  );
});
