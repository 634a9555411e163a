/** What the gateways of one community have between them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Desired, type Gateway, type ItemOf, type Kind, wireguardLinkLocal } from '@kith/gateway';
import { desiredFrom, FASTD_KEY, gatewayFrom, hostNamed, LARGE, ROUTER_KEY } from './sample.ts';

const CAVE_KEY = ROUTER_KEY.replace('xTIB', 'xTIC');
/** The large file with a key of WireGuard for the other gateway, too. */
const BOTH = LARGE.replace(`fastd: "${FASTD_KEY}" }`, `fastd: "${FASTD_KEY}", wireguard: "${CAVE_KEY}" }`);
const CAVE = wireguardLinkLocal(CAVE_KEY);

function itemsOf<K extends Kind>({ wanted }: Desired, kind: K, name: RegExp): ItemOf<K>[] {
  return wanted.map(({ item }) => item).filter((item): item is ItemOf<K> => item.kind === kind && name.test(item.name));
}

function vnis({ domains }: Gateway): (number | null)[] {
  return domains.flatMap(({ vni, interlinkVni }) => [vni, interlinkVni]);
}

test('over fastd they know one another, and routers have as many places as without them', () => {
  const [file] = itemsOf(desiredFrom(LARGE), 'file', /fastd-cork\.conf$/);
  assert.match(
    file?.value.content ?? '',
    new RegExp(`peer "cave" \\{ key "${FASTD_KEY}"; remote 203\\.0\\.113\\.9:10007; \\}`),
  );
  assert.match(file?.value.content ?? '', /peer limit 51;/);
  assert.doesNotMatch(file?.value.content ?? '', /peer "tower"/);
  const named = desiredFrom(LARGE.replace('cave: { endpoints: [203.0.113.9]', 'cave: { endpoints: cave.example'));
  assert.match(
    itemsOf(named, 'file', /fastd-dublin\.conf$/)[0]?.value.content ?? '',
    /remote "cave\.example" port 10006;/,
  );
});

test('over WireGuard they have a VXLAN apart from that of routers, from the addresses of their keys', () => {
  const desired = desiredFrom(BOTH);
  const [interlink] = itemsOf(desired, 'link', /^vg-cork$/);
  const [routers] = itemsOf(desired, 'link', /^vx-cork$/);
  assert.ok(interlink?.value.type === 'vxlan' && routers?.value.type === 'vxlan');
  assert.notEqual(interlink.value.vni, routers.value.vni);
  assert.notEqual(interlink.value.mac, routers.value.mac);
  assert.deepEqual([routers.value.local, interlink.value.local], ['fe80::1', wireguardLinkLocal(ROUTER_KEY)]);
  assert.equal(interlink.value.master, 'bat-cork');
  assert.deepEqual(
    itemsOf(desired, 'forwarding', /^vg-cork/).map(({ value }) => value.destination),
    [CAVE],
  );
  const [wireguard] = itemsOf(desired, 'wireguard', /cork/);
  assert.deepEqual(wireguard?.value.peers.at(-1), {
    publicKey: CAVE_KEY,
    allowed: [`${CAVE}/128`],
    endpoint: '203.0.113.9:51821',
  });
  assert.deepEqual(
    itemsOf(desired, 'address', /^wg-cork/).map(({ value }) => value.address),
    ['fe80::1/64', `${wireguardLinkLocal(ROUTER_KEY)}/64`],
  );
});

test('both ends compute the same network, and different places in it', () => {
  const [tower, cave] = [gatewayFrom(BOTH), gatewayFrom(BOTH, hostNamed('cave'))];
  assert.deepEqual(vnis(tower), vnis(cave));
  assert.equal(new Set(vnis(tower)).size, 4);
  const macs = [tower, cave].flatMap(({ domains }) => domains.map((each) => each.macs.interlink));
  assert.equal(new Set(macs).size, 4);
});

test('a gateway that is alone, or whose others have no keys, has nothing of it', () => {
  for (const text of [LARGE, LARGE.replace(/ {2}gateways:\n(?: {4}.*\n)+/, '')])
    assert.deepEqual(itemsOf(desiredFrom(text), 'link', /^vg-/), []);
});
