/** Routers and a gateway that ask and answer one another across real links. Needs root. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { inflateRawSync } from 'node:zlib';
import { parseAnswer } from '@kith/gateway';
import { Lab, type LabProcess, type Machine } from '@kith/lab';

const skip = process.getuid?.() === 0 ? false : 'needs root';
const PROGRAM = join(import.meta.dirname, 'respondd-process.ts');
const folder = mkdtempSync(join(tmpdir(), 'kith-respondd-'));

let lab: Lab;
let gateway: Machine;
let near: Machine;
let far: Machine;

/** `near` and `far` are ports of the gateway's bridge, as routers are; `outside` is at its exit. */
before(async () => {
  if (skip !== false) return;
  lab = await Lab.create({ name: 'respondd' });
  [gateway, near, far] = [await lab.bare('gateway'), await lab.bare('near'), await lab.bare('far')];
  const outside = await lab.bare('outside');
  for (const [machine, iface] of [
    [near, 'eth1'],
    [far, 'eth2'],
    [outside, 'eth0'],
  ] as const)
    await lab.cable({ machine: gateway, iface }, { machine, iface: 'up0' });
  await bash(
    gateway,
    'ip link add br-lab type bridge; ip link set br-lab up; ip addr add fd00:70::1/64 dev br-lab nodad',
  );
  await bash(gateway, 'for port in eth1 eth2; do ip link set $port master br-lab; done');
  await bash(gateway, 'ip addr add 2001:db8::1/64 dev eth0 nodad');
  await bash(outside, 'ip addr add 2001:db8::2/64 dev up0 nodad; ip route add fd00:70::/64 via 2001:db8::1');
  await Promise.all([near, far, gateway, outside].map((machine) => settled(machine)));
});

after(async () => {
  if (skip === false) await lab.close();
  rmSync(folder, { recursive: true, force: true });
});

async function bash(machine: Machine, script: string): Promise<string> {
  const { code, stdout, stderr } = await machine.run(['sh', '-ec', script]);
  assert.equal(code, 0, `${script}: ${stderr}`);
  return stdout;
}

