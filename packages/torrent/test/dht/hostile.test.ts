import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Address, concat, parseAddress, toHex, utf8 } from '@kith/core';
import { type Encodable, encode } from '../../src/bencode.ts';
import { AnnounceSchedule } from '../../src/dht/announce-schedule.ts';
import type { Contact } from '../../src/dht/contact.ts';
import { DhtNode, type DhtNodeOptions } from '../../src/dht/dht-node.ts';
import { idBeside } from '../../src/dht/distance.ts';
import { ItemStore } from '../../src/dht/item-store.ts';
import { signItem } from '../../src/dht/item.ts';
import { type Answer, type Message, parseMessage } from '../../src/dht/krpc.ts';
import { DHT_LIMITS } from '../../src/dht/limits.ts';
import { Lookup } from '../../src/dht/lookup.ts';
import { PeerStore } from '../../src/dht/peer-store.ts';
import { RoutingTable } from '../../src/dht/routing-table.ts';
import { secureId } from '../../src/dht/secure-id.ts';
import { crypto, hashes, hashOf, seeded } from './support.ts';

const ID = hashOf('stranger');
const TARGET = hashOf('target');

/** A node by itself, and whoever talks to it. */
class Bench {
  now = 1000;
  readonly node: DhtNode;
  sentBytes = 0;

  constructor(options: Partial<DhtNodeOptions> = {}) {
    this.node = new DhtNode({ family: 4, random: seeded('bench'), hashes, crypto, ...options }, this.now);
  }

  /** What comes back to `ip`, decoded. */
  say(message: Encodable, ip = '9.1.1.1', port = 6881): Message[] {
    this.node.handle(encode(message), { ip, port }, this.now);
    return this.#sent().filter((answer) => answer.kind !== 'query');
  }

  ask(q: string, a: Record<string, Encodable | undefined>, ip?: string, port?: number): Message | undefined {
    return this.say({ t: 'aa', y: 'q', q, a: { id: ID, ...a } }, ip, port)[0];
  }

  tokenFor(target: Uint8Array, ip?: string): Uint8Array {
    const answer = this.ask('get_peers', { info_hash: target }, ip) as Answer;
    return answer.token ?? new Uint8Array(0);
  }

  #sent(): Message[] {
    const out: Message[] = [];
    for (let datagram = this.node.pollSend(); datagram !== undefined; datagram = this.node.pollSend()) {
      this.sentBytes += datagram.bytes.length;
      out.push(parseMessage(datagram.bytes, { nodes: 100, peers: 1000 }));
    }
    return out;
  }
}

function codeOf(message: Message | undefined): number | undefined {
  return message?.kind === 'refusal' ? message.code : undefined;
}

