/** Gateways whose clients leave through members of the mesh, and gateways that let members out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress } from '@kith/core';
import {
  desiredOn,
  diagnose,
  gatewayOn,
  type Host,
  lanFile,
  readGatewayFile,
  type RouteValue,
  type RuleValue,
} from '@kith/gateway';
import { dnsmasqConf } from '../src/emit/dnsmasq.ts';
import { HEALTHY } from './doctor-facts.ts';
import { desiredFrom, gatewayFrom, hostNamed, IDENTITY, SMALL } from './sample.ts';

const THROUGH = lanFile({ community: 'home of mesh', clients: ['eth1'], members: ['tower', 'cave'] });
const OFFERING = SMALL.replace('exit: eth0', 'exit: { interface: eth0, offer: true }');
const RESOLVERS = ['10.99.0.1', '10.99.0.2'].map(parseAddress);
const HOST: Host = hostNamed('home', { mesh: { interface: 'kith-fmie', mtu: 1280, resolvers: RESOLVERS } });

function conf(text: string): string[] {
  return dnsmasqConf(gatewayFrom(text, HOST), '/leases').split('\n');
}

/** The rules of the firewall, as nft reads them. */
function rules(text: string, host: Host = HOST): string {
  return Object.values(desiredFrom(text, host).rulesets).join('\n');
}

function wanted(text: string, kind: 'route' | 'rule'): (RouteValue | RuleValue)[] {
  return desiredFrom(text, HOST).wanted.flatMap(({ item }) =>
    item.kind === kind && (item.kind === 'route' || item.kind === 'rule') ? [item.value] : [],
  );
}

test("names are asked of the exits through the mesh, never of the machine's own servers", () => {
  const lines = conf(THROUGH);
  for (const line of ['no-resolv', 'all-servers', 'server=10.99.0.1@kith-fmie', 'server=10.99.0.2@kith-fmie'])
    assert.ok(lines.includes(line), line);
  const own = conf(THROUGH.replace('gateway:\n', 'gateway:\n  dns: { upstreams: [192.0.2.53] }\n'));
  assert.deepEqual(
    own.filter((line) => line.startsWith('server=')),
    ['server=192.0.2.53@kith-fmie'],
  );
  assert.ok(!conf(SMALL).some((line) => line.startsWith('server=')));
});

test('an exit answers names to members, and leases nothing to them', () => {
  const lines = conf(OFFERING);
  assert.ok(lines.includes('interface=kith-fmie'));
  assert.ok(lines.includes('no-dhcp-interface=kith-fmie'));
  assert.ok(!conf(SMALL).some((line) => line.includes('kith-fmie')));
});

test('a prefix that was asked for is the one of the clients', () => {
  const text = lanFile({
    community: 'home of mesh',
    clients: ['eth1', 'eth2'],
    members: ['tower'],
    prefix4: '172.20.0.0/24',
  });
  const { domains } = gatewayFrom(text, HOST);
  assert.deepEqual(
    domains.map(({ domain }) => [domain.prefix4, domain.interfaces]),
    [['172.20.0.0/24', ['eth1', 'eth2']]],
  );
});

test('only what comes in by the bridge goes into the mesh, and to nowhere else', () => {
  const found = wanted(THROUGH, 'rule');
  assert.equal(found.length, 2);
  for (const rule of found) assert.ok('iif' in rule && rule.iif.startsWith('br-'));
  const defaults = wanted(THROUGH, 'route').filter(
    (route) => 'destination' in route && route.destination === 'default',
  );
  assert.deepEqual(defaults.map((route) => ('device' in route ? (route.device ?? route.type) : '')).toSorted(), [
    'kith-fmie',
    'kith-fmie',
    'unreachable',
    'unreachable',
  ]);
});

test("members get out by the exit, get answers, and reach nothing else of the gateway's", () => {
  const text = rules(OFFERING);
  assert.match(text, /iifname "kith-fmie" oifname "eth0" .* jump outward .*offered/);
  assert.match(text, /iifname "eth0" oifname "kith-fmie" .* jump inward .*inward-members/);
  assert.match(text, /iifname "kith-fmie" oifname != "br-\w+" ct state new,invalid .* reject .*members/);
  assert.match(rules(THROUGH), /iifname "kith-fmie" oifname != "br-\w+" ct state new,invalid .* reject .*members/);
  assert.doesNotMatch(rules(THROUGH), /offered/);
  assert.doesNotMatch(rules(OFFERING, hostNamed('tower', { mesh: null })), /kith-fmie/);
});

test('the doctor says that nobody made a machine the exit that its file offers', () => {
  const file = readGatewayFile(OFFERING, 'kith.yaml');
  const gateway = gatewayOn(HOST, file.settings, IDENTITY);
  const found = (standing: 'none' | 'serving'): string[] => {
    const exit = { ...HEALTHY.exit, mesh: { leaves: null, standing } };
    const facts = { ...HEALTHY, exit };
    const findings = diagnose(gateway, desiredOn(gateway, file.causeOf), file.causeOf, facts);
    return findings.filter(({ code }) => code.startsWith('exit-')).map(({ code, mend }) => `${code}: ${mend.command}`);
  };
  assert.deepEqual(found('serving'), []);
  assert.deepEqual(found('none'), ['exit-not-granted: kith set home --exit yes']);
});

test('what goes through the mesh is always translated: a member hears from others only their own addresses', () => {
  const global = THROUGH.replace(
    'gateway:\n',
    'gateway:\n  domains: { home: { interfaces: eth1, prefix6: "2001:db8:7::/64" } }\n',
  );
  const gateway = gatewayFrom(global.replace(/  clients:\n    - eth1\n/, ''), HOST);
  assert.equal(gateway.translates6, true);
  for (const key of ['nat', 'nat6']) {
    const text = SMALL.replace('exit: eth0', `exit: { members: [tower], ${key}: false }`);
    assert.throws(() => gatewayFrom(text, HOST), new RegExp(`exit.${key}.*goes with "interface"`));
  }
});
