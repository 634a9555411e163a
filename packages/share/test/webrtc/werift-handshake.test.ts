/** Proofs of who is at the other end. Those that hold come from libraries and browsers, in other tests. */
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { makeCertificate } from '../../src/webrtc/certificate.ts';
import { type HandshakeMessage, HandshakeRecord } from '../../src/webrtc/werift-handshake.ts';

const CERTIFICATE = Buffer.from(
  makeCertificate()
    .certificate.replace(/-----[A-Z ]+-----/g, '')
    .replaceAll('\n', ''),
  'base64',
);
const MASTER_SECRET = Buffer.alloc(48, 1);

function message(type: number, number: number, body: Uint8Array): HandshakeMessage {
  const head = Buffer.alloc(12);
  head[0] = type;
  head.writeUIntBE(body.length, 1, 3);
  head.writeUInt16BE(number, 4);
  head.writeUIntBE(body.length, 9, 3);
  return { msg_type: type, message_seq: number, serialize: () => Buffer.concat([head, body]) };
}

test('what was said once cannot be said otherwise, and the same may come again', () => {
  const record = new HandshakeRecord();
  const certificate = message(11, 2, Buffer.from('one'));
  record.note(certificate);
  record.note(certificate);
  assert.throws(() => record.note(message(11, 2, Buffer.from('two'))), /came twice/);
  assert.throws(() => record.note(message(11, 3, Buffer.from('one'))), /came twice/);
  record.note(message(1, 0, Buffer.from('hello')));
  record.note(message(1, 1, Buffer.from('hello with a cookie')));
  assert.throws(() => record.note(message(1, 2, Buffer.from('hello'))), /came twice/);
  assert.throws(() => record.note(message(14, 3, Buffer.alloc(1_000_000))), /1000012 bytes/);
});

test('whatever a stranger says proves nothing, and fails with a reason', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const types = { server: [1, 2, 11, 12, 13, 14, 11, 16, 15, 20], client: [1, 2, 11, 12, 14, 16, 20] };
  const foreign = Buffer.concat([Buffer.of(4, 3, 0, 71), sign('sha256', Buffer.from('something else'), privateKey)]);
  const bodies = fc.array(fc.oneof(fc.uint8Array({ maxLength: 80 }), fc.constant(foreign)), {
    minLength: 11,
    maxLength: 11,
  });
  fc.assert(
    fc.property(fc.constantFrom('client', 'server'), bodies, fc.boolean(), (role, said, shuffled) => {
      const order = shuffled ? types[role].toReversed() : types[role];
      const messages = order.map((type, i) => message(type, i, said[i] ?? foreign));
      const record = new HandshakeRecord();
      const peers = role === 'server' ? messages.slice(6) : messages.slice(1, 5);
      for (const each of [...peers, message(20, 9, said[10] ?? foreign)]) {
        try {
          record.note(each);
        } catch (error) {
          assert.match(String(error), /came twice/);
        }
      }
      const all = { role, messages, certificate: CERTIFICATE, masterSecret: MASTER_SECRET };
      assert.throws(
        () => record.verify(all),
        /^Error: (?:the handshake has the messages|handshake message \d+ is missing|signed by algorithm|it has not the key|it heard another)/,
      );
    }),
  );
});