describe('a node that strangers ask', () => {
  it('takes an announce with its token alone, and only from where the token went', () => {
    const bench = new Bench();
    const token = bench.tokenFor(TARGET);
    const announce = (change: Record<string, Encodable>, ip?: string) =>
      bench.ask('announce_peer', { info_hash: TARGET, port: 7000, token, ...change }, ip);
    assert.equal(codeOf(announce({ token: 'guessed!' })), 203);
    assert.equal(codeOf(announce({}, '9.1.2.1')), 203);
    assert.equal(codeOf(announce({ info_hash: hashOf('another') })), 203);
    assert.equal(codeOf(announce({ port: 0 })), 203);
    assert.equal(bench.node.stored.torrents, 0);
    assert.equal(announce({})?.kind, 'answer');
    assert.equal(announce({ implied_port: 1, port: 1 })?.kind, 'answer');
    const found = bench.ask('get_peers', { info_hash: TARGET }, '9.9.9.9') as Answer;
    assert.deepEqual(found.peers.map(({ ip, port }) => `${ip} ${port}`).toSorted(), ['9.1.1.1 6881', '9.1.1.1 7000']);
    bench.now += 11 * 60_000;
    assert.equal(codeOf(announce({})), 203, 'an old token');
    bench.now += DHT_LIMITS.peerLife;
    bench.node.tick(bench.now);
    assert.equal(bench.node.stored.torrents, 0);
  });

  it('says with codes what is wrong with a value (BEP 44)', () => {
    const bench = new Bench();
    const item = signItem(hashes.sha256(utf8('x')), { value: utf8('1:v'), sequence: 5 }, crypto);
    const target = hashes.sha1(item.key).slice();
    const token = bench.tokenFor(target);
    const put = (change: Record<string, Encodable>) =>
      bench.ask('put', { v: 'v', k: item.key, sig: item.signature, seq: 5, token, ...change });
    assert.equal(codeOf(put({ token: 'no' })), 203);
    assert.equal(codeOf(put({ sig: new Uint8Array(64) })), 206);
    assert.equal(codeOf(put({ v: 'w' })), 206);
    assert.equal(put({})?.kind, 'answer');
    assert.equal(put({})?.kind, 'answer', 'the same again');
    assert.equal(codeOf(put({ cas: 4 })), 301);
    const older = signItem(hashes.sha256(utf8('x')), { value: utf8('1:o'), sequence: 4 }, crypto);
    assert.equal(codeOf(put({ v: 'o', sig: older.signature, seq: 4 })), 302);
    const long = new Uint8Array(1000);
    assert.equal(
      codeOf(put({ v: long, k: undefined as never, token: bench.tokenFor(hashes.sha1(encode(long)).slice()) })),
      205,
    );
    assert.equal(codeOf(bench.ask('vote', {})), 204);
    const got = bench.ask('get', { target }) as Answer;
    assert.deepEqual(got.item, { ...item, salt: new Uint8Array(0) });
    assert.equal((bench.ask('get', { target, seq: 5 }) as Answer).item, undefined, 'it has this one already');
  });

  it('answers nobody where it is read-only (BEP 43), and marks what it asks', () => {
    const bench = new Bench({ readOnly: true });
    assert.deepEqual(bench.say({ t: 'aa', y: 'q', q: 'ping', a: { id: ID } }), []);
    bench.node.bootstrap([{ ip: '9.2.2.2', port: 6881 }], bench.now);
    bench.node.tick(bench.now);
    const asked = parseMessage(bench.node.pollSend()?.bytes ?? new Uint8Array(0), { nodes: 1, peers: 1 });
    assert.ok(asked.kind === 'query' && asked.readOnly);
  });

  it('does not ask back who says that it is read-only', () => {
    const bench = new Bench();
    for (const ro of [1, undefined]) {
      bench.node.handle(
        encode({ t: 'aa', y: 'q', q: 'ping', a: { id: ID }, ro }),
        { ip: '9.1.1.1', port: 6881 },
        bench.now,
      );
      const kinds: string[] = [];
      for (let out = bench.node.pollSend(); out !== undefined; out = bench.node.pollSend()) {
        kinds.push(parseMessage(out.bytes, { nodes: 1, peers: 1 }).kind);
      }
      assert.deepEqual(kinds, ro === 1 ? ['answer'] : ['answer', 'query']);
    }
  });

  it('answers a flood of one address at its rate, and others meanwhile', () => {
    const bench = new Bench();
    let answers = 0;
    for (let i = 0; i < 10_000; i++) {
      bench.now += 1;
      if (bench.ask('find_node', { target: TARGET }) !== undefined) answers++;
    }
    assert.ok(answers <= DHT_LIMITS.perSourceBurst + 10 * DHT_LIMITS.perSource + 1, `${answers} answers`);
    assert.equal(bench.ask('ping', {}, '9.5.5.5')?.kind, 'answer');
  });

  it('sends a forged address little: at most its share of bytes, whatever is asked in its name', () => {
    const bench = new Bench();
    const peers = Array.from({ length: 250 }, (_, i) => `9.${i}.3.3`);
    for (const ip of peers)
      bench.ask('announce_peer', { info_hash: TARGET, port: 7, token: bench.tokenFor(TARGET, ip) }, ip);
    bench.now += 60_000;
    bench.sentBytes = 0;
    for (let i = 0; i < 10_000; i++) {
      bench.now += 1;
      bench.ask('get_peers', { info_hash: TARGET }, '9.200.200.200');
    }
    const { replyBytesPerSource, replyBytesPerSourceBurst } = DHT_LIMITS;
    assert.ok(
      bench.sentBytes <= replyBytesPerSourceBurst + 10 * replyBytesPerSource + 2000,
      `${bench.sentBytes} bytes`,
    );
  });

  it('never sends more than 1,232 bytes at once, however many peers there are', () => {
    const bench = new Bench({ limits: { perSource: 1e9, perSourceBurst: 1e9, replyBytes: 1e9, replyBytesBurst: 1e9 } });
    for (let i = 0; i < 500; i++) {
      const ip = `9.${i % 200}.${100 + Math.floor(i / 200)}.9`;
      bench.ask('announce_peer', { info_hash: TARGET, port: 7, token: bench.tokenFor(TARGET, ip) }, ip);
    }
    const before = bench.sentBytes;
    const answer = bench.ask('get_peers', { info_hash: TARGET, want: ['n4', 'n6'] }, '9.250.1.1') as Answer;
    assert.ok(answer.peers.length >= 100);
    assert.ok(bench.sentBytes - before <= 1232 + 120, `${bench.sentBytes - before} bytes`);
    const value = new Uint8Array(996);
    const encoded = encode(value);
    assert.equal(encoded.length, 1000);
    const target = hashes.sha1(encoded).slice();
    const stored = bench.ask('put', { v: value, token: bench.tokenFor(target, '9.251.1.1') }, '9.251.1.1');
    assert.equal(stored?.kind, 'answer');
    assert.equal((bench.ask('get', { target }, '9.251.1.1') as Answer).item?.value.length, 1000);
  });

  it('takes no answer from whom it asked nothing, nor one of another endpoint', () => {
    const bench = new Bench();
    const nodes = concat(hashOf('n'), Uint8Array.of(9, 7, 7, 7, 1, 1));
    for (let i = 0; i < 50; i++) bench.say({ t: Uint8Array.of(0, 0, 0, i), y: 'r', r: { id: ID, nodes } });
    assert.equal(bench.node.counts.unasked, 50);
    bench.node.bootstrap([{ ip: '9.2.2.2', port: 6881 }], bench.now);
    bench.node.tick((bench.now += 5000));
    const out = bench.node.pollSend();
    const asked = parseMessage(out?.bytes ?? new Uint8Array(0), { nodes: 1, peers: 1 });
    const answer = { t: asked.transaction, y: 'r', r: { id: ID } };
    bench.say(answer, '9.2.2.3');
    bench.say(answer, '9.2.2.2', 6882);
    assert.equal(bench.node.nodes, 0);
    bench.say(answer, '9.2.2.2');
    assert.equal(bench.node.nodes, 1);
  });
});

