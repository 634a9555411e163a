import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  asBefore,
  type Change,
  type Desired,
  type Item,
  type ItemKey,
  keyOf,
  type LinkValue,
  NOTHING,
  planFor,
  planText,
  removalFrom,
  sameValue,
  UNTOUCHED,
} from '@kith/gateway';
import fc from 'fast-check';
import { inOrder } from '../src/desired.ts';
import { Kernel } from './kernel.ts';
import { desiredFrom, hostNamed, LARGE, SMALL } from './sample.ts';

const MEMBERS = SMALL.replace('exit: eth0', 'exit: { members: [tower] }');

/** Files that differ in what a running gateway's file may come to differ in. */
const FILES: readonly string[] = [
  SMALL,
  MEMBERS,
  LARGE,
  SMALL.replace('eth1', '[eth1, eth3]'),
  LARGE.replace('fastd: { port: 10006, limit: 50 }', ''),
  LARGE.replace(/    wireguard: .*\n/, ''),
  LARGE.replace('lease: 300', 'mesh: { algorithm: BATMAN_V }'),
  LARGE.replace('10.70.0.0/16', '10.71.0.0/16').replace('10.70.0.9', '10.71.0.9'),
  LARGE.replace('offer: true', 'nat: false, block: []'),
];

/** Interfaces that were there before kith, and a setting that the operator made. */
function untouched(): Kernel {
  const port: LinkValue = {
    type: 'adopted',
    up: false,
    mac: '52:54:00:00:00:01',
    mtu: 1500,
    master: null,
    port: null,
  };
  const items: Item[] = [
    ...['eth0', 'eth1', 'eth2', 'eth3'].map((name): Item => ({ kind: 'link', name, value: port })),
    { kind: 'sysctl', name: 'net/ipv4/ip_forward', value: { value: '0' } },
    { kind: 'sysctl', name: 'net/netfilter/nf_conntrack_max', value: { value: '7777' } },
  ];
  return new Kernel({ found: new Map(items.map((item) => [keyOf(item), item])), owned: new Map() });
}

const DESIRED: readonly Desired[] = FILES.map((text) => desiredFrom(text, hostNamed('tower')));

function desired(place: number): Desired {
  const found = DESIRED[place];
  assert.ok(found !== undefined);
  return found;
}

const places = fc.integer({ min: 0, max: FILES.length - 1 });

