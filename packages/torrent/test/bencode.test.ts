import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toHex, utf8 } from '@kith/core';
import { bencode } from '@kith/torrent';
import fc from 'fast-check';

const { BencodedDict, BencodeError, binaryString, decode, decodePrefix, encode, fromBinaryString } = bencode;

const from = (text: string): Uint8Array => fromBinaryString(text);

function decodedDict(text: string): bencode.BencodedDict {
  const value = decode(from(text));
  assert.ok(value instanceof BencodedDict);
  return value;
}

test('numbered values and their encoding', () => {
  const table: readonly [bencode.Encodable, string][] = [
    [0, 'i0e'],
    [-0, 'i0e'],
    [-3, 'i-3e'],
    [9007199254740991, 'i9007199254740991e'],
    [2n ** 63n, 'i9223372036854775808e'],
    ['spam', '4:spam'],
    ['ü', '2:\xc3\xbc'],
    [Uint8Array.of(0, 255), '2:\x00\xff'],
    ['', '0:'],
    [[], 'le'],
    [['spam', ['eggs'], 1], 'l4:spaml4:eggsei1ee'],
    [{}, 'de'],
    [{ cow: 'moo', bull: undefined, ant: [1] }, 'd3:antli1ee3:cow3:mooe'],
    [new Map([['\xff', 1]]), 'd1:\xffi1ee'],
    [new Map<string, bencode.Encodable>([['b', 1], ['', 2], ['a\xff', 3], ['a', 4]]), 'd0:i2e1:ai4e2:a\xffi3e1:bi1ee'], // prettier-ignore
  ];
  for (const [i, [value, text]] of table.entries()) assert.equal(binaryString(encode(value)), text, `${i + 1}`);
});

test('everything else than the one encoding of a value is refused, with place and expectation', () => {
  const table: readonly [text: string, offset: number, expected: RegExp][] = [
    ['', 0, /a value/],
    ['x', 0, /a value/],
    ['i', 1, /a digit/],
    ['ie', 1, /a digit/],
    ['i-e', 2, /a digit/],
    ['i1', 2, /"e"/],
    ['i1.5e', 2, /"e"/],
    ['i+1e', 1, /a digit/],
    ['i01e', 1, /shortest form/],
    ['i-0e', 1, /shortest form/],
    ['i-01e', 1, /shortest form/],
    ['i00e', 1, /shortest form/],
    ['i9007199254740992e', 1, /below 2\^53/],
    ['i-9007199254740992e', 1, /below 2\^53/],
    [`i${'9'.repeat(21)}e`, 1, /20 digits/],
    ['1', 1, /":"/],
    ['1a', 1, /":"/],
    ['01:a', 0, /leading zeros/],
    ['00:', 0, /leading zeros/],
    ['2:a', 0, /a string of 2 bytes/],
    ['99999999999999999999:', 0, /fits/],
    ['-1:a', 0, /a value/],
    ['l', 1, /the end of a list/],
    ['li1e', 4, /the end of a list/],
    ['d', 1, /the end of a dictionary/],
    ['d1:a', 4, /a value/],
    ['d1:ae', 4, /a value/],
    ['di1ei2ee', 1, /a key/],
    ['dlee', 1, /a key/],
    ['d1:ai1e1:ai2ee', 7, /every key once/],
    ['d1:bi1e1:ai1e1:bi2ee', 13, /every key once/],
    ['i1ei2e', 3, /the end of the input/],
    ['lee', 2, /the end of the input/],
  ];
  for (const [text, offset, expected] of table) {
    assert.throws(
      () => decode(from(text)),
      (error: unknown) => error instanceof BencodeError && error.offset === offset && expected.test(error.expected),
      text,
    );
  }
});

test('keys out of order are accepted and the bytes kept as they came', () => {
  const text = 'd4:infod1:bi1e1:ai2ee1:ai3ee';
  const info = bencode.dict(decodedDict(text), 'info');
  assert.ok(info);
  assert.equal(binaryString(info.raw), 'd1:bi1e1:ai2ee');
  assert.deepEqual([...info.keys()], ['b', 'a']);
  assert.equal(binaryString(encode(info)), 'd1:bi1e1:ai2ee');
});

test('strings are views into the input, and a key survives whatever bytes it has', () => {
  const input = from('d32:\x00\x80\xff' + 'k'.repeat(29) + '3:abce');
  const value = decode(input);
  assert.ok(value instanceof BencodedDict);
  const [[key, content] = []] = [...value.entries()];
  assert.equal(key, `\x00\x80\xff${'k'.repeat(29)}`);
  assert.ok(content instanceof Uint8Array && content.buffer === input.buffer);
});

test('a prefix is decoded and its end told, for messages with a payload behind', () => {
  const { value, end } = decodePrefix(from('d8:msg_typei1e5:piecei0eePAYLOAD'));
  assert.ok(value instanceof BencodedDict);
  assert.equal(bencode.int(value, 'msg_type'), 1);
  assert.equal(end, 25);
});

