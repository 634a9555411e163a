import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Address, concat, parseAddress, toHex, utf8 } from '@kith/core';
import type { DhtEvent } from '../../src/dht/dht-node.ts';
import { packNodes } from '../../src/dht/contact.ts';
import { compareDistance } from '../../src/dht/distance.ts';
import { type DhtItem, isMutable, itemTarget, mutableTarget, signItem } from '../../src/dht/item.ts';
import { encodeAnswer, parseMessage } from '../../src/dht/krpc.ts';
import { secureId } from '../../src/dht/secure-id.ts';
import type { PeerAddress } from '../../src/wire/duplex.ts';
import { crypto, hashes, hashOf } from '../dht/support.ts';
import { type SimNode, World } from '../dht/world.ts';

const seed = process.env['KITH_SEED'] ?? 'dht';
const NO_SALT = new Uint8Array(0);

function announce(world: World, from: SimNode, infoHash: Uint8Array, port: number): void {
  from.node.track({ infoHash, port, urgent: false }, world.now);
  world.poke(from);
}

function lookFor(world: World, from: SimNode, infoHash: Uint8Array): void {
  from.node.track({ infoHash, port: undefined, urgent: true }, world.now);
  world.poke(from);
}

function foundBy({ events }: SimNode, infoHash: Uint8Array): PeerAddress[] {
  const hash = toHex(infoHash);
  return events.flatMap((event) => (event.kind === 'peers' && toHex(event.infoHash) === hash ? event.peers : []));
}

function searched({ events }: SimNode, infoHash: Uint8Array): Extract<DhtEvent, { kind: 'searched' }> | undefined {
  const hash = toHex(infoHash);
  for (const event of events) if (event.kind === 'searched' && toHex(event.infoHash) === hash) return event;
  return undefined;
}

/** How many of `count` announces are found, each by somebody else. */
function findings(world: World, nodes: readonly SimNode[], count: number): number {
  const pairs = Array.from({ length: count }, (_, i) => ({
    hash: hashOf(`torrent ${i}`),
    giver: nodes[(7 * i) % nodes.length] as SimNode,
    taker: nodes[(11 * i + 3) % nodes.length] as SimNode,
    port: 7000 + i,
  }));
  for (const { giver, hash, port } of pairs) announce(world, giver, hash, port);
  world.run(40_000);
  for (const { taker, hash } of pairs) lookFor(world, taker, hash);
  world.run(40_000);
  return pairs.filter(({ taker, hash, port, giver }) =>
    foundBy(taker, hash).some((peer) => peer.port === port && peer.ip === giver.address.ip),
  ).length;
}

describe('a DHT of 300 nodes', () => {
  const world = new World({ seed });
  const nodes = world.network(300);

  it('is known to all of them, and what is announced is found', () => {
    assert.ok(nodes.every(({ node }) => node.ready && node.nodes >= 10));
    assert.equal(findings(world, nodes, 40), 40);
    const lookups = nodes.flatMap(({ events }) => events.filter((event) => event.kind === 'searched'));
    const mean = lookups.reduce((sum, { queries }) => sum + queries, 0) / lookups.length;
    assert.ok(mean < 25, `a lookup takes ${mean} queries`);
    assert.ok(lookups.every(({ stored }) => stored === 0 || stored >= 8));
  });

  it('keeps values, signed or not, and takes back none for an older one (BEP 44)', () => {
    const [a, b, c] = nodes.slice(50) as [SimNode, SimNode, SimNode];
    const secret = hashes.sha256(utf8('owner'));
    const salt = utf8('shelf');
    const write = (text: string, sequence: number, cas?: number): number => {
      const item = signItem(secret, { value: utf8(text), sequence, salt }, crypto);
      let stored = -1;
      a.node.put(item, cas, (outcome) => (stored = outcome.stored));
      world.poke(a);
      world.until(() => stored >= 0, 30_000, 'the value is stored');
      return stored;
    };
    const read = (target: Uint8Array, from: SimNode): DhtItem | undefined => {
      let got: DhtItem | undefined | null = null;
      from.node.get(target, salt, (item) => (got = item));
      world.poke(from);
      world.until(() => got !== null, 30_000, 'the value is read');
      return got ?? undefined;
    };
    const key = crypto.ed25519Public(secret);
    const target = mutableTarget(key, salt, hashes);
    assert.ok(write('3:one', 1) >= 8);
    assert.ok(write('3:two', 2, 1) >= 8);
    assert.equal(write('4:four', 4, 1), 0, 'compare and swap');
    assert.equal(write('3:old', 1), 0, 'an older one');
    assert.equal(write('5:other', 2), 0, 'another one of the same number');
    const got = read(target, b);
    assert.ok(got !== undefined && isMutable(got));
    assert.deepEqual([got.value, got.sequence], [utf8('3:two'), 2]);

    const fixed: DhtItem = { value: utf8('d1:ai1ee') };
    let stored = -1;
    c.node.put(fixed, undefined, (outcome) => (stored = outcome.stored));
    world.poke(c);
    world.until(() => stored >= 0, 30_000, 'the fixed value is stored');
    assert.deepEqual(read(itemTarget(fixed, hashes), a), fixed);
    assert.equal(read(hashOf('nothing'), a), undefined);
  });

  it('tells which torrents there are, by samples (BEP 51)', () => {
    const [asker] = nodes as [SimNode];
    const heard = new Set<string>();
    let interval = 0;
    let done = false;
    const hash = hashOf('torrent 1');
    asker.node.sample(
      hash,
      (samples, _, seconds) => {
        for (const sample of samples) heard.add(toHex(sample));
        interval = seconds ?? 0;
      },
      () => (done = true),
    );
    world.poke(asker);
    world.until(() => done, 30_000, 'the samples came');
    assert.ok(heard.has(toHex(hash)));
    assert.equal(interval, 60);
  });

  it('goes on finding when a third went without a word', () => {
    for (let i = 0; i < 300; i += 3) world.kill(nodes[i] as SimNode);
    const left = nodes.filter((_, i) => i % 3 !== 0);
    world.run(60_000);
    assert.ok(findings(world, left, 30) >= 29);
  });
});

