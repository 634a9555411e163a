import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { Keypair } from '@kith/wireguard';
import { SessionSlots } from '@kith/wireguard';

function keypair(localIndex: number, role: Keypair['role'], createdAt = 0): Keypair {
  const key = () => new Uint8Array(32);
  const expiresAt = createdAt + 180_000;
  const keys = { sendKey: key(), receiveKey: key(), aesSendKey: key(), aesReceiveKey: key() };
  return { peer: 1, localIndex, remoteIndex: 9, ...keys, role, createdAt, expiresAt };
}
const indices = (keypairs: Keypair[]) => keypairs.map((k) => k.localIndex);

test('an initiator session is current at once and keeps one predecessor', () => {
  const slots = new SessionSlots();
  deepEqual(indices(slots.add(keypair(1, 'initiator'))), []);
  deepEqual(indices(slots.add(keypair(2, 'initiator'))), []);
  equal(slots.current?.localIndex, 2);
  deepEqual(indices(slots.add(keypair(3, 'initiator'))), [1]);
  deepEqual(indices(slots.all()), [2, 3]);
});

test('a responder session waits until it is confirmed, and a newer one replaces it', () => {
  const slots = new SessionSlots();
  slots.add(keypair(1, 'initiator'));
  slots.add(keypair(2, 'responder'));
  equal(slots.current?.localIndex, 1);
  deepEqual(indices(slots.add(keypair(3, 'responder'))), [2]);
  deepEqual(indices(slots.confirm(2)), []);
  equal(slots.current?.localIndex, 1);
  deepEqual(indices(slots.confirm(3)), []);
  equal(slots.current?.localIndex, 3);
  equal(slots.next, null);
  deepEqual(indices(slots.confirm(3)), []);
});

test('with two handshakes crossing each side keeps both sessions', () => {
  const slots = new SessionSlots();
  slots.add(keypair(1, 'responder'));
  slots.add(keypair(2, 'initiator'));
  deepEqual(indices(slots.all()), [2, 1]);
  slots.confirm(1);
  deepEqual(indices(slots.all()), [2, 1]);
  equal(slots.current?.localIndex, 1);
});

test('sessions expire each at its time', () => {
  const slots = new SessionSlots();
  slots.add(keypair(1, 'initiator', 0));
  slots.add(keypair(2, 'initiator', 1000));
  equal(slots.expiresAt(), 180_000);
  deepEqual(indices(slots.expire(179_999)), []);
  deepEqual(indices(slots.expire(180_000)), [1]);
  deepEqual(indices(slots.clear()), [2]);
  equal(slots.expiresAt(), null);
});
