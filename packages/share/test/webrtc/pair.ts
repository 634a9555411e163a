/** Users of WebRTC, each with a process of its own, and what is heard over their channels. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { LOOPBACK_ONLY } from '../../src/index.ts';
import type { Attempt } from '../../src/webrtc/attempt.ts';
import type { LibraryName } from '../../src/webrtc/library.ts';
import { WebRtc, type WebRtcOptions } from '../../src/webrtc/webrtc.ts';
import type { WebRtcDuplex } from '../../src/webrtc/webrtc-duplex.ts';
import { WebRtcError } from '../../src/webrtc/webrtc-error.ts';

export interface Pairing {
  readonly name: string;
  /** Of the side that offers. */
  readonly ours: LibraryName;
  readonly theirs: LibraryName;
}

const [NATIVE, PORTABLE] = ['node-datachannel', 'werift'] as const;
/** All that meet. */
export const PAIRINGS: readonly Pairing[] = [
  { name: 'native code', ours: NATIVE, theirs: NATIVE },
  { name: 'TypeScript', ours: PORTABLE, theirs: PORTABLE },
  { name: 'TypeScript, which meets native code', ours: PORTABLE, theirs: NATIVE },
  { name: 'native code, which meets TypeScript', ours: NATIVE, theirs: PORTABLE },
];
/** Those that differ by who does what is done to both. */
export const SAME: readonly Pairing[] = PAIRINGS.slice(0, 2);

export function sidesIn(t: TestContext, { ours, theirs }: Pairing): readonly [WebRtc, WebRtc] {
  return [webrtcIn(t, { library: ours }), webrtcIn(t, { library: theirs })];
}

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
  return udpAddressesOf(webrtc).length;
}

/** What they are bound to: IPv4 as text, anything else in hexadecimal. */
export function udpAddressesOf(webrtc: WebRtc): string[] {
  const proc = `/proc/${pidOf(webrtc)}`;
  const lines = ['udp', 'udp6'].flatMap((table) => readFileSync(`${proc}/net/${table}`, 'utf8').split('\n').slice(1));
  const bound = new Map(
    lines.map((line) => {
      const [, address = '', , , , , , , , inode] = line.trim().split(/\s+/);
      return [inode, addressIn(address)];
    }),
  );
  return readdirSync(`${proc}/fd`).flatMap((fd) => bound.get(socketInode(`${proc}/fd/${fd}`)) ?? []);
}

/** @param text of the kernel: in the order of bytes of the machine, which is little-endian wherever this runs */
function addressIn(text: string): string {
  const hex = text.split(':')[0] ?? '';
  return hex.length === 8 ? [...Buffer.from(hex, 'hex')].reverse().join('.') : hex;
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
