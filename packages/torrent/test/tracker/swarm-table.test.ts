import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NONE } from '../../src/tracker/hash-index.ts';
import { type Family, SwarmTable, Visit } from '../../src/tracker/swarm-table.ts';

const FAMILIES: readonly Family[] = ['ipv4', 'ipv6', 'connection'];

/** Bytes that only depend on the seed. */
function randomFrom(seed: number): (length: number) => Uint8Array {
  let x = seed | 1;
  return (length) =>
    Uint8Array.from({ length }, () => {
      x = (Math.imul(x, 1103515245) + 12345) >>> 0;
      return x >>> 16;
    });
}

function visitOf(change: {
  family?: Family;
  hash: number;
  address: number;
  port?: number;
  seed?: boolean;
  event?: Visit['event'];
}): Visit {
  const visit = new Visit();
  visit.family = change.family ?? 'ipv4';
  visit.infoHash.fill(change.hash);
  visit.address.fill(change.address);
  visit.port = change.port ?? 6881;
  visit.seed = change.seed ?? false;
  visit.event = change.event;
  return visit;
}

interface Listed {
  readonly family: Family;
  readonly hash: number;
  readonly address: number;
  readonly port: number;
  seed: boolean;
  seen: number;
}

/** The table as one would write it without minding memory or time. */
class Oracle {
  peers: Listed[] = [];
  readonly completed = new Map<number, number>();

  announce(visit: Visit, now: number): void {
    const hash = visit.infoHash[0] ?? 0;
    const same = (p: Listed) =>
      p.family === visit.family && p.hash === hash && p.address === visit.address[0] && p.port === visit.port;
    const known = this.peers.find(same);
    this.peers = this.peers.filter((peer) => !same(peer));
    if (visit.event !== 'stopped') {
      if (known !== undefined && !known.seed && visit.event === 'completed') {
        this.completed.set(hash, (this.completed.get(hash) ?? 0) + 1);
      }
      const { family, port, seed } = visit;
      this.peers.push({ family, hash, address: visit.address[0] ?? 0, port, seed, seen: Math.floor(now / 1000) });
    }
    this.forgetEmpty();
  }

  expire(now: number, silence: number): void {
    this.peers = this.peers.filter((peer) => peer.seen >= Math.floor(now / 1000) - silence);
    this.forgetEmpty();
  }

  forgetEmpty(): void {
    for (const hash of this.completed.keys()) {
      if (!this.peers.some((peer) => peer.hash === hash)) this.completed.delete(hash);
    }
  }
}

function listedIn(table: SwarmTable, swarm: number, family: Family): string[] {
  const peers = table.table(family);
  const out = new Uint32Array(1000);
  const count = peers.pick(swarm, 1000, false, NONE, table.draw, out);
  const bytes = new Uint8Array(18);
  return Array.from(out.subarray(0, count), (peer) => {
    const end = peers.write(peer, bytes, 0);
    return `${bytes.subarray(0, end).join('.')} ${peers.isSeed(peer)}`;
  }).sort();
}

function expectedIn(oracle: Oracle, hash: number, family: Family): string[] {
  return oracle.peers
    .filter((peer) => peer.hash === hash && peer.family === family)
    .map((peer) => {
      const words = family === 'ipv6' ? 4 : 1;
      const address = Array.from({ length: words }, () => [0, 0, 0, peer.address]).flat();
      return `${[...address, peer.port >> 8, peer.port & 255].join('.')} ${peer.seed}`;
    })
    .sort();
}

const step = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({
      kind: fc.constant('announce' as const),
      family: fc.constantFrom(...FAMILIES),
      hash: fc.integer({ min: 0, max: 5 }),
      address: fc.integer({ min: 1, max: 20 }),
      port: fc.integer({ min: 1, max: 3 }),
      seed: fc.boolean(),
      event: fc.constantFrom(undefined, 'started' as const, 'completed' as const, 'stopped' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: 400 }) }),
  },
);

