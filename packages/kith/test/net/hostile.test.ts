/** What strangers and false members can throw at a daemon's port: it goes on, and nothing changes. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, describe, it } from 'node:test';
import { concat, fromHex } from '@kith/core';
import { Actor, type Host, Lab, type SeenStatus } from '@kith/lab';
import { Random, seedFrom } from '@kith/sim';
import { PingStream } from './ping-stream.ts';
import { eventually, Witness } from './witness.ts';

const SENDER = fileURLToPath(new URL('send-datagrams.ts', import.meta.url));
const LABEL = 'target';
const PORT = 6550;
const COUNT = 20_000;
/** Ethernet, IPv4 without options and UDP before the payload. */
const HEADERS = 14 + 20 + 8;
/** What a daemon may hold in memory, and by how much a bombardment may let it grow; bytes. */
const RSS_LIMIT = 200 << 20;
const RSS_GROWTH = 64 << 20;

const seed = seedFrom(process.env, 'hostile datagrams');
const random = new Random(seed);

function residentBytes(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1]) * 1024;
}

function relayFrame(dst: string, src: string, message: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(5, 8, 0, 0), fromHex(dst), fromHex(src), message);
}

/** One datagram made of a real one, or of nothing. */
function mutate(real: readonly Uint8Array[], ids: readonly string[]): Uint8Array {
  const pick = <T>(list: readonly T[]): T => list[random.int(list.length)] as T;
  const copy = Uint8Array.from(pick(real));
  switch (random.int(7)) {
    case 0:
      return random.bytes(random.int(1473));
    case 1: {
      for (let i = random.int(4); i >= 0; i--) copy[random.int(copy.length)] = random.int(256);
      return copy;
    }
    case 2:
      return copy.subarray(0, random.int(copy.length + 1));
    case 3:
      return concat(copy, random.bytes(random.int(64)));
    case 4: {
      copy[0] = random.int(7);
      return copy;
    }
    case 5: {
      const frame = relayFrame(pick(ids), pick(ids), copy);
      frame[1] = pick([0, 1, 8, 255]);
      return random.chance(0.2) ? relayFrame(pick(ids), pick(ids), frame) : frame;
    }
    default:
      return copy;
  }
}

/** What of a status no stranger may change. */
function essence(status: SeenStatus): unknown {
  const members = status.members.map(({ id, name, address4, online, path }) => {
    return { id, name, address4, online, kind: path.kind, endpoint: path.endpoint };
  });
  return {
    member: status.member,
    ledgerSize: status.ledgerSize,
    members: members.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  };
}

let lab: Lab;
let folder: string;
let witness: Witness;
let nyc: Actor;
let blr: Actor;
let carol: Actor;
let mallory: Actor;
let stranger: Host;
let real: readonly Uint8Array[] = [];

const watched = (name: string, body: () => Promise<void>): void => {
  it(name, () => witness.watch(body)());
};

async function send(from: Host, to: Host, datagrams: readonly Uint8Array[], sourcePort = 0): Promise<void> {
  const file = join(folder, 'datagrams');
  writeFileSync(
    file,
    concat(...datagrams.map((each) => concat(Uint8Array.of(each.length >> 8, each.length & 255), each))),
  );
  const words = [process.execPath, SENDER, file, to.address, String(PORT), String(sourcePort)];
  const { code, stdout, stderr } = await from.run(words, { timeoutMs: 60_000 });
  assert.equal(code, 0, stderr);
  assert.equal(stdout, `sent ${datagrams.length}\n`);
}

const idOf = async (actor: Actor): Promise<string> => (await actor.sees(actor))?.id ?? '';

