/** A page of a real browser meets WebRTC as it is on machines that have no native code for it. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { LOOPBACK_ONLY, WebRtc } from '@kith/share';
import { launchBrowser, openPage } from '../../../kith/test/web/browser.ts';
import { RTC, until } from './stage.ts';

const SIZE = 6_000_000;

test('a browser that tells no address gets everything over werift, and gives it back', async (t) => {
  const browser = await launchBrowser(undefined, RTC);
  t.after(() => browser.close());
  const webrtc = new WebRtc({ bindAddress: '127.0.0.1', library: 'werift' });
  t.after(() => webrtc.close());
  const { page } = await openPage(browser);
  const connection = await page.evaluateHandle(() => new RTCPeerConnection());
  const offer = await connection.evaluate(async (own) => {
    const channel = own.createDataChannel('kith');
    channel.binaryType = 'arraybuffer';
    channel.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => channel.send(data);
    await own.setLocalDescription();
    while (own.iceGatheringState !== 'complete') await new Promise((go) => setTimeout(go, 10));
    return own.localDescription?.sdp ?? '';
  });
  // Browsers put names in their place, which only they can look up.
  const attempt = await webrtc.accept(offer.replace(/^a=candidate:.*\r\n/gm, ''), LOOPBACK_ONLY);
  await connection.evaluate((own, sdp) => own.setRemoteDescription({ type: 'answer', sdp }), attempt.sdp);
  const duplex = await attempt.opened;
  const parts: Buffer[] = [];
  duplex.start({
    data: (bytes) => void parts.push(Buffer.from(bytes)),
    drain: () => undefined,
    closed: () => undefined,
  });
  const sent = randomBytes(SIZE);
  duplex.write([sent]);
  await until('everything comes back', () => parts.reduce((sum, { length }) => sum + length, 0) >= SIZE, 60_000);
  assert.ok(Buffer.concat(parts).equals(sent));
});
