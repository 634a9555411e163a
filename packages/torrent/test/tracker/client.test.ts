import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8 } from '@kith/core';
import fc from 'fast-check';
import { encode } from '../../src/bencode.ts';
import { TrackerError } from '../../src/tracker/announce.ts';
import { announceUrl, parseHttpAnnounce, parseHttpScrape, scrapeUrl } from '../../src/tracker/http-codec.ts';
import { AnnounceSchedule } from '../../src/tracker/schedule.ts';
import { encodeConnect, encodeUdpAnnounce, parseUdpAnswer } from '../../src/tracker/udp-codec.ts';
import { formatRelayAnnounce, parseRelayMessage, parseRelayRequest, RELAY_LIMITS } from '../../src/tracker/ws-codec.ts';

const REQUEST = {
  infoHash: Uint8Array.from({ length: 20 }, (_, i) => i * 13),
  peerId: utf8('-KI0001-abcdefghijkl'),
  port: 6881,
  uploaded: 1,
  downloaded: 2 ** 33 + 5,
  left: 3,
  key: 0x0102ffff,
};

const answer = (value: Record<string, unknown>) => parseHttpAnnounce(encode(value as never));

function typedOnly(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof TrackerError, String(error));
  }
}

test('an announce becomes a URL that keeps the query of the tracker', () => {
  assert.equal(
    announceUrl('http://t.example/announce?passkey=x#f', {
      ...REQUEST,
      event: 'started',
      wanted: 7,
      trackerId: utf8('a b'),
    }),
    'http://t.example/announce?passkey=x&info_hash=%00%0D%1A%274AN%5Bhu%82%8F%9C%A9%B6%C3%D0%DD%EA%F7'.replace(
      '[email]',
      '%5Bhu',
    ) +
      '&peer_id=-KI0001-abcdefghijkl&port=6881&uploaded=1&downloaded=8589934597&left=3&compact=1&key=0102ffff' +
      '&numwant=7&event=started&trackerid=a%20b',
  );
});

test('a scrape stands where the announce does, and nowhere else', () => {
  const cases = [
    ['http://t/announce', 'http://t/scrape?'],
    ['http://t/x/announce.php?k=1', 'http://t/x/scrape.php?k=1&'],
    ['http://t/announce/', undefined],
    ['http://t/a', undefined],
    ['http://t/a?b=/announce', undefined],
  ] as const;
  for (const [url, start] of cases) {
    const scrape = scrapeUrl(url, [new Uint8Array(20)]);
    assert.equal(scrape, start === undefined ? undefined : `${start}info_hash=${'%00'.repeat(20)}`, url);
  }
});

test('an HTTP answer in any of its forms is read; what nobody can be is passed over', () => {
  const compact = answer({
    interval: 1800,
    'min interval': 900,
    complete: 5,
    incomplete: -1,
    peers: Uint8Array.from([192, 0, 2, 1, 26, 225, 0, 0, 0, 0, 1, 1, 192, 0, 2, 2, 0, 0]),
    peers6: Uint8Array.from([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 80]),
    'external ip': Uint8Array.from([203, 0, 113, 9]),
    'tracker id': 'abc',
    'warning message': 'slow\u0007 down',
  });
  assert.deepEqual(compact, {
    interval: 1800,
    minInterval: 900,
    seeds: 5,
    peers: [
      { ip: '192.0.2.1', port: 6881 },
      { ip: '2001:db8::1', port: 80 },
    ],
    externalIp: Uint8Array.from([203, 0, 113, 9]),
    trackerId: utf8('abc'),
    warning: 'slow  down',
  });
  const long = answer({
    interval: 1,
    peers: [
      { ip: '192.0.2.3', port: 1 },
      { ip: '::ffff:192.0.2.4', port: 2 },
      { ip: 'name.example', port: 3 },
      { ip: '2001:db8::5', port: 65536 },
    ],
  });
  assert.deepEqual(long.peers, [
    { ip: '192.0.2.3', port: 1 },
    { ip: '192.0.2.4', port: 2 },
  ]);
  // A tracker can't make this node hammer it.
  assert.equal(long.interval, 30);
});

test('a refusal carries the reason and when to come back', () => {
  const refused = (value: Record<string, unknown>, retryIn: unknown) =>
    assert.throws(() => answer(value), { failure: 'refused', message: 'no', retryIn });
  refused({ 'failure reason': 'no' }, undefined);
  refused({ 'failure reason': 'no', 'retry in': 5 }, 300);
  refused({ 'failure reason': 'no', 'retry in': 'never' }, 'never');
  assert.throws(() => answer({ 'failure reason': 5 }), { failure: 'malformed' });
  assert.throws(() => answer({ peers: '' }), { failure: 'malformed', message: 'the answer has no interval' });
  assert.throws(() => answer({ interval: 1800, peers: '12345' }), { failure: 'malformed' });
});

