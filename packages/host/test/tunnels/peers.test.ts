import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wireGuardArguments } from '../../src/apply/change/mesh.ts';
import { parseDump, peersAsWanted } from '../../src/observe/mesh.ts';

const [OWN, ROUTER, GATEWAY] = ['own=', 'router=', 'gateway='] as const;
const DUMP = `private\t${OWN}\t51820\toff
${ROUTER}\t(none)\t198.51.100.7:4000\tfe80::2/128\t0\t0\t0\toff
${GATEWAY}\t(none)\t[2001:db8::9]:51820\tfe80::9/128\t0\t0\t0\t25
`;
const GATEWAY_PEER = { publicKey: GATEWAY, allowed: ['fe80::9/128'] };
const ROUTER_PEER = { publicKey: ROUTER, allowed: ['fe80::2/128'] };

test('where routers are is none of the plan, where gateways are is', () => {
  const found = parseDump(DUMP);
  assert.deepEqual([found?.publicKey, found?.listenPort], [OWN, 51_820]);
  const seen = (endpoint: string) => peersAsWanted([{ ...GATEWAY_PEER, endpoint }, ROUTER_PEER], found?.peers ?? []);
  for (const same of ['[2001:db8::9]:51820', '[2001:db8:0:0::9]:51820', 'cafe.de:51820'])
    assert.deepEqual(seen(same), [{ ...GATEWAY_PEER, endpoint: same }, ROUTER_PEER]);
  for (const other of ['[2001:db8::9]:51821', '[2001:db8::8]:51820', '192.0.2.1:51820'])
    assert.equal(seen(other)[0]?.endpoint, '[2001:db8::9]:51820');
});

test('a gateway is called where it is, a router is waited for', () => {
  const endpoint = 'cave.freemesh.example:51820';
  const value = { publicKey: OWN, listenPort: 51_820, peers: [ROUTER_PEER, { ...GATEWAY_PEER, endpoint }] };
  assert.deepEqual(wireGuardArguments(null, value, '/key').slice(4), [
    ...['peer', ROUTER, 'allowed-ips', 'fe80::2/128'],
    ...['peer', GATEWAY, 'allowed-ips', 'fe80::9/128', 'endpoint', endpoint, 'persistent-keepalive', '25'],
  ]);
});