describe('a DHT of 60 nodes', () => {
  it('forgets those who went, within the hour', () => {
    const world = new World({ seed: `${seed} gone` });
    const nodes = world.network(60);
    for (let i = 0; i < 60; i += 3) world.kill(nodes[i] as SimNode);
    const left = nodes.filter((_, i) => i % 3 !== 0);
    const gone = new Set(nodes.filter((_, i) => i % 3 === 0).map(({ address }) => address.ip));
    world.run(3_600_000);
    for (const { node } of left) {
      assert.ok(node.nodes >= 8);
      assert.deepEqual(
        node.exportState().contacts.filter(({ ip }) => gone.has(ip)),
        [],
      );
    }
  });
});

describe('a DHT where much gets lost', () => {
  it('finds what is announced while a tenth of the datagrams and a tenth of the nodes vanish', () => {
    const world = new World({ seed: `${seed} loss` });
    const nodes = world.network(150);
    world.loss = 0.1;
    let born = nodes.length;
    const alive = [...nodes];
    const churn = (): void => {
      const victim = alive.splice(40 + (born % (alive.length - 40)), 1)[0] as SimNode;
      world.kill(victim);
      const made = world.node();
      made.node.bootstrap([(alive[born++ % alive.length] as SimNode).address], world.now);
      world.poke(made);
      alive.push(made);
    };
    // Each minute a tenth leaves and as many come.
    for (let at = 0; at < 300_000; at += 4000) world.at(world.now + at, churn);
    world.run(180_000);
    const steady = alive.slice(0, 40);
    assert.ok(findings(world, steady, 20) >= 18);
  });
});

describe('a DHT over both families', () => {
  it('tells nodes of one family of the other (BEP 32)', () => {
    const world = new World({ seed: `${seed} both` });
    const v4: SimNode[] = [];
    const v6: SimNode[] = [];
    for (let i = 0; i < 30; i++) {
      const [a, b] = [world.node(), world.node({ family: 6 })];
      a.node.pair(b.node);
      const [first] = v4;
      if (first !== undefined) a.node.bootstrap([first.address], world.now);
      // To all others nobody of IPv6 is named: what they know of it came over IPv4.
      if (i === 1) b.node.bootstrap([(v6[0] as SimNode).address], world.now);
      v4.push(a);
      v6.push(b);
      world.poke(a);
      world.run(500);
      world.poke(b);
    }
    for (let i = 0; i < 60; i++) {
      for (const each of v6) world.poke(each);
      world.run(1000);
    }
    assert.ok(v6.every(({ node }) => node.nodes >= 8));
    const hash = hashOf('both');
    announce(world, v6[3] as SimNode, hash, 7000);
    world.run(20_000);
    lookFor(world, v6[20] as SimNode, hash);
    world.run(20_000);
    assert.deepEqual(foundBy(v6[20] as SimNode, hash), [{ ip: v6[3]?.address.ip, port: 7000 }]);
  });
});

