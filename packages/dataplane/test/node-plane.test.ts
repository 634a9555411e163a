/** Rootless planes on loopback: port, timer and plane together. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { endpointOf, parseAddress, toHex } from '@kith/core';
import type { PlaneEvents } from '@kith/mesh';
import { nodeCrypto } from '../src/node-crypto.ts';
import { createNodePlane, type NodePlane, type PlaneKind } from '../src/node-plane.ts';
import { missing } from './addon.ts';
import { keyOf, peerHandle, peerSpec, session } from './rig.ts';
import { until } from './wait.ts';

const LOOPBACK = parseAddress('127.0.0.1');
const one = peerHandle(1);

async function rootlessOf(kind: PlaneKind, over: Partial<PlaneEvents>): Promise<NodePlane> {
  const events: PlaneEvents = {
    handshake: () => undefined,
    control: () => undefined,
    roamed: () => undefined,
    confirmed: () => undefined,
    noSession: () => undefined,
    noNextHop: () => undefined,
    ...over,
  };
  return createNodePlane({ kind, crypto: nodeCrypto(), events, port: 0, loopback: true });
}

function connect(from: NodePlane, to: NodePlane, keys: readonly [number, number], keepAlive = 0): void {
  const path = { kind: 'direct', endpoint: endpointOf(LOOPBACK, to.port) } as const;
  const now = from.now();
  from.plane.setPeer(peerSpec(1, { path, keepAlive }), now);
  const [sendKey, receiveKey] = keys.map(keyOf) as [Uint8Array, Uint8Array];
  from.plane.setSession(session(1, 7, { sendKey, receiveKey, remoteIndex: 7, expiresAt: now + 60_000 }), now);
}

for (const kind of ['native', 'portable'] as const) {
  describe(`${kind} plane on this machine, without a device`, { skip: kind === 'native' && missing }, () => {
    const rootless = (over: Partial<PlaneEvents> = {}) => rootlessOf(kind, over);

    it('carries control payloads to another one', async () => {
      const got: string[] = [];
      const a = await rootless();
      const b = await rootless({ control: (peer, payload) => got.push(`${peer} ${toHex(payload)}`) });
      connect(a, b, [1, 2]);
      connect(b, a, [2, 1]);
      assert.equal(a.interfaceName, null);
      assert.equal(a.plane.sendControl(one, 3, Uint8Array.of(0xbe, 0xef), null, a.now()), true);
      await until('the payload', () => got.length > 0);
      assert.deepEqual(got, ['1 03beef']);
      await Promise.all([a.stop(), b.stop()]);
    });

    it('sends keep-alives by its own clock', async () => {
      const confirmed: number[] = [];
      const a = await rootless();
      const b = await rootless({ confirmed: (_peer, index) => confirmed.push(index) });
      connect(b, a, [2, 1]);
      connect(a, b, [1, 2], 0.05);
      const packets = () => b.plane.peerCounters(one)?.receivedPackets ?? 0;
      await until('three keep-alives', () => packets() >= 3);
      assert.deepEqual(confirmed, [7]);
      a.plane.setPeer({ ...peerSpec(1), path: null }, a.now());
      await Promise.all([a.stop(), b.stop()]);
    });

    it('drops a session when its time is over, without being asked', async () => {
      const a = await rootless();
      a.plane.setPeer(peerSpec(1), a.now());
      a.plane.setSession(session(1, 7, { expiresAt: a.now() + 20 }), a.now());
      await until('the session to be gone', () => a.plane.peerCounters(one)?.currentIndex === 0);
      await a.stop();
    });

    it('is silent after stop', async () => {
      const a = await rootless({ control: () => assert.fail('a stopped plane reports') });
      const b = await rootless();
      connect(a, b, [2, 1]);
      connect(b, a, [1, 2], 0.01);
      await a.stop();
      await until('b to send', () => (b.plane.peerCounters(one)?.sentPackets ?? 0) >= 3);
      assert.equal(a.plane.peerCounters(one)?.receivedPackets, 0);
      await b.stop();
      const sent = b.plane.peerCounters(one)?.sentPackets;
      await a.stop();
      assert.equal(b.plane.peerCounters(one)?.sentPackets, sent);
    });

    it('may be stopped by an event', async () => {
      const seen: string[] = [];
      const a: NodePlane = await rootless({
        control: (_peer, payload) => {
          seen.push(toHex(payload));
          void a.stop();
        },
      });
      const b = await rootless();
      connect(a, b, [1, 2]);
      connect(b, a, [2, 1]);
      for (const type of [1, 2, 3]) b.plane.sendControl(one, type, new Uint8Array(0), null, b.now());
      await until('the payload', () => seen.length > 0);
      await b.stop();
      assert.deepEqual(seen, ['01']);
      assert(!process.getActiveResourcesInfo().includes('Timeout'), 'a timer keeps the process alive');
    });

    it('says which it is and why', async () => {
      const a = await rootless();
      assert.deepEqual([a.kind, a.reason], [kind, 'asked for']);
      await a.stop();
    });
  });
}

describe('plane that the environment names', () => {
  const before = process.env['KITH_PLANE'];
  afterEach(() => {
    if (before === undefined) delete process.env['KITH_PLANE'];
    else process.env['KITH_PLANE'] = before;
  });
  const openNode = async (text: string): Promise<NodePlane> => {
    process.env['KITH_PLANE'] = text;
    const nothing = () => undefined;
    const events = {
      handshake: nothing,
      control: nothing,
      roamed: nothing,
      confirmed: nothing,
      noSession: nothing,
      noNextHop: nothing,
    };
    return createNodePlane({ crypto: nodeCrypto(), events, port: 0, loopback: true });
  };
  const kindOf = async (text: string): Promise<string> => {
    const node = await openNode(text);
    await node.stop();
    return node.kind;
  };

  it('is that one; without a name it is the native one', { skip: missing }, async () => {
    assert.deepEqual(
      [await kindOf('portable'), await kindOf('native'), await kindOf('')],
      ['portable', 'native', 'native'],
    );
  });

  it('takes its offloads from the environment as well', { skip: missing }, async () => {
    const before = process.env['KITH_OFFLOADS'];
    try {
      process.env['KITH_OFFLOADS'] = 'off';
      assert.equal(await kindOf('native'), 'native');
      process.env['KITH_OFFLOADS'] = 'some';
      await assert.rejects(kindOf('native'), { code: 'CONFIG_INVALID', message: /KITH_OFFLOADS is "some"/ });
    } finally {
      if (before === undefined) delete process.env['KITH_OFFLOADS'];
      else process.env['KITH_OFFLOADS'] = before;
    }
  });

  for (const kind of ['native', 'portable'] as const) {
    it(`prefers the cipher that the environment names, ${kind}`, { skip: kind === 'native' && missing }, async () => {
      const before = process.env['KITH_CIPHER'];
      const prefersAes = async (text: string): Promise<boolean> => {
        process.env['KITH_CIPHER'] = text;
        const node = await openNode(kind);
        await node.stop();
        return node.plane.prefersAes;
      };
      try {
        assert.deepEqual([await prefersAes('aes-256-gcm'), await prefersAes('chacha20-poly1305')], [true, false]);
        assert.equal(await prefersAes(''), await prefersAes(''), 'what was measured stays');
        await assert.rejects(prefersAes('rot13'), { code: 'CONFIG_INVALID', message: /KITH_CIPHER is "rot13"/ });
      } finally {
        if (before === undefined) delete process.env['KITH_CIPHER'];
        else process.env['KITH_CIPHER'] = before;
      }
    });
  }

  it('has to exist', async () => {
    await assert.rejects(kindOf('quick'), { code: 'CONFIG_INVALID', message: /KITH_PLANE is "quick"/ });
  });
});