/** Duplicate detection of link-local addresses takes a second or two. */
async function settled(machine: Machine): Promise<void> {
  const deadline = Date.now() + 10_000;
  while ((await bash(machine, 'ip -6 addr show tentative')) !== '') {
    assert.ok(Date.now() < deadline, `addresses of ${machine.name} stay tentative`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function start(t: TestContext, machine: Machine, ...argv: readonly string[]): Promise<LabProcess> {
  const program = await machine.spawn([process.execPath, '--conditions=source', PROGRAM, ...argv]);
  t.after(() => program.stop());
  await program.waitFor(/"type":"started"/, 15_000);
  return program;
}

function collect(t: TestContext, name: string, interval = 1000): Promise<LabProcess> {
  return start(t, gateway, 'collector', join(folder, name), String(interval), 'br-lab');
}

interface Seen {
  readonly known: number;
  readonly online: number;
  readonly loaded: { readonly restored: number };
  readonly collector: {
    readonly answers: number;
    readonly interfaces: readonly { readonly name: string; readonly trouble: string | null }[];
    readonly refused: Readonly<Record<string, number>>;
    readonly complaints: readonly { readonly reason: string; readonly address: string; readonly why: string }[];
  };
}

/** Asks for what a program knows until it is as wanted. */
async function until<T>(program: LabProcess, wanted: (snapshot: T) => boolean): Promise<T> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    program.forget();
    program.write('snapshot');
    const [line] = await program.waitFor(/^.*"type":"snapshot".*$/);
    const snapshot: T = JSON.parse(line);
    if (wanted(snapshot)) return snapshot;
    assert.ok(Date.now() < deadline, line);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test('routers on both sides of the bridge are found, and their map is written', { skip }, async (t) => {
  await Promise.all([start(t, near, 'router', 'up0', 'honest', 'r1'), start(t, far, 'router', 'up0', 'honest', 'r2')]);
  const map = await collect(t, 'found');
  await until<Seen>(map, ({ online }) => online === 2);
  await map.waitFor(/"type":"written"/);
  const nodes: { nodes: { nodeinfo: { node_id: string } }[] } = JSON.parse(
    readFileSync(join(folder, 'found', 'nodes.json'), 'utf8'),
  );
  assert.deepEqual(
    nodes.nodes.map(({ nodeinfo }) => nodeinfo.node_id),
    ['r1', 'r2'],
  );
  map.write('stop');
  assert.equal((await map.exited).code, 0);
  const again = await collect(t, 'found');
  const { loaded, online } = await until<Seen>(again, () => true);
  assert.deepEqual([loaded.restored, online], [2, 2]);
});

test('a router that misses the question to all is asked alone', { skip }, async (t) => {
  const router = await start(t, near, 'router', 'up0', 'honest', 'r1');
  const map = await collect(t, 'alone', 1500);
  await until<Seen>(map, ({ online }) => online === 1);
  await router.stop();
  const deaf = await start(t, near, 'router', 'up0', 'deaf', 'r1');
  const { collector } = await until<Seen>(map, () => true);
  await deaf.waitFor(/"type":"asked"/);
  await until<Seen>(map, (seen) => seen.collector.answers > collector.answers);
});

for (const [kind, reason] of [
  ['bomb', 'size'],
  ['cut', 'deflate'],
  ['flood', 'rate'],
] as const) {
  test(
    `a router that sends ${kind === 'cut' ? 'half an answer' : `a ${kind}`} is named, and the others stay on the map`,
    {
      skip,
    },
    async (t) => {
      await start(t, near, 'router', 'up0', 'honest', 'r1');
      await start(t, far, 'router', 'up0', kind, 'evil');
      const map = await collect(t, kind);
      const address = /fe80::\S+/.exec(await bash(far, 'ip -6 -o addr show dev up0 scope link'))?.[0].split('/')[0];
      const { collector } = await until<Seen>(
        map,
        ({ online, collector: { refused } }) => online >= 1 && (refused[reason] ?? 0) > 0,
      );
      const complaint = collector.complaints.find((each) => each.reason === reason);
      assert.equal(complaint?.address, `${address}%br-lab`);
    },
  );
}

test('a router with the id of another one is named', { skip }, async (t) => {
  await start(t, near, 'router', 'up0', 'honest', 'r1');
  const map = await collect(t, 'twin');
  await until<Seen>(map, ({ online }) => online === 1);
  await start(t, far, 'router', 'up0', 'twin', 'r1');
  const { known } = await until<Seen>(map, ({ collector }) => (collector.refused['twin'] ?? 0) > 0);
  assert.equal(known, 1);
});

test('an interface that comes late, or comes again, is asked on at once', { skip }, async (t) => {
  const map = await start(t, gateway, 'collector', join(folder, 'late'), '600000', 'br-late');
  const { collector } = await until<Seen>(map, () => true);
  assert.match(collector.interfaces[0]?.trouble ?? '', /is not there/);
  for (const number of [1, 2]) {
    await bash(gateway, 'ip link add br-late type bridge; ip link set br-late up; ip link set eth2 master br-late');
    t.after(() => bash(gateway, 'ip link set eth2 master br-lab'));
    const router = await start(t, far, 'router', 'up0', 'honest', `late${number}`);
    await until<Seen>(map, ({ known }) => known === number);
    await router.stop();
    await bash(gateway, 'ip link del br-late');
    await until<Seen>(map, (seen) => seen.collector.interfaces[0]?.trouble !== null);
  }
});

interface Answering {
  readonly answered: number;
  readonly ignored: Readonly<Record<string, number>>;
}

async function answerTo(asker: LabProcess, line: string): Promise<Buffer> {
  asker.forget();
  asker.write(line);
  const [, hex = ''] = await asker.waitFor(/"type":"answer","hex":"([0-9a-f]+)"/);
  return Buffer.from(hex, 'hex');
}

test('the gateway answers on both groups and alone, compressed and in the old way', { skip }, async (t) => {
  await start(t, gateway, 'responder', 'br-lab');
  const asker = await start(t, near, 'asker', 'up0');
  const own = /fe80::\S+/.exec(await bash(gateway, 'ip -6 -o addr show dev br-lab scope link'))?.[0].split('/')[0];
  for (const target of ['ff02::2:1001', 'ff05::2:1001', `${own}%up0`]) {
    const bytes = await answerTo(asker, `${target} 1 GET nodeinfo statistics neighbours`);
    const { documents, oddities } = parseAnswer(inflateRawSync(bytes).toString());
    assert.deepEqual(oddities, []);
    assert.equal(documents.nodeinfo?.hostname, 'tower');
    assert.equal(documents.nodeinfo?.software.firmware?.release, '1.2.3');
    assert.equal(documents.statistics?.clients?.total, 5);
    assert.ok((documents.statistics?.memory?.total ?? 0) > 1000);
    assert.deepEqual(documents.neighbours?.batadv, {});
  }
  const old = await answerTo(asker, 'ff02::2:1001 1 nodeinfo');
  assert.equal(JSON.parse(old.toString()).owner.contact, 'ada@example.org');
});

test('the gateway finds itself when it asks', { skip }, async (t) => {
  await start(t, gateway, 'responder', 'br-lab');
  const map = await collect(t, 'self');
  await until<Seen>(map, ({ online }) => online === 1);
});

test('whoever asks without end gets a few answers, whoever asks from outside none', { skip }, async (t) => {
  const responder = await start(t, gateway, 'responder', 'br-lab');
  const asker = await start(t, near, 'asker', 'up0');
  asker.write('ff02::2:1001 200 GET nodeinfo');
  const { answered, ignored } = await until<Answering>(
    responder,
    (seen) => seen.answered + (seen.ignored['rate'] ?? 0) === 200,
  );
  assert.ok(answered >= 8 && answered < 20, `${answered} answers`);
  assert.ok((ignored['rate'] ?? 0) >= 180);
  await bash(near, 'ip addr add 2001:db8:bad::5/64 dev up0 nodad');
  t.after(() => bash(near, 'ip addr del 2001:db8:bad::5/64 dev up0'));
  const liar = await start(t, near, 'asker', 'up0', '2001:db8:bad::5');
  liar.write('ff05::2:1001 1 GET nodeinfo');
  await until<Answering>(responder, (seen) => (seen.ignored['source'] ?? 0) > 0);
  assert.ok(!liar.stdout.some((line) => line.includes('"answer"')));
});
