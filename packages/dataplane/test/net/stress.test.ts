/** The native plane on real devices, disturbed in the midst of traffic. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { SecretKey, tunnelKeyOf } from '@kith/core';
import { nodeCrypto } from '../../src/node-crypto.ts';
import { missing } from '../addon.ts';
import { nodeId } from '../rig.ts';
import type { MemberCommand, MemberProcess } from './member-process.ts';
import { Namespaces, run, type Child } from './namespaces.ts';
import type { StoppingCommand, StoppingProcess, StoppingStatus } from './stopping-process.ts';
import type { TransferProcess } from './transfer-process.ts';
import { Wire } from './wire.ts';

const STOPPING = new URL('stopping-process.ts', import.meta.url);
const MEMBER = new URL('member-process.ts', import.meta.url);
const TRANSFER = new URL('transfer-process.ts', import.meta.url);
const PORT = 6550;

async function ask(child: Child | undefined, command: StoppingCommand | MemberCommand): Promise<unknown> {
  assert(child !== undefined);
  child.tell(JSON.stringify(command));
  return child.next();
}

describe('a native plane that is stopped under load', { skip: missing }, () => {
  const spaces = new Namespaces();
  const members: Child[] = [];
  let a = '';

  before(async () => {
    a = spaces.add('stop-a');
    const b = spaces.add('stop-b');
    spaces.link(a, '192.0.2.1', b, '192.0.2.2');
    const start = (namespace: string, init: StoppingProcess) => members.push(spaces.start(namespace, STOPPING, init));
    start(a, { member: 1, peerEndpoint: `192.0.2.2:${PORT}` });
    start(b, { member: 2, peerEndpoint: `192.0.2.1:${PORT}` });
    for (const member of members) await member.next();
    await ask(members[1], { do: 'start' });
  });
  after(() => spaces.remove());

  const status = async (member: number) => (await ask(members[member], { do: 'status' })) as StoppingStatus;

  it('ends at once fifty times, with and without its device, and leaves nothing behind', async (context) => {
    let first: StoppingStatus | null = null;
    let longest = 0;
    let deleted = 0;
    for (let n = 0; n < 50; n++) {
      await ask(members[0], { do: 'start' });
      await ask(members[1], { do: 'session', n });
      const before = (await status(1)).arrived;
      await ask(members[0], { do: 'session', n });
      const deadline = performance.now() + 10_000;
      for (;;) {
        const { sent, received } = await status(0);
        if (sent > 100 && received > 100 && (await status(1)).arrived > before + 100) break;
        assert(performance.now() < deadline, `traffic both ways before stop ${n}`);
        await delay(2);
      }
      if (n % 5 === 4) {
        run('ip', '-n', a, 'link', 'delete', 'kith0');
        deleted += 1;
        const limit = performance.now() + 10_000;
        while ((await status(0)).lost < deleted) assert(performance.now() < limit, 'news of the deleted device');
      }
      longest = Math.max(longest, (await ask(members[0], { do: 'stop' })) as number);
      if (n === 4) first = await status(0);
    }
    assert(longest < 2000, `a stop took ${longest} ms`);
    const last = await status(0);
    assert.deepEqual(
      [last.descriptors, last.threads, last.lost],
      [first?.descriptors, first?.threads, deleted],
      'descriptors, threads and news of deleted devices',
    );
    assert.doesNotMatch(run('ip', '-n', a, 'link', 'show'), /kith0/);
    context.diagnostic(`the longest stop took ${longest.toFixed(0)} ms`);
  });
});

describe('a native plane one of whose peers is behind a smaller MTU', { skip: missing }, () => {
  const spaces = new Namespaces();
  const secrets = [1, 2, 3].map(() => Uint8Array.from(randomBytes(32)));
  const names: string[] = [];
  const members: Child[] = [];

  before(async () => {
    for (const label of ['mtu-a', 'mtu-b', 'mtu-c']) names.push(spaces.add(label));
    const [a, b, c] = names as [string, string, string];
    spaces.link(a, '192.0.2.1', b, '192.0.2.2');
    spaces.link(a, '192.0.2.5', c, '192.0.2.6');
    run('ip', '-n', a, 'route', 'replace', '192.0.2.2/32', 'dev', 'v1a', 'src', '192.0.2.1', 'mtu', '1000');
    for (const [i, name] of names.entries()) {
      const init: MemberProcess = {
        secret: Buffer.from(secrets[i] as Uint8Array).toString('hex'),
        id: nodeId(i + 1),
        port: PORT,
        offloads: true,
        cipher: 'aes-256-gcm',
        tun: { name: 'kith0', addresses: [[`10.77.0.${i + 1}`, 16]] },
      };
      const child = spaces.start(name, MEMBER, init);
      await child.next();
      members.push(child);
    }
    const befriend = (from: number, to: number, endpoint: string) => {
      const key = tunnelKeyOf(nodeCrypto(), new SecretKey(Uint8Array.from(secrets[to] as Uint8Array)));
      const path = { endpoint: `${endpoint}:${PORT}` };
      return ask(members[from], { do: 'peer', peer: to + 1, key, allowed: [`10.77.0.${to + 1}/32`], path });
    };
    await befriend(0, 1, '192.0.2.2');
    await befriend(0, 2, '192.0.2.6');
    await befriend(1, 0, '192.0.2.1');
    await befriend(2, 0, '192.0.2.5');
  });
  after(() => spaces.remove());

  /** Sends bytes from the first member to another. */
  async function transfer(to: number, bytes: number, port: number): Promise<void> {
    const host = `10.77.0.${to + 1}`;
    const receive: TransferProcess = { role: 'receive', host, port };
    const send: TransferProcess = { role: 'send', host, port, bytes };
    const receiver = spaces.start(names[to] as string, TRANSFER, receive);
    assert.equal(await receiver.next(), 'listening');
    const sender = spaces.start(names[0] as string, TRANSFER, send);
    const got = (await receiver.next(60_000)) as { bytes: number; hash: string };
    const sent = (await sender.next()) as { hash: string };
    assert.deepEqual(got, { bytes, hash: sent.hash });
    await Promise.all([sender.end(), receiver.end()]);
  }

  it('sends it single datagrams, trains to the others, and loses nothing', async () => {
    await transfer(1, 5_000_000, 7000);
    const wire = await Wire.open(names[0] as string, 'v2a', 2000);
    await transfer(1, 2_000_000, 7001);
    await transfer(2, 5_000_000, 7002);
    const sent = (await wire.close()).filter(({ from }) => from === '192.0.2.5');
    const lengths = sent.map(({ payload }) => payload.length);
    assert(Math.max(...lengths) > 1500, `the longest train to who takes them has ${Math.max(...lengths)} bytes`);
  });
});
