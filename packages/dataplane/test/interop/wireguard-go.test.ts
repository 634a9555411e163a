/**
 * The native plane against a real wireguard-go: streams both ways at once, renewed sessions in the midst of them, with
 * and without offloads. Needs root, wireguard-go, wg and tcpdump.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { keyBytes, SecretKey, tunnelKeyOf } from '@kith/core';
import { nodeCrypto } from '../../src/node-crypto.ts';
import { missing } from '../addon.ts';
import { content } from '../net/content.ts';
import type { MemberCommand, MemberProcess, MemberStatus } from '../net/member-process.ts';
import { Namespaces, run, type Child } from '../net/namespaces.ts';
import type { TransferProcess } from '../net/transfer-process.ts';
import { nodeId } from '../rig.ts';
import { WireguardGo } from './wireguard-go.ts';
import { Wire } from '../net/wire.ts';

const MEMBER = new URL('../net/member-process.ts', import.meta.url);
const TRANSFER = new URL('../net/transfer-process.ts', import.meta.url);
const [OURS, THEIRS] = ['10.7.0.1', '10.7.0.2'];
const OUR_PORT = 6550;
const THEIR_PORT = 51820;
const MTU = 1280;
const BYTES = 60_000_000;
/** ms: on a fast machine the streams take half a second. */
const DISTURB_EVERY = 40;
const GO = 1;

/** Bytes over TCP from one namespace to the other; they must arrive unchanged. */
async function transfer(spaces: Namespaces, from: string, to: string, host: string, port: number): Promise<void> {
  const receive: TransferProcess = { role: 'receive', host, port };
  const send: TransferProcess = { role: 'send', host, port, bytes: BYTES };
  const receiver = spaces.start(to, TRANSFER, receive);
  assert.equal(await receiver.next(), 'listening');
  const sender = spaces.start(from, TRANSFER, send);
  const got = (await receiver.next(120_000)) as { bytes: number; hash: string };
  const sent = (await sender.next()) as { hash: string };
  assert.deepEqual(got, { bytes: BYTES, hash: sent.hash });
  await Promise.all([sender.end(), receiver.end()]);
}

class Pair {
  readonly spaces = new Namespaces();
  readonly us: string = this.spaces.add('us');
  readonly them: string = this.spaces.add('them');
  #go: WireguardGo | null = null;
  #member: Child | null = null;

