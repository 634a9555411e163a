import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { type Duplex, MemoryDuplex, parseMagnet, Session, type Torrent } from '@kith/torrent';
import { hashes } from '../metainfo/support.ts';

const MAGNET = parseMagnet(`magnet:?xt=urn:btih:${'ab'.repeat(20)}`);

function peer(name: string): { session: Session; torrent: Torrent } {
  let drawn = 0;
  const random = (length: number): Uint8Array =>
    createHash('shake256', { outputLength: length }).update(`${name} ${drawn++}`).digest();
  const session = new Session({ hashes, random, peerId: random(20) }, 0);
  return { session, torrent: session.add({ magnet: MAGNET }, 0) };
}

/** Whether somebody in the middle tells one peer of another, to which it has a connection of a kind. */
function tellsOf(kind: Duplex['kind']): boolean {
  const [middle, left, right] = [peer('middle'), peer('left'), peer('right')];
  const place = { ip: '10.0.0.9', port: 4000 };
  const connect = (to: typeof left, by: Duplex['kind'], address: typeof place): [MemoryDuplex, MemoryDuplex] => {
    const [dialed, accepted] = MemoryDuplex.pair({ kind: by, addresses: [address, { ip: '10.0.0.1', port: 1 }] });
    middle.session.connected(dialed, middle.torrent, 0);
    to.session.accept(accepted, 0);
    return [dialed, accepted];
  };
  const pairs = [connect(left, kind, place), connect(right, 'tcp', { ip: '10.0.0.8', port: 4000 })] as const;
  for (let now = 0; now < 130_000; now += 500) {
    for (const { session } of [middle, left, right]) session.tick(now);
    for (const pair of pairs) MemoryDuplex.settle(pair, now);
  }
  assert.equal(middle.torrent.peers.size, 2, 'both are connected');
  return right.torrent.book.get(place) !== undefined;
}

test('a peer that was dialled is told of, and a browser behind a channel or a socket is not', () => {
  assert.equal(tellsOf('tcp'), true);
  assert.equal(tellsOf('webrtc'), false);
  assert.equal(tellsOf('websocket'), false);
});
