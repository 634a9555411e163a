/** One machine in two networks: two daemons, two ports, two interfaces, and neither minds the other. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Actor, type Host, Lab } from '@kith/lab';
import { eventually, Witness } from './witness.ts';

let lab: Lab;
let folder: string;
let witness: Witness;
let host: Host;
/** The founder of each network, and the machine in the middle as a member of each. */
let red: { readonly founder: Actor; readonly member: Actor };
let blue: { readonly founder: Actor; readonly member: Actor };

const watched = (name: string, body: () => Promise<void>): void => {
  it(name, () => witness.watch(body)());
};

async function grow(founder: Actor, member: Actor, prefix: string): Promise<void> {
  await founder.must(['init', founder.name, '--prefix', prefix]);
  await founder.must(['up']);
  await member.must(['join', '-'], { input: await founder.must(['invite', 'middle']) });
  await member.must(['up']);
}

describe('a machine in two networks', () => {
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'kith-net-'));
    lab = await Lab.create();
    const internet = await lab.internet();
    host = await lab.host('middle', { on: internet });
    const network = async (label: string) => ({
      founder: new Actor(await lab.host(`${label}-founder`, { on: internet }), label, folder),
      member: new Actor(host, label, folder),
    });
    red = await network('red');
    blue = await network('blue');
    witness = await Witness.on(internet, () => [red.founder, red.member, blue.founder, blue.member]);
  });
  after(async () => {
    await lab.close();
    rmSync(folder, { recursive: true, force: true });
  });

  watched('reaches the members of both', async () => {
    await grow(red.founder, red.member, '10.1.0.0/24');
    await grow(blue.founder, blue.member, '10.2.0.0/24');
    assert.notEqual(await red.member.ping('10.1.0.1', 5), null);
    assert.notEqual(await blue.member.ping('10.2.0.1', 5), null);
    await eventually('red reaches it', 5000, () => red.founder.ping('10.1.0.2', 1));
    await eventually('blue reaches it', 5000, () => blue.founder.ping('10.2.0.2', 1));
  });

  watched('has a port, an interface and an identity for each', async () => {
    const [r, b] = [await red.member.status(), await blue.member.status()];
    assert.deepEqual([r.interface?.name, b.interface?.name], ['kith-red', 'kith-blue']);
    assert.notEqual(r.port, b.port);
    assert.notEqual(r.pid, b.pid);
    assert.notEqual(r.self, b.self);
    assert.equal(await red.member.must(['networks']), 'blue\nred\n');
  });

  watched('lets nobody of one network into the other', async () => {
    // The machine in the middle does not forward; and an address of the other network is none of the sender's.
    await red.founder.host.configure('route into the other network on', { ip: ['route add 10.2.0.0/24 dev kith-red'] });
    assert.equal(await red.founder.ping('10.2.0.2', 1), null);
    assert.equal(await red.founder.ping('10.2.0.1', 1), null);
  });

  watched('stays in one when it is thrown out of the other', async () => {
    await red.founder.must(['revoke', 'middle']);
    await red.member.until('it knows', ({ member }) => !member, 5000);
    assert.notEqual(await blue.founder.ping('10.2.0.2', 5), null);
    assert.equal((await blue.member.status()).member, true);
  });
});
