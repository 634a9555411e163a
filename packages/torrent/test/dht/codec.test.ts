import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { concat, fromHex, parseAddress, toHex, utf8 } from '@kith/core';
import fc from 'fast-check';
import { encode } from '../../src/bencode.ts';
import { DhtNode } from '../../src/dht/dht-node.ts';
import { commonPrefix, compareDistance, idBeside } from '../../src/dht/distance.ts';
import { DhtError } from '../../src/dht/error.ts';
import { checkItem, itemTarget, type MutableItem, mutableTarget, signItem } from '../../src/dht/item.ts';
import { encodeAnswer, encodeQuery, encodeRefusal, type Message, parseMessage } from '../../src/dht/krpc.ts';
import { isSecureId, secureId } from '../../src/dht/secure-id.ts';
import { encodeDhtState, parseDhtState } from '../../src/dht/state.ts';
import { Tokens } from '../../src/dht/tokens.ts';
import { crypto, hashes, hashOf, seeded } from './support.ts';

const LIMITS = { nodes: 16, peers: 100 };
const QUERYING = utf8('abcdefghij0123456789');
const QUERIED = utf8('mnopqrstuvwxyz123456');
const parse = (text: string): Message => parseMessage(utf8(text), LIMITS);

describe('messages of BEP 5', () => {
  it('ping is asked and answered as in the specification', () => {
    const query = parse('d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe');
    assert.ok(query.kind === 'query' && query.method === 'ping');
    assert.deepEqual(query.id, QUERYING);
    assert.equal(query.readOnly, false);
    const answer = parse('d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re');
    assert.ok(answer.kind === 'answer');
    assert.deepEqual([answer.id, answer.transaction], [QUERIED, utf8('aa')]);
  });

  it('find_node, get_peers and announce_peer are read as in the specification', () => {
    const find = parse('d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q9:find_node1:t2:aa1:y1:qe');
    assert.ok(find.kind === 'query' && find.method === 'find_node');
    assert.deepEqual(find.target, QUERIED);
    const get = parse(
      'd1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q9:get_peers1:t2:aa1:y1:qe',
    );
    assert.ok(get.kind === 'query' && get.method === 'get_peers');
    const values = parse('d1:rd2:id20:abcdefghij01234567895:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re');
    assert.ok(values.kind === 'answer');
    assert.deepEqual(values.token, utf8('aoeusnth'));
    assert.deepEqual(values.peers, [
      { ip: '97.120.106.101', port: 11_893 },
      { ip: '105.100.104.116', port: 28_269 },
    ]);
    const announce = (implied: string) =>
      parse(
        `d1:ad2:id20:abcdefghij0123456789${implied}9:info_hash20:mnopqrstuvwxyz1234564:porti6881e5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe`,
      );
    const [explicit, implied] = [announce(''), announce('12:implied_porti1e')];
    assert.ok(explicit.kind === 'query' && explicit.method === 'announce_peer' && explicit.port === 6881);
    assert.ok(implied.kind === 'query' && implied.method === 'announce_peer' && implied.port === undefined);
  });

  it('errors are read as in the specification, and written so', () => {
    const refusal = parse('d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee');
    assert.ok(refusal.kind === 'refusal');
    assert.deepEqual([refusal.code, refusal.reason], [201, 'A Generic Error Ocurred']);
    assert.deepEqual(parseMessage(encodeRefusal(utf8('aa'), 201, 'A Generic Error Ocurred'), LIMITS), refusal);
  });

  it('what is asked over IPv4 for nodes of IPv6 is understood, and its answer too (BEP 32)', () => {
    const query = parseMessage(
      encodeQuery(utf8('aa'), 'find_node', { id: QUERYING, target: QUERIED, want: ['n6'] }, true),
      LIMITS,
    );
    assert.ok(query.kind === 'query' && query.method === 'find_node');
    assert.deepEqual(query.want, [6]);
    assert.equal(query.readOnly, true);
    const nodes6 = concat(QUERIED, fromHex('20010db8000000000000000000000001'), fromHex('1ae1'));
    const values = [concat(fromHex('20010db8000000000000000000000002'), fromHex('1ae1'))];
    const answer = parseMessage(
      encodeAnswer(utf8('aa'), { id: QUERYING, nodes6, values }, fromHex('0102030405ff')),
      LIMITS,
    );
    assert.ok(answer.kind === 'answer');
    assert.deepEqual(answer.nodes6, [{ id: QUERIED, ip: '2001:db8::1', port: 6881 }]);
    assert.deepEqual(answer.peers, [{ ip: '2001:db8::2', port: 6881 }]);
    assert.equal(answer.externalIp, '1.2.3.4');
  });

  it('takes so many nodes and peers and no more', () => {
    const node = (i: number) => concat(hashOf(`${i}`), Uint8Array.of(9, 9, 9, 9, 1, 1));
    const nodes = concat(...Array.from({ length: 90 }, (_, i) => node(i)));
    const values = Array.from({ length: 200 }, (_, i) => Uint8Array.of(9, 9, 9, i, 1, 1));
    const answer = parseMessage(encode({ r: { id: QUERIED, nodes, values }, t: 'aa', y: 'r' }), {
      nodes: 16,
      peers: 7,
    });
    assert.ok(answer.kind === 'answer');
    assert.deepEqual([answer.nodes.length, answer.peers.length], [16, 7]);
    const long = encode({ r: { id: QUERIED, values: [...values, ...values, ...values] }, t: 'aa', y: 'r' });
    assert.throws(() => parseMessage(long, LIMITS), DhtError);
  });
});

