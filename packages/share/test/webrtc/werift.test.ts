/** WebRTC without native code, and what those do to it who mean harm. */
import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import { Socket } from 'node:dgram';
import dns from 'node:dns';
import { mock, test, type TestContext } from 'node:test';
import * as werift from 'werift';
import { LOOPBACK_ONLY } from '../../src/index.ts';
import { makeCertificate } from '../../src/webrtc/certificate.ts';
import type { Library, LibraryName } from '../../src/webrtc/library.ts';
import { loadLibrary } from '../../src/webrtc/load-library.ts';
import type { WebRtc } from '../../src/webrtc/webrtc.ts';
import { WeriftConnection } from '../../src/webrtc/werift-connection.ts';
import { connectionsOf, listen, type Listener, pair, pidOf, udpAddressesOf, webrtcIn } from './pair.ts';
import { folderOf } from '../engine/rig.ts';
import { until } from './rig.ts';

const ECDSA_SHA256 = { hash: 4, signature: 3 } as const;

interface Stranger {
  readonly peer: werift.RTCPeerConnection;
  readonly channel: werift.RTCDataChannel;
}

/** Werift with nothing around it. @param key of its certificate; another one where it lies */
function strangerIn(t: TestContext, certificate = makeCertificate(), { key } = certificate): Stranger {
  const peer = new werift.RTCPeerConnection({
    certificates: [new werift.RTCCertificate(key, certificate.certificate, ECDSA_SHA256)],
    ...{ bundlePolicy: 'max-bundle', iceServers: [], iceUseIpv4: false, iceUseIpv6: false },
    ...{ iceAdditionalHostAddresses: ['127.0.0.1'], iceInterfaceAddresses: { udp4: '127.0.0.1' } },
  });
  t.after(async () => {
    await peer.close();
    // It would repeat its last words for half a minute.
    for (const { dtls } of peer.dtlsTransports) if (dtls !== undefined) dtls.dtls.flight = 99;
  });
  const channel = peer.createDataChannel('kith');
  for (const { connection } of peer.iceTransports) delete connection.stunServer;
  return { peer, channel };
}

async function offerOf({ peer }: Stranger): Promise<string> {
  await peer.setLocalDescription();
  return peer.localDescription?.sdp ?? '';
}

/** The stranger's connection to somebody who takes it for any other. */
async function meetStranger(t: TestContext, ours: WebRtc): Promise<Stranger & { readonly heard: Listener }> {
  const stranger = strangerIn(t);
  const attempt = await ours.accept(await offerOf(stranger), LOOPBACK_ONLY);
  await stranger.peer.setRemoteDescription({ type: 'answer', sdp: attempt.sdp });
  const heard = listen(await attempt.opened);
  return { ...stranger, heard };
}

test('the faster library is taken where it loads, the other one says why it is there, and without any nothing is', async (t) => {
  const native: Library = { name: 'node-datachannel', connect: () => assert.fail() };
  const portable: Library = { name: 'werift', connect: () => assert.fail() };
  const broken = (): Promise<Library> => Promise.reject(new Error('no binary'));
  const both = new Map<LibraryName, () => Promise<Library>>([
    ['node-datachannel', () => Promise.resolve(native)],
    ['werift', () => Promise.resolve(portable)],
  ]);
  assert.deepEqual(await loadLibrary(undefined, both), { library: native, instead: '' });
  assert.deepEqual(await loadLibrary('werift', both), { library: portable, instead: '' });
  const one = new Map(both).set('node-datachannel', broken);
  const instead = 'node-datachannel cannot be loaded: no binary';
  assert.deepEqual(await loadLibrary(undefined, one), { library: portable, instead });
  await assert.rejects(loadLibrary('node-datachannel', one), { message: instead });
  await assert.rejects(loadLibrary(undefined, one.set('werift', broken)), /no binary; werift cannot be loaded/);

  const webrtc = webrtcIn(t, { library: 'werift' });
  await webrtc.offer(LOOPBACK_ONLY);
  assert.ok(webrtc.state.state === 'running');
  assert.equal(webrtc.state.library, 'werift');
});

test('where the native code does not load, it goes on without, and that is said once', async (t) => {
  const folder = await folderOf(t);
  await writeFile(`${folder}/node`, `#!/bin/sh\nexec ${process.execPath} --import ${folder}/without.mjs "$@"\n`);
  await chmod(`${folder}/node`, 0o700);
  await writeFile(
    `${folder}/without.mjs`,
    `import { registerHooks } from 'node:module';
    registerHooks({
      resolve(name, context, next) {
        if (name === 'node-datachannel') throw new Error('no binary for this platform');
        return next(name, context);
      },
    });`,
  );
  const { execPath } = process;
  t.after(() => (process.execPath = execPath));
  process.execPath = `${folder}/node`;
  const said: string[] = [];
  const ours = webrtcIn(t, { log: (_, text) => said.push(text) });
  const theirs = webrtcIn(t, { library: 'node-datachannel' });
  await assert.rejects(theirs.offer(LOOPBACK_ONLY), { failure: 'unavailable', message: /no binary for this platform/ });
  await ours.offer(LOOPBACK_ONLY);
  process.execPath = execPath;
  await pair(ours, webrtcIn(t));
  assert.ok(ours.state.state === 'running');
  assert.equal(ours.state.library, 'werift');
  const slow =
    'WebRTC runs without native code, several times slower: node-datachannel cannot be loaded: no binary for this platform';
  assert.equal(ours.state.slow, slow);
  assert.deepEqual(said, [slow]);
});

