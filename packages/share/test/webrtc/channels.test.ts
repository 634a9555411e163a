/** Several channels on one peer connection. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cleanup, type DataChannel, PeerConnection } from 'node-datachannel';
import { LOOPBACK_ONLY, type PeerFilter } from '../../src/index.ts';
import { MOST_CHANNELS } from '../../src/webrtc/frames.ts';
import type { WebRtc } from '../../src/webrtc/webrtc.ts';
import type { WebRtcDuplex } from '../../src/webrtc/webrtc-duplex.ts';
import { connectionsOf, listen, meet, PAIRINGS, SAME, sidesIn, udpSocketsOf, webrtcIn } from './pair.ts';
import { until } from './rig.ts';

const NOBODY: PeerFilter = { allows: () => false };

/** @returns what comes in under the label */
function hear(webrtc: WebRtc, label: string, filter: PeerFilter = LOOPBACK_ONLY): WebRtcDuplex[] {
  const came: WebRtcDuplex[] = [];
  webrtc.listen(label, { filter, wants: () => true, opened: (duplex) => came.push(duplex) });
  return came;
}

async function first(came: readonly WebRtcDuplex[]): Promise<WebRtcDuplex> {
  await until(
    () => came.length > 0,
    () => 'a channel',
  );
  assert.ok(came[0]);
  return came[0];
}

for (const pairing of PAIRINGS) {
  test(`either side opens further channels on a connection, and it ends with the last of them: ${pairing.name}`, async (t) => {
    const [ours, theirs] = sidesIn(t, pairing);
    const { offer, answer, mine, yours } = await meet(ours, theirs);
    const [atTheirs, atOurs] = [hear(theirs, 'a'), hear(ours, 'b')];
    const a = await ours.join(answer.sdp, 'a', LOOPBACK_ONLY);
    const b = await theirs.join(offer.sdp, 'b', LOOPBACK_ONLY);
    assert.ok(a !== undefined && b !== undefined);
    const [toA, toB] = [await first(atTheirs), await first(atOurs)];
    assert.deepEqual([a.incoming, toA.incoming, b.incoming, toB.incoming], [false, true, false, true]);
    assert.deepEqual([connectionsOf(ours), connectionsOf(theirs)], [1, 1]);
    assert.deepEqual([udpSocketsOf(ours), udpSocketsOf(theirs)], [1, 1]);

    const heard = [mine, yours, a, toA, b, toB].map(listen);
    const said = Buffer.alloc(1_000_000, 'one after the other ');
    for (const duplex of [mine, a, b]) duplex.write([said]);
    await until(
      () => [1, 3, 5].every((i) => heard[i]?.bytes().length === said.length),
      () => heard.map(({ bytes }) => bytes().length).join(),
    );
    assert.ok([1, 3, 5].every((i) => heard[i]?.bytes().equals(said)));

    // Also of the channel that it was made for.
    mine.close('enough');
    toA.close('enough');
    await until(
      () => [0, 1, 2, 3].every((i) => heard[i]?.reason !== undefined),
      () => heard.map(({ reason }) => reason).join(),
    );
    toB.write([said]);
    await until(
      () => heard[4]?.bytes().length === said.length,
      () => heard.map(({ reason }) => reason).join(),
    );
    b.close('enough');
    await until(
      () => connectionsOf(ours) === 0 && connectionsOf(theirs) === 0,
      () => `${connectionsOf(ours)} and ${connectionsOf(theirs)} connections`,
    );
    await until(
      () => udpSocketsOf(ours) === 0 && udpSocketsOf(theirs) === 0,
      () => `${udpSocketsOf(ours)} and ${udpSocketsOf(theirs)} sockets`,
    );
  });
}

for (const pairing of SAME) {
  test(`a channel that is paused does not hold back another one of the same connection: ${pairing.name}`, async (t) => {
    const [ours, theirs] = sidesIn(t, pairing);
    const { answer, mine, yours } = await meet(ours, theirs);
    const came = hear(theirs, 'other');
    const other = await ours.join(answer.sdp, 'other', LOOPBACK_ONLY);
    assert.ok(other);
    const [slow, fast] = [listen(yours), listen(await first(came))];
    for (const duplex of [mine, other]) listen(duplex);
    yours.pause();
    // More than either library keeps of what nobody takes.
    const said = Buffer.alloc(pairing.ours === 'werift' ? 3_000_000 : 12_000_000, '0123456789');
    mine.write([said]);
    other.write([said]);
    await until(
      () => fast.bytes().length === said.length,
      () => `${fast.bytes().length} bytes`,
    );
    assert.equal(slow.bytes().length, 0);
    yours.resume();
    await until(
      () => slow.bytes().length === said.length,
      () => `${slow.bytes().length} bytes`,
    );
  });
}