describe('ids bound to addresses (BEP 42)', () => {
  const TABLE = [
    ['124.31.75.21', 1, '5fbfbf'],
    ['21.75.31.124', 86, '5a3ce9'],
    ['65.23.51.170', 22, 'a5d432'],
    ['84.124.73.14', 65, '1b0321'],
    ['43.213.53.83', 90, 'e56f6c'],
  ] as const;
  for (const [ip, rand, prefix] of TABLE) {
    it(`${ip} with ${rand} begins with ${prefix}`, () => {
      const id = new Uint8Array(20);
      id.set(fromHex(prefix));
      id[19] = rand;
      assert.equal(isSecureId(id, parseAddress(ip)), true);
      const made = secureId(parseAddress(ip), (length) => new Uint8Array(length).fill(rand));
      assert.equal(toHex(made.subarray(0, 2)), prefix.slice(0, 4));
      assert.equal((made[2] as number) & 0xf8, Number.parseInt(prefix.slice(4), 16) & 0xf8);
      id[0] = (id[0] as number) ^ 1;
      assert.equal(isSecureId(id, parseAddress(ip)), false);
    });
  }

  it('what is made fits, for both families, and local addresses may have any', () => {
    const random = seeded('ids');
    for (const ip of ['8.8.8.8', '2001:db9:1:2:3:4:5:6'].map((text) => parseAddress(text))) {
      assert.ok(isSecureId(secureId(ip, random), ip));
      assert.ok(!isSecureId(new Uint8Array(20), ip));
    }
    for (const ip of ['10.1.2.3', '127.0.0.1', '192.168.1.1', 'fe80::1', '::1']) {
      assert.ok(isSecureId(new Uint8Array(20), parseAddress(ip)), ip);
    }
  });
});

describe('values (BEP 44)', () => {
  const key = fromHex('77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548');
  const value = utf8('12:Hello World!');
  const plain: MutableItem = {
    ...{ key, value, sequence: 1, salt: new Uint8Array(0) },
    signature: fromHex(
      '305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01',
    ),
  };
  const salted: MutableItem = {
    ...{ key, value, sequence: 1, salt: utf8('foobar') },
    signature: fromHex(
      '6834284b6b24c3204eb2fea824d82f88883a3d95e8b4a21b8c0ded553d17d17ddf9a8a7104b1258f30bed3787e6cb896fca78c58f8e03b5f18f14951a87d9a08',
    ),
  };

  it('test vectors 1 to 3: targets and signatures', () => {
    assert.equal(toHex(itemTarget(plain, hashes)), '4a533d47ec9c7d95b1ad75f576cffc641853b750');
    assert.equal(toHex(itemTarget(salted, hashes)), '411eba73b6f087ca51a3795d9c8c938d365e32c1');
    assert.equal(toHex(itemTarget({ value }, hashes)), 'e5f96f6f38320f0f33959cb4d3d656452117aadb');
    assert.doesNotThrow(() => checkItem(plain, crypto));
    assert.doesNotThrow(() => checkItem(salted, crypto));
  });

  it('a signature for another sequence, salt or value is none', () => {
    for (const change of [{ sequence: 2 }, { salt: utf8('foobaz') }, { value: utf8('12:Hello world!') }]) {
      assert.throws(() => checkItem({ ...salted, ...change }, crypto), { code: 206 });
    }
    const own = signItem(hashes.sha256(utf8('seed')), { value, sequence: 7 }, crypto);
    assert.doesNotThrow(() => checkItem(own, crypto));
    assert.deepEqual(itemTarget(own, hashes), mutableTarget(own.key, new Uint8Array(0), hashes));
  });

  it('more than 1,000 bytes, and salts of more than 64, are refused', () => {
    assert.throws(() => checkItem({ value: new Uint8Array(1001) }, crypto), { code: 205 });
    assert.throws(() => checkItem({ ...plain, salt: new Uint8Array(65) }, crypto), { code: 207 });
  });
});

