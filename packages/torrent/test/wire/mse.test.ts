import assert from 'node:assert/strict';
import { checkPrimeSync, createHash } from 'node:crypto';
import { test } from 'node:test';
import {
  MemoryDuplex,
  PeerWire,
  portableDiffieHellman,
  PRIME_HEX,
  torrentKey,
  WireError,
  type EncryptionPolicy,
  type KeyExchange,
} from '@kith/torrent';
import { MseInitiator } from '../../src/wire/mse-initiator.ts';
import { MseResponder } from '../../src/wire/mse-responder.ts';
import { Rc4 } from '../../src/wire/rc4.ts';
import { encryption, hashes, HANDSHAKE, Rig, seededRandom } from './rig.ts';

test('RC4 gives the key stream of RFC 6229 from byte 1024 on, whatever the calls it is drawn with', () => {
  // RFC 6229 section 2, key 0x0102030405, offsets 1024, 1520 and 1536.
  const rows: readonly (readonly [number, string])[] = [
    [1024, '30abbcc7c20b01609f23ee2d5f6bb7df'],
    [1520, '3294f744d8f9790507e70f62e5bbceea'],
    [1536, 'd8729db41882259bee4f825325f5a130'],
  ];
  for (const step of [1, 7, 528]) {
    const cipher = new Rc4(Uint8Array.of(1, 2, 3, 4, 5));
    const out = new Uint8Array(528);
    for (let at = 0; at < out.length; at += step) cipher.apply(out.subarray(at, at + step));
    for (const [offset, row] of rows) {
      assert.equal(Buffer.from(out.subarray(offset - 1024, offset - 1024 + 16)).toString('hex'), row);
    }
  }
});

test('the prime is a safe prime of 768 bits', () => {
  const prime = BigInt(`0x${PRIME_HEX}`);
  assert.equal(prime.toString(2).length, 768);
  assert.ok(checkPrimeSync(prime) && checkPrimeSync((prime - 1n) / 2n));
});

test('both sides of the exchange come to one secret, and what is no public key is refused', () => {
  const [a, b] = [portableDiffieHellman(seededRandom(1)).generate(), portableDiffieHellman(seededRandom(2)).generate()];
  assert.deepEqual(a.secret(b.publicKey), b.secret(a.publicKey));
  const prime = Buffer.from(PRIME_HEX, 'hex');
  const below = Uint8Array.from(prime);
  below[95] = (below[95] ?? 0) - 1;
  const one = new Uint8Array(96);
  one[95] = 1;
  for (const wrong of [
    new Uint8Array(96),
    one,
    below,
    prime,
    new Uint8Array(96).fill(255),
    new Uint8Array(95).fill(2),
  ]) {
    assert.throws(() => a.secret(wrong), WireError);
  }
});

test('no encrypted stream begins like a plain one', () => {
  const real = portableDiffieHellman(seededRandom(3));
  let drawn = 0;
  const generate = (): KeyExchange => {
    const exchange = real.generate();
    if (drawn++ === 0) exchange.publicKey[0] = 19;
    return exchange;
  };
  const side = new MseInitiator(
    { ...encryption('required'), diffieHellman: { generate } },
    HANDSHAKE.infoHash,
    new Uint8Array(68),
  );
  assert.notEqual(Buffer.concat(side.takeOutput())[0], 19);
  assert.equal(drawn, 2);
});

test('a torrent is named by SHA-1 of "req2" and its hash', () => {
  const key = createHash('sha1').update('req2').update(HANDSHAKE.infoHash).digest();
  assert.deepEqual(Uint8Array.from(torrentKey(hashes, HANDSHAKE.infoHash)), Uint8Array.from(key));
});

test('policies meet as their words say', () => {
  const plain = 'plain';
  const rc4 = 'rc4';
  const never = undefined;
  const table: readonly (readonly [EncryptionPolicy, Readonly<Record<EncryptionPolicy, string | undefined>>])[] = [
    ['required', { required: rc4, preferred: rc4, allowed: rc4, off: never }],
    ['preferred', { required: rc4, preferred: rc4, allowed: plain, off: never }],
    ['allowed', { required: never, preferred: plain, allowed: plain, off: plain }],
    ['off', { required: never, preferred: plain, allowed: plain, off: plain }],
  ];
  for (const [dialing, answers] of table) {
    for (const accepting of ['required', 'preferred', 'allowed', 'off'] as const) {
      const rig = new Rig({ policies: [dialing, accepting] });
      rig.settle();
      const { dialed, accepted } = rig;
      const met = dialed.established && accepted.established;
      assert.equal(met ? (dialed.encrypted ? rc4 : plain) : never, answers[accepting], `${dialing} to ${accepting}`);
      assert.equal(dialed.encrypted, accepted.encrypted);
      assert.equal(dialed.retryPlain, dialing === 'preferred' && !met, `${dialing} to ${accepting}`);
    }
  }
});

test('nothing that is sent between encrypting sides has the protocol in it', () => {
  const sent: Uint8Array[] = [];
  const rig = new Rig({
    policies: ['required', 'required'],
    tap: (bytes) => void sent.push(bytes),
  });
  rig.settle();
  rig.dialed.bitfield(new Uint8Array(100));
  rig.dialed.flush();
  rig.settle();
  const all = Buffer.concat(sent);
  assert.ok(all.length > 400);
  assert.equal(all.includes('BitTorrent'), false);
  assert.equal(all.includes(Buffer.alloc(16)), false);
  assert.equal(all.includes(Buffer.from(HANDSHAKE.infoHash)), false);
});

test('an encrypted beginning that never comes to its mark is given up after the longest padding', () => {
  const pair = MemoryDuplex.pair();
  let refused: string | undefined;
  const wire = PeerWire.accepted(
    pair[1],
    { findTorrent: () => undefined, attach: () => undefined, closed: (_wire, reason) => (refused = reason) },
    { encryption: encryption('required') },
  );
  const garbage = seededRandom(5)(96 + 512 + 20);
  garbage[0] = 0;
  wire.data(garbage, 1);
  pair[1].deliver(1);
  assert.equal(refused, undefined);
  wire.data(new Uint8Array(1), 1);
  pair[1].deliver(1);
  assert.equal(refused, 'neither BitTorrent nor encrypted');
});

test('a peer that offers nothing but plain text is refused where encryption is required, and taken elsewhere', () => {
  const random = seededRandom(9);
  const sha1 = (...parts: readonly (string | Uint8Array)[]): Uint8Array =>
    hashes.sha1(Buffer.concat(parts.map((part) => Buffer.from(part))));
  for (const policy of ['required', 'preferred'] as const) {
    const responder = new MseResponder(encryption(policy), () => HANDSHAKE.infoHash);
    const exchange = portableDiffieHellman(random).generate();
    responder.push(exchange.publicKey, 0);
    const secret = exchange.secret(Buffer.concat(responder.takeOutput()).subarray(0, 96));
    const [named, mask] = [sha1('req2', HANDSHAKE.infoHash), sha1('req3', secret)];
    const offer = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0);
    new Rc4(sha1('keyA', secret, HANDSHAKE.infoHash)).apply(offer);
    const hidden = named.map((byte, i) => byte ^ (mask[i] ?? 0));
    const message = Buffer.concat([sha1('req1', secret), hidden, offer]);
    if (policy === 'required') {
      assert.throws(() => responder.push(message, 0), { name: 'WireError', message: /no encryption in common/ });
    } else {
      assert.equal(responder.push(message, 0), message.length);
      assert.equal(responder.ciphers?.encrypt, undefined);
      assert.equal(responder.ciphers?.encryptedBytes, 0);
    }
  }
});