test('UDP requests have the layout of BEP 15, and the options of BEP 41 behind it', () => {
  assert.equal(Buffer.from(encodeConnect(0xfffefdfc)).toString('hex'), '000004172710198000000000fffefdfc');
  const id = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]);
  const packet = Buffer.from(encodeUdpAnnounce(id, 9, { ...REQUEST, event: 'completed' }, utf8('/announce?k=1')));
  const expected = [
    '0102030405060708',
    '00000001',
    '00000009',
    Buffer.from(REQUEST.infoHash).toString('hex'),
    Buffer.from(REQUEST.peerId).toString('hex'),
    '0000000200000005',
    '0000000000000003',
    '0000000000000001',
    '00000001',
    '00000000',
    '0102ffff',
    'ffffffff',
    '1ae1',
    `020d${Buffer.from('/announce?k=1').toString('hex')}00`,
  ];
  assert.equal(packet.toString('hex'), expected.join(''));
  assert.equal(encodeUdpAnnounce(id, 9, REQUEST, new Uint8Array(300)).length, 98 + 300 + 4 + 1);
});

test('UDP answers of a wrong length are malformed, an empty announce is the refusal that it is meant as', () => {
  const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));
  assert.throws(() => parseUdpAnswer(bytes('00000001000000'), 4), { failure: 'malformed' });
  assert.throws(() => parseUdpAnswer(bytes('0000000100000009'), 4), { failure: 'refused' });
  assert.throws(() => parseUdpAnswer(bytes(`0000000100000009${'00'.repeat(12)}010203`), 4), { failure: 'malformed' });
  assert.throws(() => parseUdpAnswer(bytes('0000000700000009'), 4), { failure: 'malformed' });
  assert.deepEqual(parseUdpAnswer(bytes('00000003000000096e6f'), 4), { kind: 'error', transaction: 9, reason: 'no' });
});

test('whatever bytes come, only typed errors come out', () => {
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 3 },
      fc.integer(),
      fc.uint8Array({ maxLength: 20 }),
      fc.array(tie('any'), { maxLength: 4 }),
      fc.dictionary(
        fc.constantFrom(
          'peers',
          'peers6',
          'interval',
          'files',
          'ip',
          'port',
          'failure reason',
          'retry in',
          'complete',
          'aaaaaaaaaaaaaaaaaaaa',
        ),
        tie('any'),
        { maxKeys: 5 },
      ),
    ),
  })).any;
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 120 }),
      value,
      fc.constantFrom(4 as const, 6 as const),
      (bytes, said, family) => {
        const body = encode(said as never);
        for (const input of [bytes, body, body.subarray(0, body.length - 1)]) {
          typedOnly(() => parseHttpAnnounce(input));
          typedOnly(() => parseHttpScrape(input));
          typedOnly(() => parseUdpAnswer(input, family));
        }
      },
    ),
    { numRuns: 500 },
  );
  const json = fc.record(
    {
      action: fc.constantFrom('announce', 'scrape', 'x'),
      info_hash: fc.oneof(fc.constant('a'.repeat(20)), fc.array(fc.string()), fc.string()),
      peer_id: fc.oneof(fc.constant('p'.repeat(20)), fc.anything()),
      to_peer_id: fc.constant('q'.repeat(20)),
      offer_id: fc.oneof(fc.constant('o'), fc.string({ minLength: 60, maxLength: 70 })),
      offer: fc.anything(),
      answer: fc.oneof(fc.constant({ type: 'answer', sdp: '' }), fc.anything()),
      offers: fc.oneof(fc.array(fc.anything()), fc.anything()),
      numwant: fc.anything(),
      files: fc.oneof(fc.dictionary(fc.string(), fc.anything()), fc.constant(null)),
      interval: fc.anything(),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.json(),
        fc.string(),
        json.map((said) => JSON.stringify(said)),
      ),
      (text) => {
        typedOnly(() => parseRelayRequest(text));
        typedOnly(() => parseRelayMessage(text));
      },
    ),
    { numRuns: 2_000 },
  );
});

test('what is said to a WebSocket tracker is what it understands; size and number of offers are bounded', () => {
  const offers = Array.from({ length: 30 }, (_, i) => ({
    offerId: String(i).padStart(20, '\u00ff'),
    sdp: `offer ${i}`,
  }));
  const read = parseRelayRequest(formatRelayAnnounce({ ...REQUEST, event: 'started' }, offers));
  assert.equal(read.kind, 'announce');
  if (read.kind !== 'announce') return;
  assert.deepEqual(read.offers, offers.slice(0, RELAY_LIMITS.offers));
  assert.deepEqual([read.event, read.seed, read.wanted, read.infoHash.charCodeAt(19)], ['started', false, 30, 247]);
  const withHex = JSON.stringify({
    action: 'announce',
    info_hash: 'EF'.repeat(20),
    peer_id: 'p'.repeat(20),
    left: null,
  });
  const tolerant = parseRelayRequest(withHex);
  assert.deepEqual(tolerant.kind === 'announce' && [tolerant.infoHash, tolerant.seed], ['\u00ef'.repeat(20), false]);
  const big = { offer: { type: 'offer', sdp: 'x'.repeat(RELAY_LIMITS.sdp + 1) }, offer_id: 'o' };
  const tooBig = JSON.stringify({
    action: 'announce',
    info_hash: 'h'.repeat(20),
    peer_id: 'p'.repeat(20),
    offers: [big],
  });
  assert.throws(() => parseRelayRequest(tooBig), { failure: 'malformed' });
});

