/** Users of WebRTC, each with a process of its own, and what is heard over their channels. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { LOOPBACK_ONLY } from '../../src/index.ts';
import type { Attempt } from '../../src/webrtc/attempt.ts';
import { WebRtc, type WebRtcOptions } from '../../src/webrtc/webrtc.ts';
import type { WebRtcDuplex } from '../../src/webrtc/webrtc-duplex.ts';
import { WebRtcError } from '../../src/webrtc/webrtc-error.ts';

export function webrtcIn(t: TestContext, options: WebRtcOptions = {}): WebRtc {
  const webrtc = new WebRtc({ bindAddress: '127.0.0.1', ...options });
  t.after(() => webrtc.close());
  return webrtc;
}

/** A connection between them, as each side has it. */
export async function pair(ours: WebRtc, theirs: WebRtc): Promise<readonly [WebRtcDuplex, WebRtcDuplex]> {
  const { mine, yours } = await meet(ours, theirs);
  return [mine, yours];
}

export interface Meeting {
  readonly offer: Attempt;
  readonly answer: Attempt;
  readonly mine: WebRtcDuplex;
  readonly yours: WebRtcDuplex;
}

/** On a busy machine the library finds no way in 3 of 100 cases; another offer does, as the swarm makes one. */
const TRIES = 4;

/** The same, with what was said. */
export async function meet(ours: WebRtc, theirs: WebRtc): Promise<Meeting> {
  for (let tries = 1; ; tries++) {
    const offer = await ours.offer(LOOPBACK_ONLY);
    const answer = await theirs.accept(offer.sdp, LOOPBACK_ONLY);
    offer.answered(answer.sdp);
    try {
      const [mine, yours] = await Promise.all([offer.opened, answer.opened]);
      return { offer, answer, mine, yours };
    } catch (error) {
      for (const attempt of [offer, answer]) attempt.abandon();
      if (tries === TRIES || !(error instanceof WebRtcError) || error.failure !== 'failed') throw error;
    }
  }
}

/** Peer connections that are open. */
export function connectionsOf({ state }: WebRtc): number {
  return state.state === 'running' ? state.connections : 0;
}

export function pidOf({ state }: WebRtc): number | undefined {
  return state.state === 'running' ? state.pid : undefined;
}

/** UDP sockets of the process behind it: a peer connection has one. Of Linux. */
export function udpSocketsOf(webrtc: WebRtc): number {
  const proc = `/proc/${pidOf(webrtc)}`;
  const lines = ['udp', 'udp6'].flatMap((table) => readFileSync(`${proc}/net/${table}`, 'utf8').split('\n').slice(1));
  const inodes = new Set(lines.map((line) => line.trim().split(/\s+/)[9]));
  return readdirSync(`${proc}/fd`).filter((fd) => inodes.has(socketInode(`${proc}/fd/${fd}`))).length;
}

function socketInode(path: string): string {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(path))?.[1] ?? 'none';
  } catch {
    return 'gone';
  }
}

export interface Listener {
  readonly bytes: () => Buffer;
  reason: string | undefined;
  drained: number;
}

export function listen(duplex: WebRtcDuplex): Listener {
  const parts: Buffer[] = [];
  const heard: Listener = { bytes: () => Buffer.concat(parts), reason: undefined, drained: 0 };
  duplex.start({
    data: (bytes) => void parts.push(Buffer.from(bytes)),
    drain: () => void heard.drained++,
    closed: (reason) => (heard.reason = reason),
  });
  return heard;
}
