/** Behind a symmetric NAT: data stays relayed, the status says why, the relay sees nothing, and another one takes over. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { Actor, type Capture } from '@kith/lab';
import {
  addressOf,
  buildStage,
  enter,
  everybodySeesEverybody,
  foundNetwork,
  pathBetween,
  type Stage,
} from '@kith/lab/four-machines';
import { PingStream } from './ping-stream.ts';
import { eventually, Witness } from './witness.ts';

/** Serves what it is told to on one address and port. */
const SERVER = `
  const [text, address] = process.argv.slice(1);
  require('http').createServer((_, answer) => answer.end(text.repeat(5000)))
    .listen(80, address, () => console.log('serving'))`;

let stage: Stage;
let witness: Witness;
const extra: Actor[] = [];

const watched = (name: string, body: () => Promise<void>): void => {
  it(name, () => witness.watch(body)());
};

/** Pings until the path is as wanted, which takes the time of one failed punch. */
const relayed = (from: Actor, to: Actor) =>
  eventually(`a relayed path ${from.name} → ${to.name} with a reason`, 10_000, async () => {
    await from.ping(addressOf(to));
    const { path } = await pathBetween({ from, to });
    return path.kind === 'relay' && path.reason.endsWith('NAT is symmetric') ? path : null;
  });

describe('a laptop behind a symmetric NAT and a server behind a firewall', () => {
  before(async () => {
    stage = await buildStage('symmetric');
    witness = await Witness.on(stage.internet, () => [stage.nyc, stage.blr, stage.fedora, ...extra]);
    await witness.watch(async () => {
      await foundNetwork(stage);
      await Promise.all([stage.blr, stage.fedora].map((each) => enter(each, stage.nyc, stage.nyc)));
      const { nyc, internet, lab } = stage;
      const fra = new Actor(await lab.host('externalfra', { on: internet }), nyc.label, nyc.state);
      extra.push(fra);
      const token = await nyc.must(['invite', 'externalfra', '--address', '10.0.0.9', '--via', 'externalnyc']);
      await fra.must(['join', '-', '--endpoint', `${fra.host.address}:6550`], { input: token });
      await fra.must(['up']);
      await everybodySeesEverybody([nyc, stage.blr, stage.fedora, fra]);
    })();
  });
  after(() => stage.close());

  watched('are relayed by a public member, and both say that the NAT is the reason', async () => {
    const { fedora, blr } = stage;
    for (const [from, to] of [
      [fedora, blr],
      [blr, fedora],
    ] as const) {
      const path = await relayed(from, to);
      const via = path.via[0]?.name;
      assert.match(via ?? '', /^external(nyc|fra)$/);
      assert.equal(path.reason, `relayed by ${via}: fedora's NAT is symmetric`);
    }
    assert.match(await fedora.must(['status']), /NAT symmetric, its router gives every destination another port/);
  });

  watched('show nothing of what they say to the relay and the router', async () => {
    const { nyc, blr, fedora, home, lab } = stage;
    const secret = `secret ${randomBytes(12).toString('hex')} `;
    const marker = `marker ${randomBytes(12).toString('hex')} `;
    const [fra] = extra;
    assert.ok(fra);
    const relays = [nyc, fra];
    const captures: Capture[] = await Promise.all([nyc.host, fra.host, home].map((each) => lab.capture(each)));
    const carried = async () =>
      (await Promise.all(relays.map((each) => each.status()))).reduce((sum, each) => sum + each.relayedPackets, 0);
    const before = await carried();

    const server = await blr.host.spawn([process.execPath, '-e', SERVER, secret, addressOf(blr)]);
    await server.waitFor(/^serving$/);
    const { stdout } = await fedora.host.run(['curl', '-s', '-m', '10', `http://${addressOf(blr)}/`], {
      timeoutMs: 15_000,
    });
    assert.equal(stdout, secret.repeat(5000), 'the secret really crossed');
    assert.ok((await carried()) > before + 100, 'and it crossed a relay');

    // The same kind of text beside the tunnel is seen everywhere: the captures can find what is there.
    for (const { host } of relays)
      await fedora.host.run(['bash', '-c', `printf '${marker}' > /dev/udp/${host.address}/9`]);
    await Promise.all(captures.map((capture) => capture.waitFor(marker)));
    for (const capture of captures) {
      assert.equal(capture.contains(secret.trim()), false);
      assert.equal(capture.contains(secret.slice(0, 16)), false);
      await capture.stop();
    }
    await server.stop();
  });

  watched('wait at most 3 s for an answer when their relay dies and there is another', async () => {
    const { nyc, blr, fedora } = stage;
    const [fra] = extra;
    assert.ok(fra);
    const both = [blr, fedora];
    // Both have to hold a link with both relays, or none could take over.
    for (const each of both) {
      for (const to of [nyc, fra]) {
        await eventually(`${each.name} has a direct way to ${to.name}`, 15_000, async () =>
          (await each.sees(to))?.path.kind === 'direct' ? true : null,
        );
      }
    }
    const stream = await PingStream.start(fedora, addressOf(blr));
    const { path } = await pathBetween({ from: fedora, to: blr });
    const relay = path.via[0]?.name === 'externalfra' ? fra : nyc;
    const other = relay === fra ? nyc : fra;
    assert.equal(path.via[0]?.name, relay.name);
    await relay.signal('SIGKILL');
    const silence = await stream.nextFresh(3000);
    assert.ok(silence <= 3000, `${silence} ms`);
    assert.equal((await relayed(fedora, blr)).via[0]?.name, other.name);
    await stream.stop();
    await relay.must(['up']);
  });
});