describe('a thousand torrents', () => {
  it('are all announced, at a rate that stays low, and those in need come first', () => {
    const world = new World({ seed: `${seed} many` });
    const nodes = world.network(60, () => ({ limits: { perSource: 1000, perSourceBurst: 1000 } }));
    const [busy] = nodes as [SimNode];
    const hashesOf = Array.from({ length: 1000 }, (_, i) => hashOf(`many ${i}`));
    for (const infoHash of hashesOf) busy.node.track({ infoHash, port: 7000, urgent: false }, world.now);
    const needy = hashOf('needy');
    busy.node.track({ infoHash: needy, port: 7000, urgent: true }, world.now);
    world.poke(busy);
    const before = { queries: busy.node.counts.queriesSent, at: world.now };
    world.until(() => searched(busy, needy) !== undefined, 10_000, 'the needy one is looked for');
    world.run(30_000);
    const rate = ((busy.node.counts.queriesSent - before.queries) * 1000) / (world.now - before.at);
    assert.ok(rate <= 110, `${rate} queries a second`);
    world.until(() => hashesOf.every((hash) => searched(busy, hash) !== undefined), 600_000, 'all are announced');
    assert.ok(hashesOf.every((hash) => (searched(busy, hash)?.stored ?? 0) >= 8));
    // Afterwards they stay spread.
    const quiet = busy.node.counts.queriesSent;
    world.run(1_200_000);
    const later = (busy.node.counts.queriesSent - quiet) / 1200;
    assert.ok(later < 40, `${later} queries a second`);
  });
});

/** Answers everything with nodes of its own making, close to whatever is asked for. */
class Liar {
  readonly id: Uint8Array;
  asked = 0;
  readonly #invent: (target: Uint8Array) => Uint8Array;
  readonly #out: { to: PeerAddress; bytes: Uint8Array }[] = [];

  constructor(id: Uint8Array, invent: (target: Uint8Array) => Uint8Array) {
    this.id = id;
    this.#invent = invent;
  }