test('no datagram goes anywhere but to the address of the other side, and no name is looked up', async (t) => {
  const sending = mock.method(Socket.prototype, 'send');
  const asking = mock.method(dns.promises, 'lookup');
  t.after(() => {
    sending.mock.restore();
    asking.mock.restore();
  });
  const certificate = makeCertificate();
  const parts = {
    ...{ werift, certificate: new werift.RTCCertificate(certificate.key, certificate.certificate, ECDSA_SHA256) },
    inside: <T>(_: WeriftConnection, work: () => T): T => work(),
  };
  const options = { iceServers: [], bindAddress: '127.0.0.1', certificate, maxMessageSize: 65_536 };
  const make = (): WeriftConnection => new WeriftConnection(parts, options, (reason) => assert.fail(reason));
  const [ours, theirs] = [make(), make()];
  t.after(() => [ours, theirs].forEach((connection) => connection.close()));
  const described = (connection: WeriftConnection): Promise<string> =>
    new Promise((resolve) =>
      connection.onGatheringStateChange((state) => {
        if (state === 'complete') resolve(connection.localDescription()?.sdp ?? '');
      }),
    );
  let opened = false;
  theirs.onDataChannel((channel) => channel.onOpen(() => (opened = true)));
  const offer = described(ours);
  ours.createDataChannel('kith');
  const answer = described(theirs);
  theirs.setRemoteDescription(await offer, 'offer');
  ours.setRemoteDescription(await answer, 'answer');
  await until(
    () => opened,
    () => 'a channel',
  );
  const addresses = new Set(sending.mock.calls.map(({ arguments: to }) => `${to[2]}`));
  assert.deepEqual([...addresses], ['127.0.0.1']);
  assert.equal(asking.mock.callCount(), 0);
});

test('its sockets are bound to the one address that may be used', async (t) => {
  const ours = webrtcIn(t, { library: 'werift' });
  await pair(ours, webrtcIn(t));
  assert.deepEqual(udpAddressesOf(ours), ['127.0.0.1']);
});

for (const offering of [true, false]) {
  test(`who shows a certificate without having its key is turned away, when it ${offering ? 'offers' : 'answers'}`, async (t) => {
    const [ours, honest] = [webrtcIn(t, { library: 'werift' }), makeCertificate()];
    const liar = strangerIn(t, honest, makeCertificate());
    const attempt = offering ? await ours.accept(await offerOf(liar), LOOPBACK_ONLY) : await ours.offer(LOOPBACK_ONLY);
    if (offering) await liar.peer.setRemoteDescription({ type: 'answer', sdp: attempt.sdp });
    else {
      await liar.peer.setRemoteDescription({ type: 'offer', sdp: attempt.sdp });
      attempt.answered(await offerOf(liar));
    }
    await assert.rejects(attempt.opened, {
      failure: 'failed',
      message: 'it has not the key of the certificate that it shows',
    });
    assert.equal(connectionsOf(ours), 0);
  });
}

test('who sends what is no SCTP loses its connection, and nobody else does', async (t) => {
  const ours = webrtcIn(t, { library: 'werift' });
  const [mine] = await pair(ours, webrtcIn(t));
  const bystander = listen(mine);
  const pid = pidOf(ours);
  const { peer, heard } = await meetStranger(t, ours);
  await peer.sctpTransport?.dtlsTransport.sendData(Buffer.from('this is no packet of SCTP'));
  await until(
    () => heard.reason !== undefined,
    () => 'the end of the connection',
  );
  assert.deepEqual([bystander.reason, connectionsOf(ours), pidOf(ours)], [undefined, 1, pid]);
});

test('what was not encrypted has no say in a connection that is open', async (t) => {
  const { channel, peer, heard } = await meetStranger(t, webrtcIn(t, { library: 'werift' }));
  const [ice] = peer.iceTransports;
  assert.ok(ice);
  // Goodbye, as anybody could say it in the other side's name, and a handshake from its beginning.
  const goodbye = Buffer.from('15fefd0000000000000009000201 00'.replaceAll(' ', ''), 'hex');
  const hello = Buffer.from('16fefd000000000000000a000c010000000000000000000000', 'hex');
  for (const record of [goodbye, hello, goodbye]) await ice.connection.send(record);
  channel.send(Buffer.from('still here'));
  await until(
    () => heard.bytes().toString() === 'still here',
    () => heard.reason ?? 'nothing',
  );
});

test('a message that is larger than was allowed ends its channel', async (t) => {
  const ours = webrtcIn(t, { library: 'werift' });
  const { channel, peer, heard } = await meetStranger(t, ours);
  await peer.sctpTransport?.sctp.send(channel.id, 53, Buffer.alloc(300_000));
  await until(
    () => heard.reason !== undefined,
    () => 'the end of the channel',
  );
  assert.match(heard.reason ?? '', /300000 bytes/);
});

test('who goes on with a message that never ends, beyond the window that it has, loses its connection', async (t) => {
  const ours = webrtcIn(t, { library: 'werift' });
  const { channel, peer, heard } = await meetStranger(t, ours);
  const sctp = peer.sctpTransport?.sctp;
  assert.ok(sctp);
  // It believes in a window without an end, and says of no fragment that it is the last one.
  Object.defineProperty(sctp, 'peerRwnd', { get: () => 1e9 });
  const sendChunk = sctp.sendChunk.bind(sctp);
  sctp.sendChunk = (chunk) => {
    chunk.flags &= ~1;
    return sendChunk(chunk);
  };
  void sctp.send(channel.id, 53, Buffer.alloc(4_000_000));
  await until(
    () => heard.reason !== undefined,
    () => 'the end of the connection',
  );
  assert.match(heard.reason ?? '', /more than there was room for/);
});
