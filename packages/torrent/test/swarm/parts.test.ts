import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fromHex } from '@kith/core';
import { allowedFast } from '../../src/swarm/allowed-fast.ts';
import { BanList } from '../../src/swarm/ban-list.ts';
import { canonicalPriority, crc32c } from '../../src/swarm/canonical-priority.ts';
import { Deadlines } from '../../src/swarm/deadlines.ts';
import { Heap } from '../../src/swarm/heap.ts';
import { MetadataFetch, type MetadataOutcome } from '../../src/swarm/metadata-fetch.ts';
import { PeerBook } from '../../src/swarm/peer-book.ts';
import { PexBook } from '../../src/swarm/pex-book.ts';
import { SmartBan } from '../../src/swarm/smart-ban.ts';
import { Throttle } from '../../src/swarm/throttle.ts';
import { WakeList } from '../../src/swarm/wake-list.ts';
import { hashes } from '../metainfo/support.ts';

const ok = { useful: true, retryPlain: false };
const failed = { useful: false, retryPlain: false };
const at = (n: number): { ip: string; port: number } => ({ ip: `10.0.0.${n}`, port: 1 });

describe('the canonical priority (BEP 40)', () => {
  for (const [a, b, priority] of [
    ['123.213.32.10', '98.76.54.32', 0xec2d7224],
    ['123.213.32.10', '123.213.32.234', 0x99568189],
  ] as const) {
    it(`of ${a} and ${b} is that of the specification, both ways`, () => {
      assert.equal(canonicalPriority({ ip: a, port: 0 }, { ip: b, port: 0 }), priority);
      assert.equal(canonicalPriority({ ip: b, port: 0 }, { ip: a, port: 0 }), priority);
    });
  }
  it('uses CRC-32C', () => assert.equal(crc32c(new TextEncoder().encode('123456789')), 0xe3069283));
});

describe('the allowed fast set (BEP 6)', () => {
  it('is that of the specification', () => {
    const set = allowedFast('80.4.4.200', fromHex('aa'.repeat(20)), 1313, hashes);
    assert.deepEqual(set.slice(0, 9), [1059, 431, 808, 1217, 287, 376, 1188, 353, 508]);
  });
  it('has no more pieces than there are', () =>
    assert.equal(allowedFast('1.2.3.4', new Uint8Array(20), 3, hashes).length, 3));
});

describe('smart ban', () => {
  const hash = (...values: number[]): Uint8Array => {
    const out = new Uint8Array(32 * values.length);
    values.forEach((value, i) => out.fill(value, 32 * i, 32 * i + 32));
    return out;
  };
  it('names the peer that sent all of a wrong piece', () => {
    assert.equal(new SmartBan().failed(1, hash(1, 2), Uint32Array.of(7, 7)), 7);
    assert.equal(new SmartBan().failed(1, hash(1, 2), Uint32Array.of(0, 7)), 7, 'padding is nobody’s');
  });
  it('names those whose blocks differ from the right ones, in any failure', () => {
    const ban = new SmartBan();
    assert.equal(ban.failed(1, hash(1, 9, 3), Uint32Array.of(5, 6, 7)), 0);
    assert.equal(ban.failed(1, hash(8, 2, 3), Uint32Array.of(6, 5, 8)), 0);
    assert.ok(ban.suspects(1));
    assert.deepEqual(ban.passed(1, hash(1, 2, 3)), new Set([6]));
    assert.ok(!ban.suspects(1));
  });
  it('blames nobody without hashes', () => {
    const ban = new SmartBan();
    ban.failed(1, hash(1, 2), Uint32Array.of(1, 2));
    assert.deepEqual(ban.passed(1, undefined), new Set());
  });
});

