import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { fromHex, toHex } from '@kith/core';
import fc from 'fast-check';
import { TrackerError } from '../../src/tracker/announce.ts';
import { ConnectionIds } from '../../src/tracker/connection-ids.ts';
import { HashLists } from '../../src/tracker/hash-lists.ts';
import { announceUrl, parseHttpAnnounce, parseHttpScrape, scrapeUrl } from '../../src/tracker/http-codec.ts';
import { HttpResponder } from '../../src/tracker/http-responder.ts';
import { type ServiceOptions, TrackerService } from '../../src/tracker/service.ts';
import { sipHash } from '../../src/tracker/siphash.ts';
import { encodeConnect, encodeUdpAnnounce, encodeUdpScrape, parseUdpAnswer } from '../../src/tracker/udp-codec.ts';
import { MOST_ANSWER, UdpResponder } from '../../src/tracker/udp-responder.ts';

/** Bytes that look random and are the same in every run. */
function counting(): (length: number) => Uint8Array {
  let calls = 0;
  return (length) => {
    const mac = createHmac('sha512', 'trackers').update(String(calls++)).digest();
    return Uint8Array.from(mac.subarray(0, length));
  };
}

function serviceWith(options: Partial<ServiceOptions> = {}): TrackerService {
  return new TrackerService({ random: counting(), ...options });
}

const REQUEST = {
  infoHash: new Uint8Array(20).fill(0xab),
  peerId: new Uint8Array(20).fill(0x2d),
  port: 6881,
  uploaded: 1,
  downloaded: 2,
  left: 3,
  key: 0x01020304,
};

class UdpClient {
  readonly source: Uint8Array;
  readonly responder: UdpResponder;
  now = 0;
  id: Uint8Array = new Uint8Array(8);

  constructor(responder: UdpResponder, source: Uint8Array) {
    this.responder = responder;
    this.source = source;
  }

  say(packet: Uint8Array): Uint8Array {
    const out = new Uint8Array(MOST_ANSWER);
    return out.subarray(0, this.responder.respond(packet, this.source, this.now, out));
  }

  connect(): this {
    const answer = parseUdpAnswer(this.say(encodeConnect(7)), this.source.length === 4 ? 4 : 6);
    assert.equal(answer.kind, 'connect');
    if (answer.kind === 'connect') this.id = answer.connectionId;
    return this;
  }

  announce(change: Partial<typeof REQUEST> & { event?: 'started' | 'completed' | 'stopped'; wanted?: number } = {}) {
    const packet = encodeUdpAnnounce(this.id, 9, { ...REQUEST, ...change }, new Uint8Array(0));
    return parseUdpAnswer(this.say(packet), this.source.length === 4 ? 4 : 6);
  }
}

function udpOf(service: TrackerService): UdpResponder {
  return new UdpResponder(service, new ConnectionIds(counting()));
}

function peersOf(answer: ReturnType<UdpClient['announce']>): string[] {
  assert.equal(answer.kind, 'announce');
  return answer.kind === 'announce' ? answer.answer.peers.map((peer) => `${peer.ip} ${peer.port}`).sort() : [];
}

test('SipHash-2-4 gives the vectors of its authors', () => {
  const key = Uint32Array.from([0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c]);
  const expected: readonly (readonly [number, string])[] = [
    [0, '310e0edd47db6f72'],
    [1, 'fd67dc93c539f874'],
    [7, '37d1018bf50002ab'],
    [8, '6224939a79f5f593'],
    [15, 'e545be4961ca29a1'],
    [63, '724506eb4c328a95'],
  ];
  for (const [length, digest] of expected) {
    const out = new Uint8Array(8);
    sipHash(
      key,
      Uint8Array.from({ length }, (_, i) => i),
      out,
      0,
    );
    assert.equal(toHex(out), digest, `${length} bytes`);
  }
});

test('a connection id holds for two minutes, for the address it was given to, and for nobody else', () => {
  const ids = new ConnectionIds(counting());
  const mine = Uint8Array.from([192, 0, 2, 1]);
  const id = new Uint8Array(8);
  ids.issue(mine, 59_999, id, 0);
  assert.equal(ids.check(mine, 59_999 + 120_000, id, 0), true);
  assert.equal(ids.check(mine, 180_000, id, 0), false);
  assert.equal(ids.check(Uint8Array.from([192, 0, 2, 2]), 60_000, id, 0), false);
  assert.equal(new ConnectionIds(counting()).check(mine, 60_000, id, 0), false);
  // Three windows later the slot has another secret.
  ids.issue(mine, 240_000, new Uint8Array(8), 0);
  assert.equal(ids.check(mine, 240_000, id, 0), false);
});

