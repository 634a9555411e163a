import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { makeCertificate } from '../../src/webrtc/certificate.ts';
import type { LibraryConnection } from '../../src/webrtc/library.ts';
import { nativeLibrary } from '../../src/webrtc/native-library.ts';
import { until } from './rig.ts';

interface Side {
  readonly connection: LibraryConnection;
  readonly states: string[];
  /** The local description with all its candidates. */
  readonly described: Promise<string>;
}

function sideIn(t: TestContext, name: string): Side {
  const options = {
    iceServers: [],
    bindAddress: '127.0.0.1',
    maxMessageSize: 65_536,
    certificate: makeCertificate(),
  };
  const connection = nativeLibrary().connect(name, options, assert.fail);
  t.after(() => connection.close());
  const states: string[] = [];
  connection.onStateChange((state) => void states.push(state));
  const described = new Promise<string>((resolve) => {
    connection.onGatheringStateChange((state) => {
      if (state === 'complete') resolve(connection.localDescription()?.sdp ?? '');
    });
  });
  return { connection, states, described };
}

function withoutCandidates(sdp: string): string {
  return sdp.replaceAll(/a=(candidate:.*|end-of-candidates)\r\n/g, '');
}

test('who answers leaves it to who offered to find a way first', async (t) => {
  const [offering, answering] = [sideIn(t, 'offering'), sideIn(t, 'answering')];
  const channel = offering.connection.createDataChannel('one');
  const offer = await offering.described;
  const begun = performance.now();
  answering.connection.setRemoteDescription(offer, 'offer');
  const answer = await answering.described;
  assert.match(answer, /a=candidate:/);
  // Candidates of the answering side are unknown, so nothing happens before it looks for a way itself.
  offering.connection.setRemoteDescription(withoutCandidates(answer), 'answer');
  await until(
    () => channel.isOpen(),
    () => `${offering.states.join()} and ${answering.states.join()}`,
  );
  const took = performance.now() - begun;
  assert.ok(took > 299, `it looked for a way at once: connected after ${Math.round(took)} ms`);
});