  handle(datagram: Uint8Array, from: PeerAddress): void {
    const message = parseMessage(datagram, { nodes: 100, peers: 100 });
    if (message.kind !== 'query') return;
    this.asked++;
    const target = 'target' in message ? message.target : this.id;
    const results = { id: this.id, nodes: this.#invent(target), token: 'x' };
    this.#out.push({ to: from, bytes: encodeAnswer(message.transaction, results, new Uint8Array(6)) });
  }

  pollSend(): { to: PeerAddress; bytes: Uint8Array } | undefined {
    return this.#out.shift();
  }

  tick(): void {
    // It only answers.
  }

  nextWake(): number {
    return Number.POSITIVE_INFINITY;
  }
}

function near(target: Uint8Array, bits: number, i: number): Uint8Array {
  const id = hashOf(`${toHex(target)} ${i}`);
  id.set(target.subarray(0, bits >> 3));
  return id;
}

describe('against those who want a torrent to vanish', () => {
  it('100 nodes of one /24 with ids around it do not hide it', () => {
    const world = new World({ seed: `${seed} sybil` });
    const nodes = world.network(120);
    const hash = hashOf('hidden');
    const sybils = Array.from({ length: 100 }, (_, i) => ({
      id: near(hash, 40, i),
      ip: parseAddress(`77.7.7.${i + 1}`),
      port: 6881,
    }));
    for (const sybil of sybils) {
      const liar = new Liar(sybil.id, () => packNodes(sybils.slice(0, 30), 4));
      world.settle(liar, sybil);
      // All of them make themselves known.
      for (const { node } of nodes.slice(0, 60)) node.addNode(sybil, world.now);
    }
    for (const each of nodes) world.poke(each);
    world.run(30_000);
    const taken = nodes.map(
      ({ node }) => node.exportState().contacts.filter(({ ip }) => ip.startsWith('77.7.7.')).length,
    );
    assert.ok(Math.max(...taken) <= 4, `one node remembers ${Math.max(...taken)} of them`);
    announce(world, nodes[5] as SimNode, hash, 7000);
    world.run(30_000);
    assert.ok((searched(nodes[5] as SimNode, hash)?.stored ?? 0) >= 8);
    lookFor(world, nodes[70] as SimNode, hash);
    world.run(30_000);
    assert.equal(foundBy(nodes[70] as SimNode, hash).length, 1);
  });

  for (const onlySecure of [false, true]) {
    it(`nodes at 40 addresses that chose their ids hide nothing either (BEP 42), ${onlySecure ? 'where such are not talked to' : 'where such are talked to'}`, () => {
      const world = new World({ seed: `${seed} chosen` });
      const nodes = world.network(120);
      const hash = hashOf('hidden too');
      const sybils = Array.from({ length: 40 }, (_, i) => ({ id: near(hash, 40, i), ip: world.freshIp(), port: 6881 }));
      for (const sybil of sybils) {
        world.settle(new Liar(sybil.id, () => packNodes(sybils.slice(0, 16), 4)), sybil);
        for (const { node } of nodes) node.addNode(sybil, world.now);
      }
      for (const each of nodes) world.poke(each);
      world.run(30_000);
      const [giver, taker] = [world.node({ onlySecure }), world.node({ onlySecure })];
      for (const each of [giver, taker]) {
        each.node.bootstrap([(nodes[0] as SimNode).address, (nodes[1] as SimNode).address], world.now);
        world.poke(each);
      }
      world.run(20_000);
      announce(world, giver, hash, 7000);
      world.run(60_000);
      lookFor(world, taker, hash);
      world.run(60_000);
      assert.equal(foundBy(taker, hash).length, 1);
    });
  }

  it('a lookup that is led on and on, by nodes that are made up as it goes, ends within its number of questions', () => {
    const world = new World({ seed: `${seed} loop` });
    const nodes = world.network(60);
    const [victim] = nodes as [SimNode];
    let made = 0;
    // Each of them is there and names others that are a little closer, at addresses where their ids are right.
    const lead = (id: Uint8Array, ip: Address): void => {
      const invent = (target: Uint8Array): Uint8Array => {
        const closer = Array.from({ length: 4 }, () => {
          const address = world.freshIp();
          const other = secureId(address, world.random);
          if (made++ < 2000) lead(other, address);
          return { id: other, ip: address, port: 6881 };
        });
        return packNodes(
          closer.toSorted((a, b) => compareDistance(target, a.id, b.id)),
          4,
        );
      };
      world.settle(new Liar(id, invent), { ip, port: 6881 });
    };
    for (let i = 0; i < 10; i++) {
      const ip = world.freshIp();
      lead(secureId(ip, world.random), ip);
      for (const { node } of nodes) node.addNode({ ip, port: 6881 }, world.now);
    }
    for (const each of nodes) world.poke(each);
    world.run(20_000);
    const hash = hashOf('endless');
    lookFor(world, victim, hash);
    world.until(() => searched(victim, hash) !== undefined, 180_000, 'the lookup ends');
    const queries = searched(victim, hash)?.queries ?? 0;
    assert.ok(queries > 0 && queries <= 120, `${queries} queries`);
  });

  it('nobody outside can have datagrams sent into the local network', () => {
    const world = new World({ seed: `${seed} inside` });
    const victim = world.node();
    const ip = world.freshIp();
    const inside = ['127.0.0.1', '10.0.0.1', '192.168.1.1', '169.254.1.1'].map((text) => parseAddress(text));
    const invent = () =>
      packNodes(
        inside.map((address, i) => ({ id: hashOf(`${i}`), ip: address, port: 53 })),
        4,
      );
    world.settle(new Liar(secureId(ip, world.random), invent), { ip, port: 6881 });
    const heard: string[] = [];
    for (const address of inside) {
      world.settle(new Liar(hashOf(address), () => (heard.push(address), NO_SALT)), { ip: address, port: 53 });
    }
    victim.node.bootstrap([{ ip, port: 6881 }], world.now);
    world.poke(victim);
    world.run(30_000);
    assert.equal(victim.node.nodes, 1);
    assert.deepEqual(heard, []);
  });
});

describe('an id', () => {
  it('follows the address that others see, once enough of them agree (BEP 42)', () => {
    const world = new World({ seed: `${seed} vote` });
    const nodes = world.network(40);
    const ip = world.freshIp();
    const newcomer = world.node({ state: { id: hashOf('any'), contacts: [] } }, { ip, port: 6881 });
    newcomer.node.bootstrap(
      nodes.slice(0, 3).map(({ address }) => address),
      world.now,
    );
    world.poke(newcomer);
    world.run(30_000);
    assert.deepEqual(
      newcomer.events.filter(({ kind }) => kind === 'external-ip'),
      [{ kind: 'external-ip', ip }],
    );
    assert.notDeepEqual(newcomer.node.id, hashOf('any'));
    assert.ok(newcomer.node.nodes >= 8);
    assert.ok(concat(newcomer.node.id).length === 20);
  });
});
