/** Against a real wireguard-go, in namespaces of our own. Needs root, /dev/net/tun, wireguard-go, wg, ip and ping. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Lab, OURS, OURS_TOO, pause, until } from './lab.ts';

describe('with wireguard-go', { concurrency: true }, () => {
  for (const presharedKey of [false, true]) {
    const key = presharedKey ? 'with a preshared key' : 'without a preshared key';

    test(`our handshake is answered and pings pass both ways, ${key}`, async () => {
      await Lab.with({ endpointKnownTo: 'us', presharedKey }, async (lab) => {
        deepEqual(await lab.echoes(10, 50), { sent: 10, answered: 10 });
        equal(await lab.ping(10, 0.05), 10);
        const status = await lab.tell({ do: 'status' });
        deepEqual([status.state, status.sessionsAsInitiator, status.sessionsAsResponder], ['established', 1, 0]);
      });
    });

    test(`their handshake is answered and pings pass both ways, ${key}`, async () => {
      await Lab.with({ endpointKnownTo: 'them', presharedKey }, async (lab) => {
        equal(await lab.ping(10, 0.05), 10);
        deepEqual(await lab.echoes(10, 50), { sent: 10, answered: 10 });
        const status = await lab.tell({ do: 'status' });
        deepEqual([status.state, status.sessionsAsInitiator, status.sessionsAsResponder], ['established', 0, 1]);
      });
    });
  }

  test('pings of every size up to the full MTU pass, padded or not', async () => {
    await Lab.with({ endpointKnownTo: 'them' }, async (lab) => {
      for (const size of [0, 1, 15, 16, 100, 1390, 1391, 1392]) equal(await lab.ping(2, 0.05, { size }), 2, `${size}`);
    });
  });

  test('with our clock thirty times as fast sessions are renewed again and again without losing a ping', async () => {
    await Lab.with({ endpointKnownTo: 'us', timeScale: 30 }, async (lab) => {
      const [ours, theirs] = await Promise.all([lab.echoes(280, 50), lab.ping(70, 0.2)]);
      deepEqual([ours, theirs], [{ sent: 280, answered: 280 }, 70]);
      const status = await lab.tell({ do: 'status' });
      ok(status.sessionsAsInitiator >= 4, JSON.stringify(status));
      ok(status.openSessions <= 3, JSON.stringify(status));
    });
  });

  test('twenty handshakes that we force in the midst of traffic cost no ping', async () => {
    await Lab.with({ endpointKnownTo: 'us' }, async (lab) => {
      const renew = async () => {
        for (let i = 1; i <= 20; i++) {
          await lab.tell({ do: 'initiate' });
          await lab.status('a new session', (status) => status.sessionsAsInitiator >= i);
          await pause(50);
        }
      };
      equal((await lab.echoes(1, 0)).answered, 1);
      const [theirs] = await Promise.all([lab.ping(30, 0.1), renew()]);
      equal(theirs, 30);
      ok((await lab.tell({ do: 'status' })).openSessions <= 2);
    });
  });

  test('a peer that they forget and set again is reached by a new handshake of theirs', async () => {
    await Lab.with({ endpointKnownTo: 'them' }, async (lab) => {
      equal(await lab.ping(3, 0.1), 3);
      await lab.removePeer();
      await lab.addPeer({ endpointKnownTo: 'them' });
      equal(await lab.ping(3, 0.1), 3);
      equal((await lab.tell({ do: 'status' })).sessionsAsResponder, 2);
    });
  });

  test('both sides follow each other to new addresses and ports in the midst of pings', async () => {
    await Lab.with({ endpointKnownTo: 'us' }, async (lab) => {
      equal((await lab.echoes(1, 0)).answered, 1);
      equal((await lab.theirView()).endpoint, `${OURS}:51820`);
      await lab.tell({ do: 'bind', address: OURS_TOO, port: 40_000 });
      equal((await lab.echoes(3, 50, 100)).answered, 3);
      equal((await lab.theirView()).endpoint, `${OURS_TOO}:40000`);
      equal(await lab.ping(3, 0.1), 3);
      await lab.moveThem(50_000);
      equal(await lab.ping(3, 0.1), 3);
      equal((await lab.tell({ do: 'status' })).route, '192.0.2.2:50000');
      equal((await lab.echoes(3, 50, 200)).answered, 3);
      equal((await lab.tell({ do: 'status' })).sessionsAsInitiator, 1, 'roaming needs no handshake');
    });
  });

  test('under load we demand a cookie, and they come back with it', async () => {
    await Lab.with({ endpointKnownTo: 'them', limits: { handshakesPerSecond: 0 } }, async (lab) => {
      const ping = lab.ping(1, 1, { wait: 12 });
      await lab.status('a session under load', (status) => status.state === 'established', 12_000);
      equal(await ping, 1, 'the packet waited for the handshake');
    });
  });

  test('under load they demand a cookie, and we come back with it', async () => {
    await Lab.with({ endpointKnownTo: 'us', timeScale: 20 }, async (lab) => {
      const tries = async () => {
        await lab.tell({ do: 'flood', messages: 1500 });
        await lab.tell({ do: 'initiate' });
        const { state, initiationsWithMac2 } = await lab.tell({ do: 'status' });
        return state === 'established' && initiationsWithMac2 > 0;
      };
      await until('a handshake with a cookie', tries, 30_000);
      ok((await lab.tell({ do: 'status' })).cookiesReceived > 0);
      equal((await lab.echoes(3, 50)).answered, 3);
    });
  });

  test('their own renewal after 120 s of real time finds us ready', async () => {
    await Lab.with({ endpointKnownTo: 'them' }, async (lab) => {
      equal(await lab.ping(124 * 2, 0.5), 124 * 2);
      const status = await lab.tell({ do: 'status' });
      deepEqual([status.sessionsAsResponder, status.sessionsAsInitiator], [2, 0]);
      const age = Date.now() / 1000 - (await lab.theirView()).handshake;
      ok(age < 30, `${age}`);
    });
  });
});