test('the table says what a naive one says, after any announces and any silence', () => {
  fc.assert(
    fc.property(fc.integer(), fc.array(step, { maxLength: 300, size: 'max' }), (seed, steps) => {
      const table = new SwarmTable({ random: randomFrom(seed), silence: 600 });
      const oracle = new Oracle();
      let now = 0;
      for (const move of steps) {
        if (move.kind === 'wait') {
          now += move.seconds * 1000;
          table.expire(now);
          oracle.expire(now, 600);
          continue;
        }
        const visit = visitOf(move);
        table.announce(visit, now);
        oracle.announce(visitOf(move), now);
      }
      assert.equal(table.peers, oracle.peers.length);
      const hashes = new Set(oracle.peers.map((peer) => peer.hash));
      assert.equal(table.swarms, hashes.size);
      for (let hash = 0; hash <= 5; hash++) {
        const swarm = table.find(new Uint8Array(20).fill(hash), 0);
        assert.equal(swarm !== NONE, hashes.has(hash));
        if (swarm === NONE) continue;
        for (const family of FAMILIES) {
          assert.deepEqual(listedIn(table, swarm, family), expectedIn(oracle, hash, family));
        }
        assert.equal(table.seeds(swarm), oracle.peers.filter((peer) => peer.hash === hash && peer.seed).length);
        assert.equal(table.completed(swarm), oracle.completed.get(hash) ?? 0);
      }
    }),
    { numRuns: 300 },
  );
});

test('a peer is never given to itself, seeds are not given to seeds, and nobody twice', () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.integer({ min: 0, max: 40 }),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 0, max: 50 }),
      fc.boolean(),
      (seed, seeds, leechers, wanted, asSeed) => {
        const table = new SwarmTable({ random: randomFrom(seed) });
        for (let i = 1; i <= leechers; i++) table.announce(visitOf({ hash: 1, address: i }), 0);
        for (let i = 1; i <= seeds; i++) table.announce(visitOf({ hash: 1, address: 100 + i, seed: true }), 0);
        const me = visitOf({ hash: 1, address: 7777, seed: asSeed });
        table.announce(me, 0);
        const out = new Uint32Array(100);
        const count = table.ipv4.pick(me.swarm, wanted, asSeed, me.peer, table.draw, out);
        const drawn = [...out.subarray(0, count)];
        assert.equal(count, Math.min(wanted, asSeed ? leechers : leechers + seeds));
        assert.equal(new Set(drawn).size, count);
        assert.ok(!drawn.includes(me.peer));
        if (asSeed) assert.ok(drawn.every((peer) => !table.ipv4.isSeed(peer)));
      },
    ),
  );
});

test('every peer is given about equally often', () => {
  const table = new SwarmTable({ random: randomFrom(5) });
  for (let i = 1; i <= 70; i++) table.announce(visitOf({ hash: 1, address: i }), 0);
  const me = visitOf({ hash: 1, address: 30 });
  table.announce(me, 0);
  const out = new Uint32Array(20);
  const times = new Map<number, number>();
  for (let i = 0; i < 20_000; i++) {
    table.ipv4.pick(me.swarm, 20, false, me.peer, table.draw, out);
    for (const peer of out) times.set(peer, (times.get(peer) ?? 0) + 1);
  }
  const expected = (20_000 * 20) / 69;
  assert.equal(times.size, 69);
  for (const count of times.values()) assert.ok(Math.abs(count - expected) < 0.1 * expected, `${count} of ${expected}`);
});

test('"completed" counts once, and only for one that was known without everything', () => {
  const table = new SwarmTable({ random: randomFrom(1) });
  table.announce(visitOf({ hash: 1, address: 1, seed: true, event: 'completed' }), 0);
  table.announce(visitOf({ hash: 1, address: 2 }), 0);
  for (let i = 0; i < 3; i++) table.announce(visitOf({ hash: 1, address: 2, seed: true, event: 'completed' }), 0);
  const swarm = table.find(new Uint8Array(20).fill(1), 0);
  assert.equal(table.completed(swarm), 1);
  assert.equal(table.completedEver, 1);
});