test('UDP peers find each other, on IPv6 with addresses of 16 bytes, and never across families', () => {
  const responder = udpOf(serviceWith());
  const first = new UdpClient(responder, Uint8Array.from([192, 0, 2, 1])).connect();
  const second = new UdpClient(responder, Uint8Array.from([192, 0, 2, 2])).connect();
  const third = new UdpClient(responder, fromHex('20010db8000000000000000000000003')).connect();
  const fourth = new UdpClient(responder, fromHex('20010db8000000000000000000000004')).connect();
  assert.deepEqual(peersOf(first.announce({ port: 1111 })), []);
  assert.deepEqual(peersOf(second.announce({ port: 2222 })), ['192.0.2.1 1111']);
  assert.deepEqual(peersOf(third.announce({ port: 3333 })), []);
  assert.deepEqual(peersOf(fourth.announce({ port: 4444, left: 0 })), ['2001:db8::3 3333']);
  const counts = parseUdpAnswer(fourth.say(encodeUdpScrape(fourth.id, 5, [REQUEST.infoHash, new Uint8Array(20)])), 6);
  assert.deepEqual(counts.kind === 'scrape' && counts.counts, [
    { seeds: 1, downloaded: 0, leechers: 3 },
    { seeds: 0, downloaded: 0, leechers: 0 },
  ]);
  assert.deepEqual(peersOf(first.announce({ port: 1111, event: 'stopped' })), []);
  assert.deepEqual(peersOf(second.announce({ port: 2222 })), []);
});

test('a forged connection id lists nobody and is not worth sending: the answer is shorter than the question', () => {
  const service = serviceWith();
  const client = new UdpClient(udpOf(service), Uint8Array.from([192, 0, 2, 1]));
  const packet = encodeUdpAnnounce(fromHex('0000041727101980'), 1, REQUEST, new Uint8Array(0));
  const answer = client.say(packet);
  assert.equal(parseUdpAnswer(answer, 4).kind, 'error');
  assert.ok(answer.length < packet.length);
  assert.equal(client.say(encodeUdpScrape(new Uint8Array(8), 1, [REQUEST.infoHash])).length, 0);
  assert.deepEqual([service.swarms.peers, service.counts.udpForged], [0, 2]);
});

test('the address in a UDP announce is not believed', () => {
  const service = serviceWith();
  const responder = udpOf(service);
  const liar = new UdpClient(responder, Uint8Array.from([192, 0, 2, 1])).connect();
  const packet = encodeUdpAnnounce(liar.id, 1, REQUEST, new Uint8Array(0));
  packet.set([203, 0, 113, 99], 84);
  liar.say(packet);
  const other = new UdpClient(responder, Uint8Array.from([192, 0, 2, 2])).connect();
  assert.deepEqual(peersOf(other.announce()), ['192.0.2.1 6881']);
});

test('a UDP answer stays below the smallest MTU, however many peers are asked for', () => {
  for (const bytes of [4, 16]) {
    const responder = udpOf(serviceWith({ peersPerAddress: 0 }));
    for (let i = 1; i <= 300; i++) {
      const source = new Uint8Array(bytes).fill(32);
      source.set([i >> 8, i & 255], bytes - 2);
      const client = new UdpClient(responder, source).connect();
      client.announce();
      if (i < 300) continue;
      const answer = client.say(encodeUdpAnnounce(client.id, 1, { ...REQUEST, wanted: 5000 }, new Uint8Array(0)));
      assert.ok(answer.length > 1150 && answer.length <= MOST_ANSWER, `${answer.length}`);
    }
  }
});

test('any UDP packet is answered with nothing, or with something that the client reads', () => {
  const service = serviceWith();
  const client = new UdpClient(udpOf(service), Uint8Array.from([192, 0, 2, 1])).connect();
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.boolean(),
      fc.integer({ min: 0, max: 4 }),
      (bytes, own, action) => {
        const packet = bytes.slice();
        if (own && packet.length >= 12) {
          packet.set(client.id);
          packet.set([0, 0, 0, action], 8);
        }
        const answer = client.say(packet);
        if (answer.length > 0) parseUdpAnswer(answer, 4);
      },
    ),
  );
});

function httpOf(options: Partial<ServiceOptions> = {}): { service: TrackerService; http: HttpResponder } {
  const service = serviceWith(options);
  return { service, http: new HttpResponder(service) };
}

function queryOf(
  change: Partial<typeof REQUEST> & { event?: 'started' | 'completed' | 'stopped'; wanted?: number },
): string {
  return announceUrl('', { ...REQUEST, ...change }).slice(1);
}