for (const pairing of SAME) {
  test(`who meets somebody for the second time while the first is under way gets a channel of it: ${pairing.name}`, async (t) => {
    const [ours, theirs] = sidesIn(t, pairing);
    const came = hear(ours, 'second');
    const offers = [await ours.offer(LOOPBACK_ONLY), await ours.offer(LOOPBACK_ONLY)] as const;
    const answering = theirs.accept(offers[0].sdp, LOOPBACK_ONLY);
    const joined = theirs.join(offers[1].sdp, 'second', LOOPBACK_ONLY);
    assert.ok(joined, 'the two offers are of one side');
    offers[0].answered((await answering).sdp);
    await Promise.all([joined, first(came)]);
    assert.deepEqual([connectionsOf(ours), connectionsOf(theirs)], [1, 1]);
  });
}

test('a connection that comes to nothing is no way to anybody', async (t) => {
  const [ours, theirs] = [webrtcIn(t), webrtcIn(t)];
  const { sdp } = await ours.offer(LOOPBACK_ONLY);
  assert.equal(theirs.join(sdp, 'x', LOOPBACK_ONLY), undefined);
  const attempt = await theirs.accept(sdp, LOOPBACK_ONLY);
  const joined = theirs.join(sdp, 'x', LOOPBACK_ONLY);
  attempt.abandon();
  assert.ok(joined);
  await assert.rejects(joined, { failure: 'failed' });
});

for (const pairing of SAME) {
  test(`a channel leads nowhere but where both sides may go: ${pairing.name}`, async (t) => {
    const [ours, theirs] = sidesIn(t, pairing);
    const { answer, mine } = await meet(ours, theirs);
    const [strict, unknown] = [hear(theirs, 'strict', NOBODY), hear(theirs, 'known')];
    assert.equal(ours.join(answer.sdp, 'known', NOBODY), undefined);
    for (const label of ['strict', 'nobody listens for this']) {
      const duplex = await ours.join(answer.sdp, label, LOOPBACK_ONLY);
      assert.ok(duplex);
      const heard = listen(duplex);
      await until(
        () => heard.reason !== undefined,
        () => `the end of "${label}"`,
      );
    }
    assert.deepEqual([strict.length, unknown.length], [0, 0]);
    assert.equal(listen(mine).reason, undefined);
    assert.equal(connectionsOf(theirs), 1);
  });
}

for (const pairing of SAME) {
  test(`who says that it has the certificate of another is not taken for it: ${pairing.name}`, async (t) => {
    const [ours, theirs] = sidesIn(t, pairing);
    const stranger = webrtcIn(t);
    const real = await theirs.offer(LOOPBACK_ONLY);
    const [line] = /a=fingerprint.*/.exec(real.sdp) ?? [];
    const offer = await stranger.offer(LOOPBACK_ONLY);
    const forged = await ours.accept(offer.sdp.replace(/a=fingerprint.*/, line ?? ''), LOOPBACK_ONLY);
    const joined = ours.join(real.sdp, 'a', LOOPBACK_ONLY);
    assert.ok(joined, 'nobody knows yet');
    offer.answered(forged.sdp);
    await Promise.all([
      assert.rejects(forged.opened, { failure: 'failed' }),
      assert.rejects(joined, { failure: 'failed' }),
    ]);
    assert.equal(connectionsOf(ours), 0);
  });
}

for (const pairing of SAME) {
  test(`a peer that opens a thousand channels gets as many as a connection may have, and the connection goes on: ${pairing.name}`, async (t) => {
    const ours = webrtcIn(t, { library: pairing.ours });
    const came = hear(ours, 'one of many');
    const peer = new PeerConnection('hostile', { iceServers: [], bindAddress: '127.0.0.1' });
    t.after(() => {
      peer.close();
      cleanup();
    });
    const described = new Promise<string>((resolve) => {
      peer.onGatheringStateChange((state) => {
        if (state === 'complete') resolve(peer.localDescription()?.sdp ?? '');
      });
    });
    const own = peer.createDataChannel('kith');
    const sdp = await described;
    const answer = await ours.accept(sdp, LOOPBACK_ONLY);
    peer.setRemoteDescription(answer.sdp, 'answer');
    const heard = listen(await answer.opened);
    let opened = 0;
    let closed = 0;
    const channels = new Set<DataChannel>();
    const open = (label: string): void => {
      const channel = peer.createDataChannel(label);
      opened++;
      channels.add(channel);
      channel.onClosed(() => {
        closed++;
        channels.delete(channel);
      });
    };
    // The library gives a side 512 of them at a time.
    while (opened < 1000) {
      while (opened < 1000 && opened - closed < 400) open(opened % 10 === 0 ? 'x'.repeat(1000) : 'one of many');
      await until(
        () => opened - closed < 300,
        () => `${opened} opened, ${closed} closed`,
      );
    }
    assert.equal(came.length, MOST_CHANNELS - 1);
    assert.equal(connectionsOf(ours), 1);
    own.sendMessageBinary(Buffer.from('still here'));
    await until(
      () => heard.bytes().toString() === 'still here',
      () => heard.reason ?? 'nothing',
    );
  });
}