describe('the book of candidates', () => {
  it('gives the one with the highest priority first, each once', () => {
    const book = new PeerBook(10);
    book.add(at(1), 'dht', 5, false);
    book.add(at(2), 'pex', 9, false);
    assert.equal(book.add(at(2), 'tracker', 99, false), false);
    assert.equal(book.next(0, false)?.address.ip, '10.0.0.2');
    assert.equal(book.next(0, false)?.address.ip, '10.0.0.1');
    assert.equal(book.next(0, false), undefined);
  });
  it('waits twice as long after each failure, and forgets in the end', () => {
    const book = new PeerBook(10);
    book.add(at(1), 'dht', 5, false);
    let now = 0;
    for (const wait of [15, 30, 60, 120, 240, 480, 960]) {
      assert.ok(book.next(now, false));
      book.ended(at(1), failed, now);
      assert.equal(book.nextAt, now + wait * 1000);
      assert.equal(book.next(now + wait * 1000 - 1, false), undefined);
      now += wait * 1000;
    }
    assert.ok(book.next(now, false));
    book.ended(at(1), failed, now);
    assert.equal(book.size, 0);
  });
  it('goes back soon, then later and later, to who ended a connection while something is missing', () => {
    const book = new PeerBook(10);
    book.add(at(1), 'user', 5, false);
    let now = 0;
    for (const wait of [2, 4, 8, 16, 30, 30]) {
      assert.ok(book.next(now, false));
      book.ended(at(1), { ...ok, missing: true }, now);
      assert.equal(book.nextAt, now + wait * 1000);
      now += wait * 1000;
    }
    assert.ok(book.next(now, false));
    book.ended(at(1), ok, now);
    assert.equal(book.nextAt, now + 30_000, 'there is no hurry where nothing is missing');
  });
  it('tries at once without encryption whoever knew none', () => {
    const book = new PeerBook(10);
    book.add(at(1), 'dht', 5, false);
    book.next(0, false);
    book.ended(at(1), { useful: false, retryPlain: true }, 0);
    assert.equal(book.next(0, false)?.plain, true);
  });
  it('keeps seeds from a seed', () => {
    const book = new PeerBook(10);
    book.add(at(1), 'dht', 5, true);
    assert.equal(book.next(0, true), undefined);
    book.retry();
    assert.ok(book.next(0, false));
  });
  it('takes no more than its number, no port 0, and nobody that is refused', () => {
    const book = new PeerBook(2);
    assert.equal(book.add({ ip: '10.0.0.1', port: 0 }, 'pex', 1, false), false);
    for (let n = 1; n < 5; n++) book.add(at(n), 'pex', n, false);
    assert.equal(book.size, 2);
    book.refuse(at(2));
    assert.equal(book.next(0, false)?.address.ip, '10.0.0.1');
    assert.equal(book.next(0, false), undefined);
    book.ended(at(2), ok, 0);
    assert.equal(book.next(1e9, false), undefined);
  });
});

describe('metadata from several peers', () => {
  const right = new Uint8Array(40_000).fill(1);
  const fetch = (): MetadataFetch => new MetadataFetch((bytes) => bytes.every((byte) => byte === 1));
  /** Answers all that is asked, each peer with its own bytes, until there is an outcome of use. */
  function answer(fetching: MetadataFetch, contents: ReadonlyMap<number, Uint8Array>, now = 0): MetadataOutcome[] {
    const asked: [number, number][] = [];
    for (const [number, bytes] of contents) {
      const sendMetadataRequest = (piece: number): void => void asked.push([number, piece]);
      fetching.offer({ number, metadataSize: bytes.length, sendMetadataRequest }, now);
    }
    const outcomes: MetadataOutcome[] = [];
    for (let next = asked.shift(), count = 0; next !== undefined && count < 200; next = asked.shift(), count++) {
      const [number, piece] = next;
      const bytes = contents.get(number) as Uint8Array;
      const part = bytes.subarray(piece * 16_384, (piece + 1) * 16_384);
      const outcome = fetching.received(number, piece, bytes.length, part, now);
      if (outcome === 'more') continue;
      outcomes.push(outcome);
      if ('done' in outcome) break;
      for (const guilty of outcome.wrong) fetching.release(guilty, now);
      fetching.fill(now);
    }
    return outcomes;
  }
  it('is put together', () => {
    assert.deepEqual(answer(fetch(), new Map([[1, right]])), [{ done: right }]);
  });
  it('convicts the only one that sent it wrong, and takes another size from another', () => {
    const contents = new Map([
      [1, new Uint8Array(20_000)],
      [2, right],
    ]);
    assert.deepEqual(answer(fetch(), contents), [{ wrong: [1] }, { done: right }]);
  });
  it('that several sent and that is wrong is fetched from one after the other', () => {
    const large = new Uint8Array(200_000).fill(1);
    const wrong = new Uint8Array(200_000).fill(2);
    const contents = new Map([
      [1, wrong],
      [2, large],
    ]);
    assert.deepEqual(answer(fetch(), contents), [{ wrong: [] }, { wrong: [1] }, { done: large }]);
  });
  it('is asked of others when a peer rejects or is silent', () => {
    const fetching = fetch();
    const asked: number[] = [];
    const source = (number: number): { number: number; metadataSize: number; sendMetadataRequest: () => void } => ({
      number,
      metadataSize: 16_000,
      sendMetadataRequest: () => void asked.push(number),
    });
    fetching.offer(source(1), 0);
    fetching.offer(source(2), 0);
    assert.deepEqual(asked, [1]);
    fetching.rejected(1, 0);
    assert.deepEqual(asked, [1, 2]);
    fetching.offer(source(3), 0);
    fetching.fill(10_000);
    assert.deepEqual(asked, [1, 2, 3]);
  });
  it('of another length than announced convicts', () => {
    const fetching = fetch();
    fetching.offer({ number: 1, metadataSize: 40_000, sendMetadataRequest: () => undefined }, 0);
    assert.deepEqual(fetching.received(1, 0, 41_000, new Uint8Array(16_384), 0), { wrong: [1] });
  });
});

