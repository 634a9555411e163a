/** Connections over WebRTC between two users of it, each with a process of its own. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { LOOPBACK_ONLY, type PeerFilter } from '../../src/index.ts';
import { listen, pair, PAIRINGS, pidOf, SAME, sidesIn, webrtcIn } from './pair.ts';
import { until } from './rig.ts';

/** sched(7) */
const SCHED_BATCH = '3';
const NOBODY: PeerFilter = { allows: () => false };

for (const pairing of PAIRINGS) {
  test(`bytes go both ways in order, are reported as taken, and the end of one side is the end of the other: ${pairing.name}`, async (t) => {
    const [mine, yours] = await pair(...sidesIn(t, pairing));
    assert.equal(mine.remote.ip, '127.0.0.1');
    assert.deepEqual([mine.incoming, yours.incoming], [false, true]);
    const [here, there] = [listen(mine), listen(yours)];
    const sent = Buffer.alloc(3_000_000, 'abcdefg');
    mine.write([sent.subarray(0, 10), sent.subarray(10, 2_500_000), sent.subarray(2_500_000)]);
    assert.equal(mine.pending, sent.length);
    yours.write([Buffer.from('hello')]);
    await until(
      () => there.bytes().length >= sent.length && here.bytes().length >= 5,
      () => `${there.bytes().length} bytes`,
    );
    assert.ok(there.bytes().equals(sent));
    assert.equal(here.bytes().toString(), 'hello');
    await until(
      () => mine.pending === 0 && here.drained > 0,
      () => `${mine.pending} bytes pending`,
    );
    mine.close('enough');
    await until(
      () => here.reason !== undefined && there.reason !== undefined,
      () => 'an end',
    );
    assert.equal(here.reason, 'enough');
  });
}

for (const pairing of PAIRINGS) {
  test(`a paused connection delivers nothing, and all of it in order afterwards: ${pairing.name}`, async (t) => {
    const [mine, yours] = await pair(...sidesIn(t, pairing));
    listen(mine);
    const there = listen(yours);
    yours.pause();
    const sent = Buffer.alloc(1_000_000, '0123456789');
    mine.write([sent]);
    await until(
      () => mine.pending === 0,
      () => `${mine.pending} bytes pending`,
    );
    assert.equal(there.bytes().length, 0);
    yours.resume();
    assert.equal(there.bytes().length, 0, 'nothing is delivered from within the call');
    await until(
      () => there.bytes().length === sent.length,
      () => `${there.bytes().length} bytes`,
    );
    assert.ok(there.bytes().equals(sent));
  });
}

test('a crash of the process ends its connections, and a while later there are new ones', async (t) => {
  const warnings: string[] = [];
  const ours = webrtcIn(t, { log: (_, text) => warnings.push(text) });
  const theirs = webrtcIn(t);
  const [mine] = await pair(ours, theirs);
  const here = listen(mine);
  const pid = pidOf(ours);
  assert.ok(pid !== undefined);
  process.kill(pid, 'SIGKILL');
  await until(
    () => here.reason !== undefined,
    () => 'an end',
  );
  assert.match(here.reason ?? '', /SIGKILL/);
  assert.match(warnings[0] ?? '', /started again/);
  assert.equal(ours.state.state, 'waiting');
  await assert.rejects(ours.offer(LOOPBACK_ONLY), { failure: 'crashed' });
  await until(
    () => ours.state.state === 'idle',
    () => ours.state.state,
  );
  const [again] = await pair(ours, theirs);
  assert.equal(again.remote.ip, '127.0.0.1');
});

for (const pairing of SAME) {
  test(`an offer that is none is refused, and the process survives it: ${pairing.name}`, async (t) => {
    const webrtc = webrtcIn(t, { library: pairing.ours });
    const good = (await webrtcIn(t).offer(LOOPBACK_ONLY)).sdp;
    const lines = good.split('\r\n');
    const bad = [
      'v=0\r\n',
      `v=0\r\n${'a=x\r\n'.repeat(2000)}`,
      'v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n',
      ...lines.map((line) => good.replace(`${line}\r\n`, '')),
      ...lines.map((line) => good.replace(line, `${line.slice(0, 12)}\u0000%n%n9999999999`)),
      good.replace(/a=fingerprint.*\r\n/, 'a=fingerprint:sha-256 00\r\n'),
      good.replace(/a=max-message-size.*\r\n/, 'a=max-message-size:-1\r\n'),
    ];
    await webrtc.offer(LOOPBACK_ONLY);
    const pid = pidOf(webrtc);
    await Promise.all(
      bad.map(async (sdp) => {
        const attempt = await webrtc.accept(sdp, LOOPBACK_ONLY).catch((error: unknown) => {
          assert.ok(error instanceof Error && 'failure' in error, String(error));
          return undefined;
        });
        attempt?.abandon();
      }),
    );
    await assert.rejects(webrtc.accept('GET / HTTP/1.1', LOOPBACK_ONLY), { failure: 'malformed' });
    await pair(webrtc, webrtcIn(t));
    assert.equal(pidOf(webrtc), pid);
  });
}

test('more connections than there may be are refused', async (t) => {
  const webrtc = webrtcIn(t, { most: 2 });
  const first = await webrtc.offer(LOOPBACK_ONLY);
  await webrtc.offer(LOOPBACK_ONLY);
  await assert.rejects(webrtc.offer(LOOPBACK_ONLY), { failure: 'full' });
  first.abandon();
  await assert.rejects(first.opened, { failure: 'closed' });
  await webrtc.offer(LOOPBACK_ONLY);
});

for (const pairing of SAME) {
  test(`nobody outside is told an address, dialled, or let in: ${pairing.name}`, async (t) => {
    const [ours, theirs] = sidesIn(t, pairing);
    const silent = await ours.offer(NOBODY);
    assert.ok(!silent.sdp.includes('a=candidate:'), silent.sdp);
    const offer = await ours.offer(LOOPBACK_ONLY);
    const deaf = await theirs.accept(offer.sdp, NOBODY);
    assert.ok(!deaf.sdp.includes('a=candidate:'), deaf.sdp);
    deaf.abandon();
    // Checks may come from an address that no candidate named: whoever is found behind it is asked about once more.
    let open = true;
    const answer = await theirs.accept(offer.sdp, { allows: () => open });
    open = false;
    offer.answered(answer.sdp);
    await assert.rejects(answer.opened, { failure: 'forbidden' });
  });
}

test('what is closed offers nothing, and a process that is not needed is not there', async (t) => {
  const webrtc = webrtcIn(t);
  assert.equal(pidOf(webrtc), undefined);
  webrtc.close();
  await assert.rejects(webrtc.offer(LOOPBACK_ONLY), { failure: 'closed' });
});

test(
  'no packet takes the processor from the thread that is at work: the threads of the library run as batch',
  { skip: process.platform !== 'linux' },
  async (t) => {
    const ours = webrtcIn(t);
    await pair(ours, webrtcIn(t));
    const tasks = `/proc/${pidOf(ours)}/task`;
    const policies = readdirSync(tasks)
      .map((thread) => readFileSync(`${tasks}/${thread}/stat`, 'utf8'))
      .filter((stat) => /\((?:RTC worker|juice poll)\)/.test(stat))
      // Field 41, proc_pid_stat(5); the first that is counted here is the third.
      .map((stat) => stat.slice(stat.lastIndexOf(')') + 2).split(' ')[38]);
    assert.ok(policies.length >= 2);
    assert.deepEqual(new Set(policies), new Set([SCHED_BATCH]));
  },
);