const V4 = (last: number) => Uint8Array.from([192, 0, 2, last]);
const V6 = (last: number) => Uint8Array.from([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);

test('HTTP peers of both families find each other, told apart by where they came from', () => {
  const { http } = httpOf();
  const first = parseHttpAnnounce(http.announce(queryOf({ port: 1 }), V4(1), 0));
  assert.deepEqual([first.peers, first.leechers, first.interval, first.externalIp], [[], 1, 1800, V4(1)]);
  const mapped = Uint8Array.from([...new Array<number>(10).fill(0), 255, 255, 192, 0, 2, 2]);
  const second = parseHttpAnnounce(http.announce(queryOf({ port: 2, left: 0 }), mapped, 0));
  assert.deepEqual(second.peers, [{ ip: '192.0.2.1', port: 1 }]);
  assert.deepEqual(second.externalIp, V4(2));
  const third = parseHttpAnnounce(http.announce(queryOf({ port: 3 }), V6(3), 0));
  assert.deepEqual(third.peers.map((peer) => `${peer.ip} ${peer.port}`).sort(), ['192.0.2.1 1', '192.0.2.2 2']);
  const one = parseHttpAnnounce(http.announce(queryOf({ port: 4, wanted: 1 }), V6(4), 0));
  assert.deepEqual(one.peers, [{ ip: '2001:db8::3', port: 3 }]);
  const none = parseHttpAnnounce(http.announce(queryOf({ port: 4, wanted: 0 }), V6(4), 0));
  assert.deepEqual([none.peers, none.seeds, none.leechers], [[], 1, 3]);
});

test('the long form of peers is given on request', () => {
  const { http } = httpOf();
  http.announce(queryOf({ port: 1 }), V4(1), 0);
  http.announce(queryOf({ port: 2 }), V6(2), 0);
  const answer = parseHttpAnnounce(http.announce(`${queryOf({ port: 3 })}&compact=0`, V4(3), 0));
  assert.deepEqual(answer.peers, [
    { ip: '192.0.2.1', port: 1 },
    { ip: '2001:db8::2', port: 2 },
  ]);
});

test('a scrape tells of what is asked for, each once; of everything only where that is allowed', () => {
  const { http } = httpOf();
  const hash = (byte: number) => new Uint8Array(20).fill(byte);
  for (const byte of [9, 0, 7]) http.announce(queryOf({ infoHash: hash(byte), left: byte }), V4(1), 0);
  const url = scrapeUrl('http://t/announce?k=1', [hash(9), hash(0), hash(9), hash(3)]) ?? '';
  const entries = parseHttpScrape(http.scrape(url.slice(url.indexOf('?') + 1)) ?? new Uint8Array());
  assert.deepEqual(
    entries.map((entry) => [entry.infoHash[0], entry.seeds, entry.leechers]),
    [
      [0, 1, 0],
      [9, 0, 1],
    ],
  );
  assert.throws(() => parseHttpScrape(http.scrape('') ?? new Uint8Array()), { failure: 'refused' });

  const open = httpOf({ fullScrape: true, peersPerAddress: 0 });
  for (let i = 0; i < 2_500; i++) {
    const infoHash = hash(0);
    infoHash.set([i >> 8, i & 255]);
    open.http.announce(queryOf({ infoHash }), V4(1), 0);
  }
  assert.equal(open.http.scrape(''), undefined);
  const chunks = [...open.http.fullScrape()];
  assert.equal(chunks.length, 3);
  assert.equal(parseHttpScrape(Buffer.concat(chunks)).length, 2_500);
});

test('a denied torrent is refused with a reason, as is every other than the allowed', () => {
  const denying = new HashLists({ deny: [REQUEST.infoHash] });
  const denied = httpOf({ permits: (hash) => denying.permits(hash) });
  assert.throws(() => parseHttpAnnounce(denied.http.announce(queryOf({}), V4(1), 0)), {
    failure: 'refused',
    message: 'this tracker does not track this torrent',
  });
  const allowing = new HashLists({ allow: [REQUEST.infoHash] });
  const allowed = httpOf({ permits: (hash) => allowing.permits(hash) });
  assert.equal(parseHttpAnnounce(allowed.http.announce(queryOf({}), V4(1), 0)).leechers, 1);
  const other = queryOf({ infoHash: new Uint8Array(20) });
  assert.throws(() => parseHttpAnnounce(allowed.http.announce(other, V4(1), 0)), { failure: 'refused' });
});

test('any query is answered with a body that the client reads, and a wrong one with a reason', () => {
  const { http } = httpOf();
  const piece = fc.oneof(
    fc.constantFrom('info_hash=', 'port=', 'left=0', '%', '%0', '&', '=', 'numwant=', 'event=stopped', 'compact=0'),
    fc.constant(queryOf({}).slice(0, 70)),
    fc.string({ maxLength: 30 }),
    fc.nat().map(String),
  );
  const readable = (read: () => unknown) => {
    try {
      read();
    } catch (error) {
      assert.ok(error instanceof TrackerError && error.failure === 'refused', String(error));
    }
  };
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      readable(() => parseHttpAnnounce(http.announce(pieces.join(''), V4(1), 0)));
      readable(() => parseHttpScrape(http.scrape(pieces.join('')) ?? new Uint8Array()));
    }),
    { numRuns: 2_000 },
  );
  for (const [query, reason] of [
    ['port=1', 'info_hash is missing'],
    ['info_hash=%zz&port=1', 'info_hash has not 20 bytes'],
    [queryOf({}).replace('port=6881', 'port=70000'), 'port is missing or no port'],
  ] as const) {
    assert.throws(() => parseHttpAnnounce(http.announce(query, V4(1), 0)), { message: reason });
  }
});

test('who listens on no port gets peers and is not listed', () => {
  const { http, service } = httpOf();
  http.announce(queryOf({}), V4(1), 0);
  const answer = parseHttpAnnounce(http.announce(queryOf({ port: 0 }), V4(2), 0));
  assert.deepEqual(answer.peers, [{ ip: '192.0.2.1', port: 6881 }]);
  assert.equal(service.swarms.peers, 1);
});