test('who finds a full swarm, table or address gets peers without being listed; a swarm too many is refused', () => {
  const swarm = new SwarmTable({ random: randomFrom(1), peersPerSwarm: 2, peersPerAddress: 0 });
  for (const address of [1, 2]) assert.equal(swarm.announce(visitOf({ hash: 1, address }), 0), 'listed');
  const third = visitOf({ hash: 1, address: 3 });
  assert.equal(swarm.announce(third, 0), 'unlisted');
  assert.equal(swarm.ipv4.pick(third.swarm, 9, false, third.peer, swarm.draw, new Uint32Array(9)), 2);
  assert.equal(swarm.announce(visitOf({ hash: 1, address: 2 }), 0), 'listed');

  const total = new SwarmTable({ random: randomFrom(1), peers: 1 });
  total.announce(visitOf({ hash: 1, address: 1 }), 0);
  assert.equal(total.announce(visitOf({ hash: 2, address: 2 }), 0), 'unlisted');
  assert.equal(total.swarms, 1);

  const address = new SwarmTable({ random: randomFrom(1), peersPerAddress: 2 });
  const outcomes = [1, 2, 3].map((port) =>
    address.announce(visitOf({ family: 'ipv6', hash: port, address: 5, port }), 0),
  );
  assert.deepEqual(outcomes, ['listed', 'listed', 'unlisted']);
  address.announce(visitOf({ family: 'ipv6', hash: 1, address: 5, port: 1, event: 'stopped' }), 0);
  assert.equal(address.announce(visitOf({ family: 'ipv6', hash: 3, address: 5, port: 3 }), 0), 'listed');

  const swarms = new SwarmTable({ random: randomFrom(1), swarms: 1 });
  swarms.announce(visitOf({ hash: 1, address: 1 }), 0);
  assert.equal(swarms.announce(visitOf({ hash: 2, address: 1 }), 0), 'full');
});

test('a swarm that is not permitted is refused; one that ends is told of peer by peer', () => {
  const gone: string[] = [];
  const table = new SwarmTable({
    random: randomFrom(1),
    permits: (hash) => hash[0] === 1,
    expired: (family, peer) => gone.push(`${family} ${peer}`),
  });
  assert.equal(table.announce(visitOf({ hash: 2, address: 1 }), 0), 'refused');
  table.announce(visitOf({ hash: 1, address: 1 }), 0);
  table.announce(visitOf({ hash: 1, address: 1, family: 'connection', port: 0 }), 0);
  assert.equal(table.end(new Uint8Array(20).fill(1)), true);
  assert.deepEqual(gone, ['ipv4 0', 'connection 0']);
  assert.equal(table.end(new Uint8Array(20).fill(1)), false);
});

test('a peer costs less than 80 bytes on IPv4 and 100 on IPv6, and ended swarms leave nothing', () => {
  for (const [family, most] of [
    ['ipv4', 80],
    ['ipv6', 100],
  ] as const) {
    const table = new SwarmTable({ random: randomFrom(1), peersPerAddress: 0 });
    const empty = table.bytes;
    const count = 200_000;
    const visit = new Visit();
    visit.family = family;
    visit.port = 1;
    const announce = (event: Visit['event']) => {
      visit.event = event;
      for (let i = 0; i < count; i++) {
        visit.infoHash[0] = i % 50;
        // Two ports per address keep the counts per address in the picture.
        visit.address.fill(i >> 1);
        visit.port = 1 + (i & 1);
        table.announce(visit, 0);
      }
    };
    announce(undefined);
    assert.equal(table.peers, count);
    assert.ok(table.bytes / count < most, `${family}: ${table.bytes / count} bytes`);
    announce('stopped');
    assert.deepEqual([table.peers, table.swarms, table.bytes], [0, 0, empty]);
  }
});