describe('what strangers can fill', () => {
  const random = seeded('stores');
  it('peers: so many torrents, peers of one, and entries of one address', () => {
    const limits = { ...DHT_LIMITS, storedTorrents: 50, peersPerTorrent: 20, peersPerSource: 30 };
    const store = new PeerStore(limits, random);
    const from = (i: number) => ({ ip: `9.${i >> 8}.${i & 255}.1` as Address, port: 7000 });
    for (let i = 0; i < 1000; i++) store.add(hashOf(`${i}`), from(i), 0);
    assert.equal(store.size, 50);
    for (let i = 0; i < 1000; i++) store.add(TARGET, from(i), 0);
    assert.equal(store.get(TARGET, 1000, 0).length, 20);
    const greedy = { ip: parseAddress('9.250.1.1'), port: 1 };
    const taken = Array.from({ length: 100 }, (_, i) => store.add(hashOf(`g${i}`), greedy, 0)).filter(Boolean);
    assert.equal(taken.length, 30);
    store.expire(limits.peerLife);
    assert.equal(store.size, 0);
    assert.ok(store.add(TARGET, greedy, limits.peerLife), 'what expired no longer counts');
  });

  it('values: so many, and so many of one address', () => {
    const store = new ItemStore({ ...DHT_LIMITS, items: 20, itemsPerSource: 5 });
    const value = utf8('1:v');
    for (let i = 0; i < 100; i++) store.put(hashOf(`${i}`), { value }, undefined, `9.1.${i}.1` as Address, 0);
    assert.equal(store.size, 20);
    const ip = parseAddress('9.2.1.1');
    for (let i = 0; i < 5; i++) store.put(hashOf(`g${i}`), { value }, undefined, ip, 0);
    assert.throws(() => store.put(hashOf('g5'), { value }, undefined, ip, 0), { code: 202 });
    store.put(hashOf('g4'), { value }, undefined, ip, 0);
    assert.equal(store.size, 20);
  });
});

describe('the routing table', () => {
  const own = hashOf('own');
  const random = seeded('table');
  const options = { ...DHT_LIMITS, exemptLocal: false, onlySecure: false };
  const contact = (bits: number, ip: string, secure = false): Contact => {
    const address = parseAddress(ip);
    return { id: secure ? secureId(address, random) : idBeside(own, bits, random), ip: address, port: 6881 };
  };

  it('has one place for an address, one of a /24 in a bucket, four of it in all', () => {
    const table = new RoutingTable(own, options, 0);
    assert.equal(table.answered(contact(3, '9.1.1.1'), 0), true);
    assert.equal(table.answered({ ...contact(3, '9.1.1.1'), port: 7000 }, 0), false);
    assert.equal(table.answered(contact(3, '9.1.1.2'), 0), false);
    for (let bits = 4; bits < 20; bits++) table.answered(contact(bits, `9.1.1.${bits}`), 0);
    assert.equal(table.size, 4);
    assert.equal(table.answered(contact(3, '9.1.2.1'), 0), true);
  });

  it('prefers ids that fit their address, gives bad nodes up for spare ones, and names only who is well', () => {
    const table = new RoutingTable(own, options, 0);
    const bad = Array.from({ length: 8 }, (_, i) => contact(5, `9.2.${i}.1`));
    for (const each of bad) assert.equal(table.answered(each, 0), true);
    const spare = contact(5, '9.3.1.1');
    assert.equal(table.answered(spare, 0), false);
    const [first] = bad as [Contact];
    table.failed(first);
    assert.ok(!table.closest(own, 20).includes(first));
    table.failed(first);
    assert.ok(table.closest(own, 20).includes(spare), 'the spare one took its place');
    let fitting = contact(0, '9.4.1.1', true);
    for (let i = 0; (((fitting.id[0] as number) ^ (own[0] as number)) & 0xfc) !== 0x04 && i < 250; i++) {
      fitting = contact(0, `9.4.${i}.1`, true);
    }
    assert.equal(table.answered(fitting, 0), true, 'an id that fits pushes one out that does not');
    assert.equal(table.size, 8);
  });

  it('gives the closest, whatever the target', () => {
    const table = new RoutingTable(own, options, 0);
    for (let i = 0; i < 400; i++)
      table.answered({ id: hashOf(`c${i}`), ip: parseAddress(`9.${i >> 8}.${i & 255}.1`), port: 1 }, 0);
    const all = table.contacts();
    for (let i = 0; i < 50; i++) {
      const target = i === 0 ? own : hashOf(`t${i}`);
      const key = ({ id }: Contact) => toHex(id.map((byte, at) => byte ^ (target[at] as number)));
      const wanted = all.toSorted((a, b) => (key(a) < key(b) ? -1 : 1)).slice(0, 8);
      assert.deepEqual(table.closest(target, 8).map(key), wanted.map(key));
    }
  });
});

