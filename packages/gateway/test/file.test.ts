import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KithError } from '@kith/core';
import { jsonSchema, readGatewayFile } from '@kith/gateway';
import fc from 'fast-check';
import { LARGE, SMALL } from './sample.ts';

function refusal(text: string): KithError {
  try {
    readGatewayFile(text, 'kith.yaml');
  } catch (error) {
    assert.ok(error instanceof KithError, String(error));
    return error;
  }
  return assert.fail(`accepted: ${text}`);
}

/** The small file with lines after it, or with one of its own replaced. */
function small(...lines: readonly string[]): string {
  return `${SMALL}${lines.map((line) => `  ${line}\n`).join('')}`;
}

test('a name, the clients and the exit are a file', () => {
  const { settings } = readGatewayFile(SMALL, 'kith.yaml');
  assert.equal(settings.community.code, 'freemesh');
  assert.equal(settings.exit.interface, 'eth0');
  assert.deepEqual(
    settings.domains.map(({ code, interfaces }) => [code, interfaces]),
    [['freemesh', ['eth1']]],
  );
});

test('what is derived for a file does not change from one reading to the next', () => {
  assert.deepEqual(readGatewayFile(LARGE, 'a').settings, readGatewayFile(LARGE, 'b').settings);
});

test('each cause is the line of the key, or of what it belongs to', () => {
  const { causeOf } = readGatewayFile(LARGE, 'kith.yaml');
  assert.deepEqual(causeOf('domains', 'cork', 'lease'), {
    file: 'kith.yaml',
    line: 14,
    path: 'gateway.domains.cork.lease',
  });
  assert.equal(causeOf('domains', 'cork', 'next_node', 'ip4').line, 11);
  assert.equal(readGatewayFile(SMALL, 'kith.yaml').causeOf('domains', 'freemesh', 'prefix4').line, 3);
});

const WRONG: readonly (readonly [what: string, text: string, message: RegExp])[] = [
  ['an unknown key', small('vnp: fastd'), /^kith\.yaml:5: unknown key "gateway\.vnp", did you mean "vpn"\?$/],
  [
    'an unknown key far down',
    small('dns: { upstrems: [192.0.2.1] }'),
    /"gateway\.dns\.upstrems", did you mean "upstreams"\?/,
  ],
  ['a key like no other', small('zebra: 1'), /:5: unknown key "gateway\.zebra"; the keys here are community, clients/],
  [
    'a missing exit',
    'gateway:\n  community: x\n  clients: eth1\n',
    /^kith\.yaml:1: "gateway\.exit" is missing: write the interface/,
  ],
  [
    'a prefix that is too long',
    small('domains: { a: { prefix4: 10.0.0.0/33 } }'),
    /"gateway\.domains\.a\.prefix4" "10\.0\.0\.0\/33" is not allowed: .* 0\.\.32/,
  ],
  ['a prefix with host bits', small('domains: { a: { prefix4: 10.70.1.0/16 } }'), /did you mean 10\.70\.0\.0\/16\?/],
  ['a prefix without room', small('domains: { a: { prefix4: 10.0.0.0/30 } }'), /there is no room for clients/],
  ['an IPv6 prefix that is no /64', small('domains: { a: { prefix6: "fd00::/48" } }'), /its length must be 64/],
  [
    'a name of 16 characters',
    'gateway:\n  community: x\n  clients: sixteencharacter\n  exit: eth0\n',
    /:3: "gateway\.clients" "sixteencharacter" is not allowed: .* 1 to 15/,
  ],
  ['a code that makes names too long', small('domains: { elevenchars: {} }'), /at most 9 lower-case letters/],
  [
    'a tunnel that does not exist',
    small('vpn: tinc'),
    /"gateway\.vpn" "tinc" is not allowed: it must be fastd or wireguard, or a mapping/,
  ],
  [
    'clients beside domains',
    small('domains: { a: { interfaces: eth2 } }'),
    /"gateway\.clients" stands for a single domain/,
  ],
  [
    'the exit among the clients',
    'gateway: { community: x, clients: [eth1, eth0], exit: eth0 }',
    /"eth0" is the exit already/,
  ],
  [
    "an interface of kith's own",
    'gateway: { community: x, clients: br-x, exit: eth0 }',
    /"br-x" is a name that kith gives/,
  ],
  ['nobody who could connect', 'gateway: { community: x, exit: eth0 }', /nobody could connect/],
  [
    'an exit both ways',
    'gateway: { community: x, clients: eth1, exit: { interface: eth0, members: [a] } }',
    /either "interface" or "members"/,
  ],
  ['more signatures than keys', small('gluon: { signatures: 2 }'), /no update would ever be taken/],
  ['the same slot twice', small('gateways: { a: { slot: 1 }, b: { slot: 1 } }'), /slot 1 is that of "a"/],
  ['a slot beyond the last', small('slots: 2', 'gateways: { a: { slot: 2 } }'), /slot 2 does not exist/],
  ['a port beyond the last', small('services: { a: tcp/70000 }'), /"gateway\.services\.a" has port 70000/],
  [
    'tunnels on one port',
    small('vpn: { fastd: { port: 51820 }, wireguard: {} }'),
    /port 51820 of domain "freemesh" is that of fastd/,
  ],
  ['a key twice', small('exit: eth3'), /^kith\.yaml:5: /],
  ['a list', '- gateway', /^kith\.yaml:1: there must be a line "gateway:"/],
  ['aliases', 'gateway: &a [*a, *a]', /aliases/],
];