describe(`a daemon's port under fire (seed ${JSON.stringify(seed)})`, () => {
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'kith-net-'));
    lab = await Lab.create();
    const internet = await lab.internet();
    const actor = async (name: string, firewall: 'open' | 'closed') =>
      new Actor(await lab.host(name, { on: internet, firewall }), LABEL, folder);
    nyc = await actor('nyc', 'open');
    blr = await actor('blr', 'closed');
    carol = await actor('carol', 'open');
    mallory = await actor('mallory', 'open');
    stranger = await lab.host('stranger', { on: internet });
    witness = await Witness.on(internet, () => [nyc, blr, carol]);
    await witness.watch(async () => {
      const capture = await lab.capture(nyc.host, { iface: 'eth0', filter: `udp port ${PORT}` });
      await nyc.must(['init', 'nyc', '--prefix', '10.3.0.0/24', '--endpoint', `${nyc.host.address}:${PORT}`]);
      await nyc.must(['up']);
      for (const each of [blr, mallory, carol]) {
        await each.must(['join', '-'], { input: await nyc.must(['invite', each.name]) });
        await each.must(['up']);
      }
      for (const [from, to] of [
        [nyc, '10.3.0.2'],
        [blr, '10.3.0.3'],
        [mallory, '10.3.0.1'],
      ] as const) {
        await eventually(`${from.name} reaches ${to}`, 10_000, () => from.ping(to, 1));
      }
      // Every kind of message, as it really was on the wire: handshakes, control, data, relayed ones.
      await capture.stop();
      real = capture.packets().map(({ data }) => Uint8Array.from(data.subarray(HEADERS)));
      for (const type of [1, 2, 4]) assert.ok(real.some((each) => each[0] === type));
    })();
  });
  after(async () => {
    await lab.close();
    rmSync(folder, { recursive: true, force: true });
  });

  watched('lives through 20,000 random, mutated and replayed datagrams, in bounded memory', async () => {
    const ids = [await idOf(nyc), await idOf(blr), await idOf(mallory), 'ffffffffffffffff'];
    const before = await nyc.status();
    const memory = residentBytes(before.pid);
    const stream = await PingStream.start(blr, '10.3.0.1');
    await send(
      stranger,
      nyc.host,
      Array.from({ length: COUNT }, () => mutate(real, ids)),
    );
    await stream.nextFresh(3000);
    await stream.stop();
    const now = residentBytes(before.pid);
    assert.ok(now < RSS_LIMIT && now - memory < RSS_GROWTH, `from ${memory >> 20} to ${now >> 20} MiB`);
    const after = await nyc.status();
    assert.equal(after.pid, before.pid);
    assert.deepEqual(essence(after), essence(before));
    assert.doesNotMatch(nyc.log(), /crash/);
  });

  watched('forwards nothing for strangers', async () => {
    const target = await idOf(blr);
    const capture = await lab.capture(blr.host, { iface: 'eth0', filter: 'udp' });
    const secret = random.bytes(64);
    const frame = relayFrame(target, await idOf(mallory), concat(Uint8Array.of(4, 0, 0, 0), secret));
    await send(
      stranger,
      nyc.host,
      Array.from({ length: 50 }, () => frame),
    );
    // nyc has read its port to the end when it answers a ping that came after all of it.
    assert.notEqual(await blr.ping('10.3.0.1', 5), null);
    await stranger.run(['bash', '-c', `printf 'the capture works' > /dev/udp/${blr.host.address}/9`]);
    await capture.waitFor('the capture works');
    assert.equal(capture.contains(secret), false);
    await capture.stop();
  });

  watched('takes nothing from what a false member has relayed in the name of others', async () => {
    const [target, name, other] = [await idOf(blr), await idOf(carol), await idOf(mallory)];
    assert.notEqual(await blr.ping('10.3.0.4', 5), null);
    await eventually('mallory has a session with blr', 10_000, () => mallory.ping('10.3.0.2', 1));
    const before = { blr: await blr.status(), nyc: await nyc.status() };
    const memory = residentBytes(before.blr.pid);
    const stream = await PingStream.start(blr, '10.3.0.1');
    const capture = await lab.capture(blr.host, { iface: 'eth0', filter: 'udp' });
    // From mallory's own port, as mallory's daemon would: nyc forwards what comes from a member.
    await mallory.signal('SIGKILL');
    await eventually('the port is free', 3000, async () => ((await mallory.run(['status'])).code === 0 ? null : true));
    const marker = concat(Uint8Array.of(4, 0, 0, 0), random.bytes(60));
    const frames = [relayFrame(target, name, marker)];
    for (let i = 0; i < 2000; i++) {
      const src = [name, other, target, 'ffffffffffffffff'][random.int(4)] as string;
      frames.push(relayFrame(target, src, mutate(real, [target, name, other])).subarray(0, 1472));
    }
    await send(mallory.host, nyc.host, frames, PORT);
    await capture.waitFor(marker.subarray(4));
    await stream.nextFresh(3000);
    await stream.stop();
    await capture.stop();
    const seen = (status: SeenStatus) =>
      essence({ ...status, members: status.members.filter(({ id }) => id !== other) });
    for (const [actor, was] of [
      [blr, before.blr],
      [nyc, before.nyc],
    ] as const) {
      const is = await actor.status();
      assert.equal(is.pid, was.pid);
      assert.deepEqual(seen(is), seen(was));
      assert.doesNotMatch(actor.log(), /crash/);
    }
    assert.ok(residentBytes(before.blr.pid) - memory < RSS_GROWTH);
  });
});