describe('tokens', () => {
  const [ip, other] = [parseAddress('9.1.1.1'), parseAddress('9.1.1.2')];
  it('hold for their address and target, for five to ten minutes', () => {
    const tokens = new Tokens(seeded('tokens'), 0);
    const token = tokens.issue(ip, QUERIED, 1000);
    assert.ok(tokens.check(token, ip, QUERIED, 299_000));
    assert.ok(tokens.check(token, ip, QUERIED, 301_000));
    assert.ok(!tokens.check(token, other, QUERIED, 301_000));
    assert.ok(!tokens.check(token, ip, QUERYING, 301_000));
    assert.ok(!tokens.check(token, ip, QUERIED, 601_000));
  });
});

describe('distances', () => {
  it('an id beside another shares exactly so many bits', () => {
    const random = seeded('beside');
    for (let bits = 0; bits < 160; bits++) assert.equal(commonPrefix(QUERIED, idBeside(QUERIED, bits, random)), bits);
    assert.equal(commonPrefix(QUERIED, QUERIED), 160);
    assert.ok(compareDistance(QUERIED, QUERIED, QUERYING) < 0);
    assert.equal(compareDistance(QUERIED, QUERYING, QUERYING), 0);
  });
});

describe('the state of a node', () => {
  it('comes back as it was, and rubbish gives a typed error', () => {
    const contacts = [{ id: QUERYING, ip: parseAddress('9.1.1.1'), port: 6881 }];
    const states = new Map([[4, { id: QUERIED, contacts }]] as const);
    assert.deepEqual(parseDhtState(encodeDhtState(states)), states);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          parseDhtState(bytes);
        } catch (error) {
          assert.ok(error instanceof DhtError);
        }
      }),
    );
  });
});

const anything = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.integer(),
    fc.uint8Array({ maxLength: 60 }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      fc.constantFrom(
        't',
        'y',
        'q',
        'a',
        'r',
        'e',
        'id',
        'target',
        'info_hash',
        'token',
        'port',
        'nodes',
        'values',
        'v',
        'k',
        'sig',
        'seq',
        'salt',
        'cas',
        'want',
        'ip',
        'ro',
        'samples',
        'interval',
      ),
      tie('value'),
      { maxKeys: 8 },
    ),
  ),
}));

const query = fc.record({
  t: fc.uint8Array({ maxLength: 40 }),
  y: fc.constantFrom('q', 'r', 'e', 'x'),
  q: fc.constantFrom('ping', 'find_node', 'get_peers', 'announce_peer', 'get', 'put', 'sample_infohashes', 'vote'),
  a: fc.record(
    {
      id: fc.uint8Array({ minLength: 19, maxLength: 20 }),
      target: fc.uint8Array({ minLength: 20, maxLength: 21 }),
      info_hash: fc.oneof(
        fc.uint8Array({ minLength: 20, maxLength: 20 }),
        anything['value'] as fc.Arbitrary<Uint8Array>,
      ),
      token: fc.uint8Array({ maxLength: 140 }),
      port: fc.integer({ min: -1, max: 70_000 }),
      want: fc.constantFrom('n4', ['n4', 'n6'], [['n6']], [1]) as fc.Arbitrary<never>,
      v: anything['value'] as fc.Arbitrary<never>,
      k: fc.uint8Array({ minLength: 31, maxLength: 32 }),
      sig: fc.uint8Array({ minLength: 64, maxLength: 64 }),
      seq: fc.integer(),
      cas: fc.integer(),
    },
    { requiredKeys: [] },
  ),
  r: anything['value'] as fc.Arbitrary<never>,
  e: anything['value'] as fc.Arbitrary<never>,
});

describe('whatever strangers send', () => {
  it('only DhtError comes out of the parser', () => {
    const look = (bytes: Uint8Array): void => {
      try {
        parseMessage(bytes, LIMITS);
      } catch (error) {
        assert.ok(error instanceof DhtError, String(error));
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), look));
    fc.assert(
      fc.property(query, (message) => look(encode(message))),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(query, fc.nat(), fc.nat(255), (message, place, byte) => {
        const bytes = encode(message);
        bytes[place % bytes.length] = byte;
        look(bytes);
      }),
      { numRuns: 500 },
    );
  });

  it('a node takes it without an error, answers within its bounds and keeps nothing of it', () => {
    const node = new DhtNode({ family: 4, random: seeded('fuzz'), hashes, crypto }, 0);
    let now = 0;
    fc.assert(
      fc.property(query, fc.nat(255), (message, last) => {
        node.handle(encode(message), { ip: `9.9.9.${last}`, port: 6881 }, (now += 50));
        for (let out = node.pollSend(); out !== undefined; out = node.pollSend()) assert.ok(out.bytes.length <= 1232);
      }),
      { numRuns: 1000 },
    );
    assert.deepEqual(node.stored, { torrents: 0, items: 0 });
    assert.equal(node.nodes, 0);
  });
});