test('integers above 2^53 come as bigint where they are asked for', () => {
  assert.equal(decode(from('i18446744073709551615e'), { bigints: true }), 2n ** 64n - 1n);
  assert.equal(decode(from('i-9007199254740993e'), { bigints: true }), -(2n ** 53n) - 1n);
  assert.equal(decode(from('i5e'), { bigints: true }), 5);
});

test('limits of bytes, depth and values hold before memory is spent', () => {
  assert.throws(() => decode(from('4:spam'), { bytes: 5 }), BencodeError);
  assert.ok(decode(from('l'.repeat(8) + 'e'.repeat(8)), { depth: 8 }));
  assert.throws(() => decode(from('l'.repeat(9) + 'e'.repeat(9)), { depth: 8 }), /less depth/);
  assert.throws(() => decode(from('l'.repeat(1_000_000))), /less depth/);
  assert.ok(decode(from('li1ei2ee'), { values: 3 }));
  assert.throws(() => decode(from('li1ei2ei3ee'), { values: 3 }), /at most 3 values/);
});

test('fields come out by type: missing ones undefined, others a typed error', () => {
  const fields = decodedDict('d1:di1e1:i3:abc1:li1e1:ti1ee');
  assert.equal(bencode.int(fields, 'x'), undefined);
  assert.equal(bencode.text(decodedDict('d1:t3:\xc3\xbc\xffe'), 't'), 'ü�');
  for (const take of [bencode.bytes, bencode.text, bencode.dict, bencode.list]) {
    assert.throws(() => take(fields, 'd'), /expected .* as "d"/);
  }
  assert.throws(() => bencode.int(fields, 'i'), /expected an integer as "i" .*, found a string/);
});

test('what can not be encoded exactly is refused', () => {
  assert.throws(() => encode(1.5), RangeError);
  assert.throws(() => encode(2 ** 53), RangeError);
  assert.throws(() => encode(new Map([['ā', 1]])), RangeError);
});

const tree = fc.letrec<{ value: bencode.Encodable }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.maxSafeInteger(),
    fc.uint8Array(),
    fc.array(tie('value')),
    fc.array(fc.tuple(fc.uint8Array({ maxLength: 40 }).map(binaryString), tie('value'))).map((list) => new Map(list)),
  ),
})).value;

test('whatever is encoded decodes to a value that encodes to the same bytes', () => {
  fc.assert(
    fc.property(tree, (value) => {
      const bytes = encode(value);
      assert.equal(toHex(encode(rebuilt(decode(bytes)))), toHex(bytes));
    }),
  );
});

function rebuilt(value: bencode.Bencoded): bencode.Encodable {
  if (bencode.isList(value)) return value.map(rebuilt);
  if (value instanceof BencodedDict) return new Map([...value.entries()].map(([key, inner]) => [key, rebuilt(inner)]));
  return value;
}

test('bytes of strangers decode or give a BencodeError, and what decodes has only one encoding', () => {
  const alphabet = fc.constantFrom(...'0123456789:ilde-'.split(''), '\x00', '\xff', 'a');
  const soup = fc.array(alphabet, { maxLength: 60 }).map((list) => from(list.join('')));
  const damaged = fc.tuple(tree, fc.nat(), fc.integer({ min: 0, max: 255 })).map(([value, place, byte]) => {
    const bytes = encode(value);
    bytes[place % bytes.length] = byte;
    return bytes;
  });
  fc.assert(
    fc.property(fc.oneof(soup, damaged, fc.uint8Array()), (bytes) => {
      let value;
      try {
        value = decode(bytes);
      } catch (error) {
        assert.ok(error instanceof BencodeError, String(error));
        assert.ok(error.offset >= 0 && error.offset <= bytes.length);
        return;
      }
      const again = encode(rebuilt(value));
      assert.equal(again.length, bytes.length);
      if (!(value instanceof BencodedDict) && !bencode.isList(value)) assert.equal(toHex(again), toHex(bytes));
    }),
    { numRuns: 2000 },
  );
});

test('UTF-8 decodes as the platform does it, malformed or not', () => {
  const utf8Like = fc.array(fc.constantFrom(0x41, 0x80, 0xbf, 0xc2, 0xe0, 0xa0, 0xed, 0xef, 0xf0, 0x90, 0xf4, 0x8f));
  const bytes = fc.oneof(
    fc.uint8Array(),
    utf8Like.map((list) => Uint8Array.from(list)),
    fc.string({ unit: 'binary' }).map(utf8),
  );
  const platform = new TextDecoder('utf-8', { ignoreBOM: true });
  fc.assert(
    fc.property(bytes, (input) => {
      assert.equal(bencode.text(decodedDict(binaryString(encode({ t: input }))), 't'), platform.decode(input));
    }),
    { numRuns: 1000 },
  );
});
