// One end of a connection over WebRTC as kith's engine has it, without the engine. Arguments and lines as run-datachannel.ts.
import { createInterface } from 'node:readline';
import { type Attempt, LOOPBACK_ONLY, WebRtc, type WebRtcDuplex } from '@kith/share';

const [role, total, size] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
/** Bytes that wait at most: as a seed writes. */
const MOST_PENDING = 2_097_152;

const webrtc = new WebRtc({ bindAddress: '127.0.0.1' });
const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

function send(duplex: WebRtcDuplex): void {
  const chunk = new Uint8Array(size);
  let sent = 0;
  const more = (): void => {
    for (; sent < total && duplex.pending < MOST_PENDING; sent += size) duplex.write([chunk]);
  };
  duplex.start({ data: () => undefined, drain: more, closed: () => undefined });
  more();
}

function receive(duplex: WebRtcDuplex): void {
  let [came, begun] = [0, 0];
  const data = (bytes: Uint8Array): void => {
    if (came === 0) begun = performance.now();
    came += bytes.length;
    if (came >= total) say({ rate: came / 1e3 / (performance.now() - begun) });
  };
  duplex.start({ data, drain: () => undefined, closed: () => undefined });
}

const lines = createInterface({ input: process.stdin });
async function described(): Promise<string> {
  const line = await new Promise<string>((resolve) => lines.once('line', resolve));
  return JSON.parse(line).sdp;
}

if (role === 'send') {
  const attempt: Attempt = await webrtc.offer(LOOPBACK_ONLY);
  say({ sdp: attempt.sdp, type: 'offer' });
  attempt.answered(await described());
  send(await attempt.opened);
} else {
  const attempt = await webrtc.accept(await described(), LOOPBACK_ONLY);
  say({ sdp: attempt.sdp, type: 'answer' });
  receive(await attempt.opened);
}
