/** What strangers may say to a connection that werift carries. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { PacketGate } from '../../src/webrtc/werift-packets.ts';

const PASSWORD = 'a password of twenty-two';
const PEER = ['127.0.0.1', 5000] as const;
const NOBODY = ['127.0.0.1', 6000] as const;

function gate(): PacketGate {
  return new PacketGate({ password: () => PASSWORD, selected: () => false });
}

function attribute(type: number, value: Buffer): Buffer {
  const padding = Buffer.alloc((4 - (value.length % 4)) % 4);
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, value, padding]);
}

function stun(type: number, attributes: readonly Buffer[]): Buffer {
  const body = Buffer.concat(attributes);
  const head = Buffer.alloc(20, 7);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(body.length, 2);
  head.writeUInt32BE(0x2112_a442, 4);
  return Buffer.concat([head, body]);
}

const USERNAME = attribute(0x0006, Buffer.from('them:us'));

/** A check, as RFC 8445 has it. */
function check(password = PASSWORD, after: readonly Buffer[] = []): Buffer {
  const unsigned = stun(0x0001, [USERNAME, attribute(0x0008, Buffer.alloc(20))]);
  const signature = createHmac('sha1', password).update(unsigned.subarray(0, -24)).digest();
  return stun(0x0001, [USERNAME, attribute(0x0008, signature), ...after]);
}

function record(type: number, epoch: number, fragment = Buffer.from('fragment')): Buffer {
  const head = Buffer.alloc(13);
  head[0] = type;
  head.writeUInt16BE(0xfefd, 1);
  head.writeUInt16BE(epoch, 3);
  head.writeUInt16BE(fragment.length, 11);
  return Buffer.concat([head, fragment]);
}

test('only checks that are signed with the password get an answer', () => {
  const signed = check();
  assert.equal(gate().admit(signed, ...PEER), signed);
  const fingerprinted = check(PASSWORD, [attribute(0x8028, Buffer.alloc(4))]);
  assert.equal(gate().admit(fingerprinted, ...PEER), fingerprinted);
  for (const bad of [
    check('another password'),
    stun(0x0001, [USERNAME]),
    check(PASSWORD, [attribute(0x0025, Buffer.alloc(0))]),
    check(PASSWORD, [attribute(0x8028, Buffer.alloc(4)), attribute(0x0025, Buffer.alloc(0))]),
    signed.subarray(0, -4),
    stun(0x0011, [USERNAME]),
    ...Array.from({ length: signed.length - 1 }, (_, at) => {
      const changed = Buffer.from(signed);
      // The first byte may make it an answer.
      changed[at + 1] = (changed[at + 1] ?? 0) ^ 1;
      return changed;
    }),
  ])
    assert.equal(gate().admit(bad, ...PEER), undefined, bad.toString('hex'));
});

test('a handshake is taken from where a signed check came from, or from the address that was selected', () => {
  const hello = record(22, 0);
  const closed = gate();
  assert.equal(closed.admit(hello, ...PEER), undefined);
  closed.admit(check(), ...PEER);
  assert.equal(closed.admit(hello, ...PEER), hello);
  assert.equal(closed.admit(hello, ...NOBODY), undefined);
  const selecting = new PacketGate({ password: () => PASSWORD, selected: (_, port) => port === NOBODY[1] });
  assert.equal(selecting.admit(hello, ...NOBODY), hello);
});

test('nothing that is not encrypted is taken from who has proved who it is, and a flight of the handshake a few times', () => {
  const open = gate();
  open.admit(check(), ...PEER);
  open.encryptedOnly();
  const [data, alert, hello, finished] = [record(23, 1), record(21, 0), record(22, 0), record(22, 1)];
  assert.deepEqual(open.admit(data, ...PEER), data);
  assert.equal(open.admit(alert, ...PEER), undefined);
  assert.deepEqual(open.admit(Buffer.concat([hello, data, alert, data]), ...PEER), Buffer.concat([data, data]));
  let taken = 0;
  for (let i = 0; i < 1000; i++) if (open.admit(finished, ...PEER) !== undefined) taken++;
  assert.ok(taken > 0 && taken < 100, `${taken}`);
  assert.deepEqual(open.admit(data, ...PEER), data);
});

test('a handshake that never ends is not listened to for ever, nor are checks from everywhere', () => {
  const busy = gate();
  busy.admit(check(), ...PEER);
  let taken = 0;
  for (let i = 0; i < 10_000; i++) if (busy.admit(record(22, 0), ...PEER) !== undefined) taken++;
  assert.ok(taken < 1000, `${taken} of 10,000`);
  let answered = 0;
  for (let port = 1; port < 10_000; port++) if (busy.admit(check(), '127.0.0.2', port) !== undefined) answered++;
  assert.ok(answered < 100, `${answered} of 10,000`);
});

test('whatever comes, nothing is thrown, and none of it is more than came', () => {
  const start = fc.constantFrom(Buffer.alloc(0), check(), record(22, 0), record(23, 1), stun(0x0101, []));
  const any = fc.tuple(start, fc.uint8Array({ maxLength: 64 }), fc.nat(), fc.boolean());
  fc.assert(
    fc.property(any, ([head, tail, cut, encrypted]) => {
      const open = gate();
      open.admit(check(), ...PEER);
      if (encrypted) open.encryptedOnly();
      const datagram = Buffer.concat([head.subarray(0, head.length - (cut % (head.length + 1))), tail]);
      const admitted = open.admit(datagram, ...PEER);
      assert.ok(admitted === undefined || admitted.length <= datagram.length);
    }),
  );
});