for (const [what, text, message] of WRONG) {
  test(`${what} is refused with its line and what to do`, () => {
    assert.match(refusal(text).message, message);
  });
}

test('prefixes of domains that overlap are refused, and pools that are too small', () => {
  const text = `gateway:
  community: x
  exit: eth0
  domains:
    a: { prefix4: 10.70.0.0/16, interfaces: eth1 }
    b: { prefix4: 10.70.4.0/26, interfaces: eth2, next_node: { ip4: 10.70.4.40 } }
  slots: 6
`;
  const { message } = refusal(text);
  assert.match(
    message,
    /^kith\.yaml:6: "gateway\.domains\.b\.prefix4" 10\.70\.4\.0\/26 overlaps 10\.70\.0\.0\/16 of domain "a"/m,
  );
  assert.match(message, /leaves 7 addresses to each of 6 gateways, 8 at least are needed/);
  assert.match(message, /10\.70\.4\.40 is in a pool of DHCP: take one of the first 16 of/);
});

test('all complaints come at once, in the order of the lines', () => {
  const { code, message } = refusal('gateway:\n  comunity: x\n  clients: [eth1, 3]\n  exit: eth0\n');
  assert.equal(code, 'CONFIG_INVALID');
  assert.deepEqual(
    message.split('\n').map((line) => line.split(':')[1]),
    ['1', '2', '3'],
  );
});

test('no text whatever crashes the reader: it is read or refused with a code', () => {
  const piece = fc.constantFrom(...LARGE.split('\n'), 'x:', '- a', '{', 'gateway: [', '  exit:', '? a', '<<: *x');
  const texts = fc.oneof(
    fc.string(),
    fc.json(),
    fc.array(piece, { maxLength: 30 }).map((lines) => lines.join('\n')),
  );
  fc.assert(
    fc.property(texts, (text) => {
      try {
        readGatewayFile(text, 'kith.yaml');
      } catch (error) {
        assert.ok(error instanceof KithError && error.code !== 'INTERNAL', String(error));
      }
    }),
    { numRuns: 500 },
  );
});

test('the published schema is one of JSON and knows the keys of the file', () => {
  const schema = JSON.stringify(jsonSchema());
  for (const key of ['community', 'prefix4', 'next_node', 'upstreams']) assert.ok(schema.includes(`"${key}"`), key);
  assert.ok(schema.includes('json-schema.org/draft/2020-12'));
});