describe('a lookup', () => {
  it('asks no more of those whom a liar named, and not the same network over and over', () => {
    const lookup = new Lookup(TARGET, { limits: DHT_LIMITS, exemptLocal: false, onlySecure: false });
    const at = (ip: string): Contact => ({ id: hashOf(ip), ip: parseAddress(ip), port: 1 });
    lookup.add(at('9.1.1.1'));
    const liar = lookup.next();
    assert.ok(liar !== undefined);
    lookup.answered(liar);
    for (let i = 0; i < 100; i++) lookup.add(at(`9.9.${i}.1`), liar);
    let asked = 0;
    for (let next = lookup.next(); next !== undefined; next = lookup.next()) {
      asked++;
      lookup.failed(next);
    }
    assert.equal(asked, 4);
    assert.ok(lookup.done);
    const crowd = new Lookup(TARGET, { limits: DHT_LIMITS, exemptLocal: false, onlySecure: false });
    for (let i = 0; i < 100; i++) crowd.add(at(`9.8.8.${i + 1}`));
    asked = 0;
    for (let next = crowd.next(); next !== undefined; next = crowd.next()) {
      asked++;
      crowd.failed(next);
    }
    assert.equal(asked, 3);
  });
});

describe('a lookup in a network without end', () => {
  it('stops after 120 questions, though every answer leads closer', () => {
    const lookup = new Lookup(TARGET, { limits: DHT_LIMITS, exemptLocal: true, onlySecure: false });
    const random = seeded('closer');
    // Local addresses may have any id: it takes nothing to be right at the target.
    const closer = (bits: number): Contact => ({
      ...{ id: idBeside(TARGET, bits, random), ip: parseAddress(`10.0.${bits}.1`), port: 1 },
    });
    lookup.add(closer(0));
    let bits = 0;
    for (let next = lookup.next(); next !== undefined; next = lookup.next()) {
      lookup.answered(next);
      lookup.add(closer(++bits), next);
    }
    assert.equal(lookup.queries, 120);
    assert.ok(lookup.done);
  });
});

describe('the schedule of announces', () => {
  it('gives those in need their turn first, asks them again sooner, and retries what reached nobody', () => {
    const schedule = new AnnounceSchedule({ announceInterval: 1_500_000, urgentInterval: 300_000, draw: () => 1 });
    const [a, b, c] = ['a', 'b', 'c'].map((name) => hashOf(name)) as [Uint8Array, Uint8Array, Uint8Array];
    schedule.set({ infoHash: a, port: 1, urgent: false }, 0);
    schedule.set({ infoHash: b, port: 1, urgent: true }, 5);
    schedule.set({ infoHash: c, port: 1, urgent: false }, 6);
    schedule.delete(c);
    assert.equal(schedule.next(10)?.infoHash, b);
    assert.equal(schedule.next(10)?.infoHash, a);
    assert.equal(schedule.next(10), undefined);
    schedule.done(b, true, 1000);
    assert.equal(schedule.nextWake(), 301_000);
    schedule.done(a, false, 1000);
    assert.equal(schedule.nextWake(), 61_000);
    assert.equal(schedule.next(61_000)?.infoHash, a);
    schedule.done(a, true, 61_000);
    schedule.set({ infoHash: a, port: 1, urgent: true }, 62_000);
    assert.equal(schedule.next(62_000)?.infoHash, a, 'what becomes urgent is due at once');
    schedule.delete(b);
    assert.equal(schedule.nextWake() < Number.POSITIVE_INFINITY && schedule.next(400_000) !== undefined, false);
  });
});
