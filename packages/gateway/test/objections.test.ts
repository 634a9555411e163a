import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePrefix } from '@kith/core';
import { gatewayOn, type HostFacts, initialFile, objectionsTo, readGatewayFile } from '@kith/gateway';
import { hostNamed, IDENTITY, LARGE, SMALL } from './sample.ts';

const HEALTHY: HostFacts = {
  isRoot: true,
  interfaces: ['eth0', 'eth1', 'eth2'].map((name) => ({ name, prefixes: [] })),
  session: 'eth0',
  programs: new Set(['ip', 'nft', 'dnsmasq', 'chronyd', 'fastd', 'wg', 'batctl']),
  hasBatman: true,
  kernel: '6.1.0-30-amd64',
};

function objections(text: string, changes: Partial<HostFacts>): string[] {
  const { settings, causeOf } = readGatewayFile(text, 'kith.yaml');
  const gateway = gatewayOn(hostNamed('tower'), settings, IDENTITY);
  return objectionsTo(gateway, { ...HEALTHY, ...changes }, causeOf).map(
    ({ cause, message, stops }) => `${stops ? 'stop' : 'warn'} ${cause.line}: ${message}`,
  );
}

test('nothing speaks against either file on a machine that has what it needs', () => {
  assert.deepEqual(objections(SMALL, {}), []);
  assert.deepEqual(objections(LARGE, {}), []);
});

const CASES: readonly (readonly [what: string, text: string, facts: Partial<HostFacts>, message: RegExp])[] = [
  ['no rights', SMALL, { isRoot: false }, /^stop 1: .* needs root: run it with sudo$/],
  [
    'missing programs',
    LARGE,
    { programs: new Set(['ip', 'nft', 'wg', 'batctl']) },
    /^stop 1: dnsmasq, chronyd, fastd missing: sudo apt-get install .* dnsmasq-base chrony fastd$/,
  ],
  [
    "a cloud's kernel",
    LARGE,
    { hasBatman: false, kernel: '6.1.0-30-cloud-amd64' },
    /^stop 18: the kernel .* has no batman-adv: .* linux-image-amd64/,
  ],
  [
    'an interface that is not there',
    SMALL,
    { interfaces: [{ name: 'eth0', prefixes: [] }] },
    /^stop 3: there is no interface "eth1" on this machine, it has eth0$/,
  ],
  [
    "a prefix of the machine's own",
    LARGE,
    {
      interfaces: [
        { name: 'eth0', prefixes: [parsePrefix('10.70.5.0/24')] },
        { name: 'eth1', prefixes: [] },
        { name: 'eth2', prefixes: [] },
      ],
    },
    /^stop 10: 10\.70\.0\.0\/16 overlaps 10\.70\.5\.0\/24, which this machine has on eth0: write another "prefix4"/,
  ],
  ["the operator's own session", SMALL, { session: 'eth1' }, /^warn 3: your own session comes in by "eth1"/],
];

for (const [what, text, facts, message] of CASES) {
  test(`${what}: told with the line and what to do`, () => {
    const [first, ...rest] = objections(text, facts);
    assert.match(first ?? '', message);
    assert.deepEqual(rest, []);
  });
}

test("the bridge's own addresses are no overlap when the gateway runs already", () => {
  const own = { name: 'br-dublin', prefixes: [parsePrefix('10.70.0.0/16')] };
  assert.deepEqual(objections(LARGE, { interfaces: [...HEALTHY.interfaces, own] }), []);
});

test('the file that init writes has a dozen lines at most and is read as it was answered', () => {
  const text = initialFile({
    community: 'Freemesh: Ireland #1',
    contact: 'a@b.example',
    clients: ['eth1', 'eth2'],
    exit: 'eth0',
    vpn: 'fastd',
  });
  assert.ok(text.trimEnd().split('\n').length <= 12, text);
  const { settings } = readGatewayFile(text, 'kith.yaml');
  assert.deepEqual([settings.community.name, settings.community.contact], ['Freemesh: Ireland #1', 'a@b.example']);
  assert.deepEqual(settings.domains[0]?.interfaces, ['eth1', 'eth2']);
  assert.equal(settings.vpn.fastd?.port, 10_000);
});