describe('a rate limit', () => {
  it('lets its rate through on the average, whatever the pieces are', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 65_536 }), { minLength: 200, maxLength: 200 }), (pieces) => {
        const throttle = new Throttle(100_000, 0);
        let now = 0;
        let total = 0;
        for (const bytes of pieces) {
          now = throttle.opensAt(now);
          assert.ok(throttle.open(now));
          throttle.take(bytes);
          total += bytes;
        }
        now = throttle.opensAt(now);
        assert.ok(Math.abs((total * 1000) / now - 100_000) < 5000, `${(total * 1000) / now}`);
      }),
    );
  });
  it('is none at infinity', () => {
    const throttle = new Throttle(Number.POSITIVE_INFINITY, 0);
    throttle.take(1e12);
    assert.ok(throttle.open(0));
  });
});

describe('the list of wakes', () => {
  it('gives each at the earliest of its times, in order', () => {
    const wakes = new WakeList<string>();
    wakes.set('a', 30);
    wakes.setEarlier('b', 20);
    wakes.setEarlier('a', 10);
    wakes.setEarlier('a', 15);
    wakes.set('c', 5);
    wakes.delete('c');
    assert.equal(wakes.next, 10);
    assert.equal(wakes.take(9), undefined);
    assert.equal(wakes.take(50), 'a');
    assert.equal(wakes.take(50), 'b');
    assert.equal(wakes.take(50), undefined);
    assert.equal(wakes.next, Number.POSITIVE_INFINITY);
  });
});

describe('a heap', () => {
  it('sorts', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), (values) => {
        const heap = new Heap<number>((a, b) => a < b);
        for (const value of values) heap.push(value);
        const sorted = values.map(() => heap.pop());
        assert.deepEqual(
          sorted,
          values.toSorted((a, b) => a - b),
        );
        assert.equal(heap.pop(), undefined);
      }),
    );
  });
});

describe('deadlines', () => {
  it('are in the order of time', () => {
    const deadlines = new Deadlines();
    deadlines.set(5, 300);
    deadlines.set(6, 100);
    deadlines.set(7, 200);
    deadlines.set(5, 50);
    assert.deepEqual(deadlines.pieces, [5, 6, 7]);
    assert.ok(deadlines.delete(6));
    assert.deepEqual(deadlines.pieces, [5, 7]);
    assert.equal(deadlines.at(6), Number.POSITIVE_INFINITY);
  });
});

describe('the list of bans', () => {
  const peer = (ip: string, n: number): { ip: string; id: Uint8Array } => ({ ip, id: new Uint8Array(20).fill(n) });
  it('ends each ban in time and makes room for new ones', () => {
    const bans = new BanList(2);
    assert.ok(bans.ban(peer('10.0.0.1', 1), 0, 100));
    assert.ok(!bans.ban(peer('10.0.0.1', 2), 0, 100), 'already');
    assert.ok(bans.hasAddress('10.0.0.1', 99));
    assert.ok(!bans.hasAddress('10.0.0.1', 100));
    for (const ip of ['b', 'c', 'd']) bans.ban(peer(ip, 1), 0, 1000);
    assert.deepEqual(
      ['b', 'c', 'd'].map((ip) => bans.hasAddress(ip, 0)),
      [false, true, true],
    );
  });
  it('tells peers of this machine apart by their ids', () => {
    const bans = new BanList(9);
    bans.ban(peer('127.0.0.1', 1), 0, 100);
    assert.ok(!bans.hasAddress('127.0.0.1', 0));
    assert.ok(bans.hasId(peer('', 1).id, 0));
    assert.ok(!bans.hasId(peer('', 2).id, 0));
  });
});

describe('what PEX tells', () => {
  it('is changes alone, fifty at a time', () => {
    const book = new PexBook(0);
    const peers = new Map(
      Array.from({ length: 60 }, (_, n) => {
        const peer = { ...at(n), prefersEncryption: false, seed: false, reachable: true };
        return [`${peer.ip} ${peer.port}`, peer] as const;
      }),
    );
    assert.equal(book.delta(peers, 0)?.added.length, 50);
    assert.equal(book.nextAt, 60_000);
    peers.delete('10.0.0.0 1');
    const second = book.delta(peers, 60_000);
    assert.equal(second?.added.length, 10);
    assert.deepEqual(
      second?.dropped.map(({ ip }) => ip),
      ['10.0.0.0'],
    );
    assert.equal(book.delta(peers, 120_000), undefined);
  });
  it('is heard twice a minute at most', () => {
    const book = new PexBook(0);
    assert.ok(book.mayHear(0));
    assert.ok(!book.mayHear(29_999));
    assert.ok(book.mayHear(30_000));
  });
});