const OK = { interval: 1800, peers: [] };
const DEAD = new TrackerError('unreachable', 'connection refused');
const half = () => Uint8Array.from([128, 0]);

/** Asks and answers for a while: what was said, as `ms url event`. */
function drive(
  schedule: AnnounceSchedule,
  until: number,
  reply: (url: string, now: number) => typeof OK | TrackerError,
): string[] {
  const said: string[] = [];
  for (let now = 0; now <= until; now = Math.max(now + 1, Math.ceil(schedule.wake))) {
    for (const due of schedule.poll(now)) {
      said.push(`${now} ${due.url} ${due.event ?? '-'}`);
      const result = reply(due.url, now);
      if (result instanceof TrackerError) schedule.failed(due.url, result, now);
      else schedule.succeeded(due.url, result, now);
    }
  }
  return said;
}

test('backups are asked when the first fails, the one that answers stays, and other tiers rest', () => {
  const schedule = new AnnounceSchedule({ tiers: [['a', 'b'], ['c']], random: half });
  const first = schedule.status().map(({ url }) => url);
  const [dead = '', alive = ''] = first;
  const said = drive(schedule, 3_600_000, (url) => (url === dead ? DEAD : OK));
  assert.deepEqual(said, [`0 ${dead} started`, `1 ${alive} started`, `1800001 ${alive} -`]);
  assert.deepEqual(
    schedule.status().map(({ url, state }) => `${url} ${state}`),
    [`${alive} working`, `${dead} failing`, 'c waiting'],
  );
});

test('a tier serves while all before it fail, and rests when they are back', () => {
  const schedule = new AnnounceSchedule({ tiers: [['a'], ['b']], random: half });
  const said = drive(schedule, 1_900_000, (url, now) => (url === 'a' && now < 10_000 ? DEAD : OK));
  assert.deepEqual(said, ['0 a started', '1 b started', '5000 a started', '15000 a started', '1815000 a -']);
});

test('with all tiers at once each has its tracker', () => {
  const schedule = new AnnounceSchedule({ tiers: [['a'], ['b'], ['a']], random: half, allTiers: true });
  assert.deepEqual(
    drive(schedule, 1_000_000, () => OK),
    ['0 a started', '0 b started'],
  );
});

test('a tracker that is down is asked within two minutes of its return for the first twenty minutes, later rarely', () => {
  const schedule = new AnnounceSchedule({ tiers: [['a']], random: half });
  const times = drive(schedule, 4_000_000, () => DEAD).map((line) => Number(line.split(' ')[0]));
  const waits = times.slice(1).map((time, i) => Math.round((time - (times[i] ?? 0)) / 1000));
  assert.deepEqual(waits.slice(0, 13), [5, 10, 20, 40, 80, 120, 120, 120, 120, 120, 120, 120, 900]);
  assert.equal(schedule.status()[0]?.reason, 'connection refused');
});

test('"completed" and "stopped" are said once, to those who heard "started"', () => {
  const schedule = new AnnounceSchedule({ tiers: [['a'], ['b']], random: half });
  const ask = (now: number) =>
    schedule.poll(now).map((due) => {
      schedule.succeeded(due.url, OK, now);
      return `${due.url} ${due.event ?? '-'}`;
    });
  assert.deepEqual(ask(0), ['a started']);
  schedule.complete(1_000);
  assert.deepEqual([ask(1_000), ask(1_001)], [['a completed'], []]);
  schedule.hurry(2_000);
  assert.deepEqual([ask(2_000), ask(61_000)], [[], ['a -']]);
  schedule.stop();
  assert.deepEqual([ask(62_000), ask(62_001), schedule.done], [['a stopped'], [], true]);
});

test('a refusal for good is final, and a wish for a later time is met', () => {
  const schedule = new AnnounceSchedule({ tiers: [['a'], ['b']], random: half });
  const said = drive(
    schedule,
    700_000,
    (url) => new TrackerError('refused', 'no', { retryIn: url === 'a' ? 'never' : 600 }),
  );
  assert.deepEqual(said, ['0 a started', '1 b started', '600001 b started']);
  assert.equal(schedule.status()[0]?.state, 'given-up');
});