  async up(offloads: boolean): Promise<void> {
    this.spaces.link(this.us, '192.0.2.1', this.them, '192.0.2.2');
    const [ours, theirs] = [randomBytes(32), randomBytes(32)];
    const keyOf = (secret: Uint8Array) => tunnelKeyOf(nodeCrypto(), new SecretKey(Uint8Array.from(secret)));
    const peer = { key: keyBytes(keyOf(ours)), allowed: `${OURS}/32`, endpoint: `192.0.2.1:${OUR_PORT}` };
    this.#go = await WireguardGo.start(
      { namespace: this.them, secret: theirs, port: THEIR_PORT, address: `${THEIRS}/24`, mtu: MTU, peer },
      `kdp${process.pid % 100_000}${offloads ? 'a' : 'b'}`,
    );
    const init: MemberProcess = {
      secret: ours.toString('hex'),
      id: nodeId(1),
      port: OUR_PORT,
      offloads,
      cipher: 'chacha20-poly1305',
      tun: { name: 'kith0', addresses: [[OURS, 24]] },
    };
    this.#member = this.spaces.start(this.us, MEMBER, init);
    await this.#member.next();
    await this.tell({
      do: 'peer',
      peer: GO,
      key: keyOf(theirs),
      allowed: [`${THEIRS}/32`],
      path: { endpoint: `192.0.2.2:${THEIR_PORT}` },
    });
  }

  get go(): WireguardGo {
    assert(this.#go !== null);
    return this.#go;
  }

  async tell(command: MemberCommand): Promise<unknown> {
    assert(this.#member !== null);
    this.#member.tell(JSON.stringify(command));
    return this.#member.next();
  }

  async peer(): Promise<MemberStatus['peers'][number]> {
    const { peers } = (await this.tell({ do: 'status' })) as MemberStatus;
    assert(peers[0] !== undefined);
    return peers[0];
  }

  /** Streams both ways at once; meanwhile `disturb` again and again. */
  async loadWhile(port: number, disturb: (round: number) => Promise<void>): Promise<void> {
    let over = false;
    const load = Promise.all([
      transfer(this.spaces, this.us, this.them, THEIRS, port),
      transfer(this.spaces, this.them, this.us, OURS, port + 1),
    ]).finally(() => (over = true));
    const disturbing = (async () => {
      for (let round = 0; !over; round++) {
        await delay(DISTURB_EVERY);
        if (!over) await disturb(round);
      }
    })();
    await Promise.all([load, disturbing]);
  }

  async down(): Promise<void> {
    await this.#go?.stop();
    await this.spaces.remove();
  }
}

const answered = (namespace: string, host: string): boolean => {
  return run('ip', 'netns', 'exec', namespace, 'ping', '-c', '1', '-W', '5', host).includes(' 0% packet loss');
};

for (const offloads of [true, false]) {
  describe(`native plane with wireguard-go, offloads ${offloads ? 'on' : 'off'}`, { skip: missing }, () => {
    it('carries streams both ways unchanged while both sides renew the session', async (context) => {
      const pair = new Pair();
      try {
        await pair.up(offloads);
        assert(answered(pair.us, THEIRS));
        assert(answered(pair.them, OURS));
        const wire = await Wire.open(pair.us, 'v1a', 20_000);
        const before = await pair.peer();

        await pair.loadWhile(7000, async () => void (await pair.tell({ do: 'rekey', peer: GO })));
        const ours = await pair.peer();
        assert(ours.asInitiator > before.asInitiator, `${ours.asInitiator} sessions of our making`);
        assert.notEqual(ours.counters.currentIndex, before.counters.currentIndex);
        assert.deepEqual(ours.lost.length, before.lost.length, 'no packet ever found no session');
        const theirs = pair.go.transferred();
        // Nobody received more than was sent. Theirs counts handshakes as well.
        const handshakes = 400 * (ours.asInitiator + ours.asResponder);
        const { sentBytes, receivedBytes } = ours.counters;
        assert(
          theirs.received > BYTES && theirs.received <= sentBytes + handshakes,
          `${theirs.received} of ${sentBytes}`,
        );
        assert(receivedBytes > BYTES && receivedBytes <= theirs.sent, `${receivedBytes} of ${theirs.sent}`);

        // Whoever forgets us has to begin anew with a handshake of its own, once it has something to send: its stream may be over.
        await pair.loadWhile(7010, async (round) => {
          if (round !== 1) return;
          pair.go.removePeer();
          pair.go.addPeer();
          assert(answered(pair.them, OURS));
        });
        const last = await pair.peer();
        assert(last.asResponder > ours.asResponder, 'a session of their making');

        const { counters, io } = (await pair.tell({ do: 'status' })) as MemberStatus;
        const { malformed, unauthentic, foreignSource, gateClosed, relayRefused } = counters.dropped;
        assert.deepEqual([malformed, unauthentic, foreignSource, gateClosed, relayRefused], [0, 0, 0, 0, 0]);
        assert.deepEqual([io.unanswerable, io.writeErrors], [0, 0]);
        assert(answered(pair.us, THEIRS));
        assert(answered(pair.them, OURS));

        const caught = await wire.close();
        const sent = caught.filter(({ ports }) => ports[0] === OUR_PORT);
        assert(sent.length > 300 && caught.length - sent.length > 300, `${sent.length} of ${caught.length} are ours`);
        for (const { ports, payload } of caught) {
          assert(ports.includes(OUR_PORT) && ports.includes(THEIR_PORT), `ports ${ports.join(' and ')}`);
          const type = payload.readUInt32LE(0);
          assert(type >= 1 && type <= 4, `a message of type ${type}`);
        }
        const longest = Math.max(...sent.map(({ payload }) => payload.length));
        assert.equal(longest > 1500, offloads, `our longest datagram or train has ${longest} bytes`);
        const clear = Buffer.concat(caught.map(({ payload }) => payload));
        const [first] = content(BYTES);
        assert(first !== undefined);
        for (let at = 0; at < first.length; at += 4096)
          assert(!clear.includes(first.subarray(at, at + 16)), 'plaintext');
        context.diagnostic(`${last.asInitiator} sessions of our making, ${last.asResponder} of theirs`);
      } finally {
        await pair.down();
      }
    });
  });
}