function sorted(map: ReadonlyMap<ItemKey, Item>): [ItemKey, Item][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

function changes(found: readonly Change[]): string[] {
  return found.map((change) => `${change.operation} ${change.key}`);
}

test('a plan on a host that is as wanted is empty, from whatever file it came', () => {
  fc.assert(
    fc.property(fc.array(places, { minLength: 1, maxLength: 4 }), (path) => {
      const kernel = untouched();
      for (const place of path) {
        kernel.apply(planFor(desired(place), kernel.observe()));
        assert.deepEqual(changes(planFor(desired(place), kernel.observe()).changes), []);
      }
      assert.deepEqual(kernel.complaints, [], 'nothing was made before what it needs');
    }),
    { numRuns: 60 },
  );
});

test('the way to a file leads to the same host as a fresh start with it', () => {
  fc.assert(
    fc.property(places, places, (first, second) => {
      const walked = untouched();
      for (const place of [first, second]) walked.apply(planFor(desired(place), walked.observe()));
      const fresh = untouched();
      fresh.apply(planFor(desired(second), fresh.observe()));
      assert.deepEqual(sorted(walked.observe().found), sorted(fresh.observe().found));
    }),
    { numRuns: 60 },
  );
});

test('a plan changes nothing that is as wanted and does not stand on what changes', () => {
  fc.assert(
    fc.property(places, places, (first, second) => {
      const kernel = untouched();
      kernel.apply(planFor(desired(first), kernel.observe()));
      for (const change of planFor(desired(second), kernel.observe()).changes) {
        // A port whose bridge is made anew is put into it again.
        const again = change.operation === 'remake' || change.operation === 'restart' || change.key.startsWith('link ');
        assert.ok(again || !sameValue(change.before, change.after), change.key);
      }
    }),
    { numRuns: 60 },
  );
});

test('removal leaves the host as it was', () => {
  for (const place of FILES.keys()) {
    const kernel = untouched();
    const before = sorted(kernel.observe().found);
    kernel.apply(planFor(desired(place), kernel.observe()));
    kernel.apply(removalFrom(kernel.observe()));
    assert.deepEqual(sorted(kernel.observe().found), before);
    assert.equal(kernel.observe().owned.size, 0);
  }
});

test('what leaves goes before what it stands on', () => {
  const kernel = untouched();
  kernel.apply(planFor(desired(2), kernel.observe()));
  const { changes: leaving } = removalFrom(kernel.observe());
  const places = new Map(leaving.map((change, place) => [change.key, place]));
  for (const { key, needs } of leaving) {
    for (const need of needs)
      assert.ok((places.get(need) ?? Infinity) > (places.get(key) ?? 0), `${key} before ${need}`);
  }
});

test('wherever an apply breaks off, the rollback leads back to the host before it', () => {
  fc.assert(
    fc.property(places, places, fc.nat(), fc.boolean(), (first, second, cut, torn) => {
      const kernel = untouched();
      kernel.apply(planFor(desired(first), kernel.observe()));
      const before = kernel.observe();
      const plan = planFor(desired(second), before);
      const steps = cut % (plan.changes.length + 1);
      kernel.apply(plan, steps);
      const next = plan.changes[steps];
      if (torn && next !== undefined) kernel.tear(next);
      kernel.apply(planFor(asBefore(before, {}), kernel.observe()));
      assert.deepEqual(sorted(kernel.observe().found), sorted(before.found));
      assert.deepEqual([...kernel.observe().owned.keys()].sort(), [...before.owned.keys()].sort());
      assert.deepEqual(kernel.complaints, []);
    }),
    { numRuns: 300 },
  );
});

test('whatever somebody takes away comes back, with what stood on it', () => {
  const wanted = desired(2);
  const healthy = untouched();
  healthy.apply(planFor(wanted, healthy.observe()));
  for (const { item } of wanted.wanted) {
    // An interface that is pulled out of the machine is nothing that a plan could bring back.
    if (item.kind === 'link' && item.value.type === 'adopted') continue;
    const kernel = new Kernel(healthy.observe());
    kernel.lose(keyOf(item));
    const plan = planFor(wanted, kernel.observe());
    assert.ok(
      plan.changes.some((change) => change.key === keyOf(item)),
      keyOf(item),
    );
    kernel.apply(plan);
    assert.deepEqual(sorted(kernel.observe().found), sorted(healthy.observe().found), keyOf(item));
  }
});

test('a rebuilt tunnel takes along what lives in it and restarts nothing else', () => {
  const kernel = untouched();
  kernel.apply(planFor(desired(2), kernel.observe()));
  const found = new Map(kernel.observe().found);
  const tunnel = found.get('link vx-cork');
  assert.ok(tunnel?.kind === 'link' && tunnel.value.type === 'vxlan');
  found.set('link vx-cork', { ...tunnel, value: { ...tunnel.value, vni: 1 } });
  const plan = planFor(desired(2), { found, owned: kernel.observe().owned });
  assert.deepEqual(changes(plan.changes), [
    'rebuild link vx-cork',
    'remake forwarding vx-cork fe80::23d:c6ff:fea5:fe50',
  ]);
});

test('a bridge that somebody deleted comes back with its ports and the daemons on it', () => {
  const kernel = untouched();
  kernel.apply(planFor(desired(0), kernel.observe()));
  kernel.lose('link br-freemesh');
  assert.deepEqual(changes(planFor(desired(0), kernel.observe()).changes), [
    'add link br-freemesh',
    'change link eth1',
    'add sysctl net/ipv6/conf/br-freemesh/accept_ra',
    'add address br-freemesh 10.181.0.2/16',
    'add address br-freemesh fda8:2816:c004:da29::2/64',
    'restart daemon dnsmasq',
    'restart daemon chronyd',
  ]);
});

test('packets are not let through before the rules are in force', () => {
  const keys = planFor(desired(0), UNTOUCHED).changes.map((change) => change.key);
  for (const key of ['sysctl net/ipv4/ip_forward', 'sysctl net/ipv6/conf/all/forwarding'] as const) {
    assert.ok(keys.indexOf('table kith') < keys.indexOf(key));
  }
});

test('what was made and is gone already is struck from the journal without a change', () => {
  const kernel = untouched();
  kernel.apply(planFor(desired(0), kernel.observe()));
  kernel.lose('file /var/lib/kith/gateway/dnsmasq.conf');
  const plan = planFor(NOTHING, kernel.observe());
  assert.deepEqual(plan.forgotten, ['file /var/lib/kith/gateway/dnsmasq.conf']);
});

test('a gateway that is taken out tells routers and clients to go elsewhere, and changes nothing else', () => {
  const kernel = untouched();
  kernel.apply(planFor(desired(2), kernel.observe()));
  const leaving = desiredFrom(LARGE, hostNamed('tower', { draining: true }));
  assert.deepEqual(changes(planFor(leaving, kernel.observe()).changes), [
    'change batman bat-dublin',
    'change batman bat-cork',
    'change file /var/lib/kith/gateway/dnsmasq.conf',
    'change daemon dnsmasq',
  ]);
});

test('needs that nothing fulfils, circles and twins are found', () => {
  const folder = (name: string, needs: ItemKey[]): Desired['wanted'][number] => ({
    item: { kind: 'directory', name, value: { mode: 0o755, owner: 'root' } },
    cause: null,
    needs,
  });
  assert.throws(() => inOrder([folder('a', ['directory b'])]), /"directory a" needs "directory b"/);
  assert.throws(() => inOrder([folder('a', ['directory b']), folder('b', ['directory a'])]), /need each other/);
  assert.throws(() => inOrder([folder('a', []), folder('a', [])]), /twice/);
});

test('the text of a plan names each change, its line and what differs', () => {
  const kernel = untouched();
  const first = planText(planFor(desired(0), kernel.observe()));
  assert.match(first, /^\+ link br-freemesh +# kith\.yaml:3 gateway\.clients\n {4}type: bridge\n/m);
  assert.match(first, /^~ sysctl net\/ipv4\/ip_forward +# kith\.yaml:4 gateway\.exit\n {4}value: 0 → 1$/m);
  assert.match(first, /\d+ to add, 3 to change, 0 to remove\n$/);
  kernel.apply(planFor(desired(0), kernel.observe()));
  assert.equal(planText(planFor(desired(0), kernel.observe())), 'Nothing to do: the host is as the file wants it.\n');
  const other = desiredFrom(SMALL.replace('exit: eth0', 'exit: eth0\n  dns: { upstreams: [192.0.2.53] }'));
  const second = planText(planFor(other, kernel.observe()));
  assert.match(
    second,
    /^~ file .*dnsmasq\.conf +# kith\.yaml:5 gateway\.dns\n {6}domain=freemesh\n {4}\+ no-resolv\n {4}\+ server=192\.0\.2\.53\n {6}host-record/m,
  );
  assert.match(second, /^~ daemon dnsmasq/m);
});
