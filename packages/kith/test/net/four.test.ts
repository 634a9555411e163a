/** The experiment with real daemons: reach, paths, and what a laptop does to a network: moving, sleeping, crashing. */
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { after, before, describe, it } from 'node:test';
import type { Actor } from '@kith/lab';
import {
  addressOf,
  buildStage,
  enter,
  everybodySeesEverybody,
  foundNetwork,
  pairs,
  pathBetween,
  type Stage,
  untilReached,
} from '@kith/lab/four-machines';
import { PingStream } from './ping-stream.ts';
import { eventually, Witness } from './witness.ts';

/** ms for a machine to be reached again after it moved, slept or was started again. */
const BACK = 5000;

let stage: Stage;
let witness: Witness;
const extra: Actor[] = [];

const watched = (name: string, body: () => Promise<void>): void => {
  it(name, () => witness.watch(body)());
};

describe('four machines, all but one closed from outside', () => {
  before(async () => {
    stage = await buildStage('preserving');
    witness = await Witness.on(stage.internet, () => [...stage.all, ...extra]);
    await witness.watch(async () => {
      await foundNetwork(stage);
      await Promise.all([stage.blr, stage.fedora].map((each) => enter(each, stage.nyc, stage.nyc)));
      await stage.nyc.until('fedora', ({ members }) => members.some(({ name, online }) => name === 'fedora' && online));
      await enter(stage.pi, stage.nyc, stage.fedora);
      await everybodySeesEverybody(stage.all);
    })();
  });
  after(() => stage.close());

  watched('reach each other: 12 of 12 pings, each answered within a second', async () => {
    const all = pairs(stage.all);
    const times = await Promise.all(all.map(({ from, to }) => from.ping(addressOf(to), 3)));
    const late = all.flatMap(({ from, to }, i) => {
      const time = times[i] ?? null;
      return time !== null && time < 1000 ? [] : [`${from.name} → ${to.name}: ${time ?? 'no answer'}`];
    });
    assert.deepEqual(late, []);
  });

  const direct = async (from: Actor, to: Actor): Promise<string> =>
    eventually(`a direct path ${from.name} → ${to.name}`, 3000, async () => {
      await from.ping(addressOf(to));
      const { path } = await pathBetween({ from, to });
      return path.kind === 'direct' ? path.endpoint : null;
    });

  watched('talk over their LAN where they share one', async () => {
    assert.equal(await direct(stage.fedora, stage.pi), `${stage.pi.host.address}:6550`);
    assert.equal(await direct(stage.pi, stage.fedora), `${stage.fedora.host.address}:6550`);
    assert.match(stage.pi.host.address, /^192\.168\.1\./);
  });

  watched('open direct paths between two that are both closed', async () => {
    assert.equal(await direct(stage.fedora, stage.blr), `${stage.blr.host.address}:6550`);
    assert.equal(await direct(stage.blr, stage.fedora), `${stage.home.address}:6550`);
    const { path } = await pathBetween({ from: stage.blr, to: stage.fedora });
    assert.equal(path.reason, `direct ${stage.home.address}:6550`);
  });

  watched('get a machine back within 5 s when its address changes', async () => {
    const stream = await PingStream.start(stage.blr, addressOf(stage.fedora));
    await stage.fedora.host.setAddress('192.168.1.77');
    await stream.nextFresh(BACK);
    await stream.stop();
    assert.equal((await untilReached(pairs([stage.fedora, stage.pi, stage.nyc]), BACK)).length, 0);
  });

  watched('get a machine back within 5 s when it moves to another network', async () => {
    const cafe = await stage.lab.router('library', { on: stage.internet, nat: 'preserving', lan: '172.20.0.0/24' });
    const streams = [
      await PingStream.start(stage.blr, addressOf(stage.fedora)),
      await PingStream.start(stage.pi, addressOf(stage.fedora)),
    ];
    await stage.fedora.host.move(cafe);
    await Promise.all(streams.map((stream) => stream.nextFresh(BACK)));
    await stage.fedora.host.move(stage.home);
    await Promise.all(streams.map((stream) => stream.nextFresh(BACK)));
    await Promise.all(streams.map((stream) => stream.stop()));
    await eventually('fedora and pi find their LAN again', 10_000, async () => {
      await stage.pi.ping(addressOf(stage.fedora));
      const { path } = await pathBetween({ from: stage.pi, to: stage.fedora });
      return path.endpoint === `${stage.fedora.host.address}:6550` ? path : null;
    });
  });

  watched('get a machine back within 5 s when it stood still for 20 s', async () => {
    const stream = await PingStream.start(stage.blr, addressOf(stage.fedora));
    const pid = await stage.fedora.signal('SIGSTOP');
    await delay(20_000);
    process.kill(pid, 'SIGCONT');
    await stream.nextFresh(BACK);
    await stream.stop();
    assert.equal((await untilReached(pairs([stage.fedora, stage.pi, stage.blr]), BACK)).length, 0);
  });

  watched('get a machine back after kill -9: the same member, with the same ledger', async () => {
    const { fedora } = stage;
    const before = await fedora.status();
    const ledger = readFileSync(join(fedora.folder, 'ledger.cbor'));
    await fedora.signal('SIGKILL');
    await eventually('the daemon is gone', 3000, async () => ((await fedora.run(['status'])).code === 0 ? null : true));
    await fedora.must(['up']);
    assert.equal((await untilReached(pairs([fedora, stage.pi, stage.blr, stage.nyc]), BACK)).length, 0);
    const after = await fedora.status();
    assert.notEqual(after.pid, before.pid);
    assert.equal(after.self, before.self);
    assert.deepEqual(after.members.map(({ id }) => id).toSorted(), before.members.map(({ id }) => id).toSorted());
    assert.ok(after.ledgerSize >= before.ledgerSize);
    assert.deepEqual(readFileSync(join(fedora.folder, 'ledger.cbor')).subarray(0, ledger.length), ledger);
    assert.equal(statSync(join(fedora.folder, 'node.key')).mode & 0o777, 0o600);
  });

  watched('cut a revoked machine off within 5 s, everywhere', async () => {
    const guest = await stage.guest();
    extra.push(guest);
    await enter(guest, stage.nyc, stage.nyc);
    const address = addressOf(guest);
    const ways = pairs([...stage.all, guest]).filter(({ from, to }) => from === guest || to === guest);
    assert.deepEqual(await untilReached(ways, 10_000), []);
    const began = performance.now();
    await stage.nyc.must(['revoke', 'guest']);
    await Promise.all(
      stage.all.map((each) =>
        eventually(`${each.name} does not reach guest any more`, began + 5000 - performance.now(), async () =>
          (await each.ping(address, 1)) === null ? true : null,
        ),
      ),
    );
    for (const each of stage.all) assert.equal(await each.sees('guest'), undefined);
    assert.equal((await guest.status()).revokedBy, 'externalnyc');
  });
});
