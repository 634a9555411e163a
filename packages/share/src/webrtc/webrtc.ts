/**
 * WebRTC for the engine: makes and answers offers, and hands over the data channels that come of them. A peer connection that
 * is there carries further channels, each named by its label (RFC 8832): who opens one speaks first on it, as who offers a
 * connection does. All of it happens in a process of its own, which is started by the first offer, ended when nothing is left
 * in it, and started again when it crashed. Nobody is asked for addresses (STUN) unless servers are named.
 */
import { performance } from 'node:perf_hooks';
import type { PeerFilter } from '../net/peer-filter.ts';
import type { Attempt, ChannelListener } from './attempt.ts';
import { permitted } from './candidates.ts';
import { Channel } from './channel.ts';
import { fingerprintIn } from './fingerprint.ts';
import {
  channelPayload,
  FIRST_INCOMING,
  FRAME,
  type FrameKind,
  readChannel,
  readReady,
  type Ready,
  readTaken,
} from './frames.ts';
import type { LibraryName } from './library.ts';
import { type PeerConnection, PeerConnections } from './peer-connections.ts';
import { WebRtcDuplex } from './webrtc-duplex.ts';
import { WebRtcError } from './webrtc-error.ts';
import { WebRtcProcess, type WebRtcSetup } from './webrtc-process.ts';

export interface WebRtcOptions extends Partial<WebRtcSetup> {
  /** Channels, and offers that wait for their answers, at once. Default 200. */
  readonly most?: number;
  /** From an answer, or from somebody's offer, to a connection, ms. Default 20,000. */
  readonly answerPatience?: number;
  readonly log?: (level: 'info' | 'warn', text: string) => void;
}

export type WebRtcState =
  | { readonly state: 'idle' }
  | WebRtcRunning
  /** It crashed: nothing is tried until `until`, monotonic ms. */
  | { readonly state: 'waiting'; readonly reason: string; readonly until: number }
  | { readonly state: 'unavailable'; readonly reason: string };

export interface WebRtcRunning {
  readonly state: 'running';
  readonly pid: number | undefined;
  /** Those that are open, each with one channel or more. */
  readonly connections: number;
  /** What carries them; undefined until the process said so. */
  readonly library?: LibraryName;
  /** Why that is none that is faster, where there is a reason. */
  readonly slow?: string;
}

const MOST = 200;
/** From an offer to an answer, ms: trackers forget offers after a minute. */
const PATIENCE = 50_000;
const ANSWER_PATIENCE = 20_000;
/** For a channel on a connection that is there, ms: one that the other side just ended may not say so. */
const JOIN_PATIENCE = 5_000;
/** Without any connection the process ends after this, ms. */
const IDLE = 60_000;
/** Wait after a crash, ms; doubles with each until the process held out for `STEADY`. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 300_000;
const STEADY = 60_000;

export class WebRtc {
  readonly #options: WebRtcOptions;
  readonly #channels = new Map<number, Channel>();
  readonly #connections = new PeerConnections();
  /** By the label. */
  readonly #listeners = new Map<string, ChannelListener>();
  #process: WebRtcProcess | undefined;
  #state: WebRtcState = { state: 'idle' };
  #started = 0;
  #wait: number = FIRST_WAIT;
  #last = 0;
  #idle: NodeJS.Timeout | undefined;
  /** That it is slow here was said once. */
  #told = false;
  #closed = false;

  constructor(options: WebRtcOptions = {}) {
    this.#options = options;
  }

  get state(): WebRtcState {
    const state = this.#state;
    if (state.state === 'waiting' && performance.now() >= state.until) return { state: 'idle' };
    return state.state === 'running' ? { ...state, connections: this.#connections.open } : state;
  }

  /** @param filter whom the connection may lead to @throws WebRtcError as a rejection */
  offer(filter: PeerFilter): Promise<Attempt> {
    return this.#attempt(FRAME.offer, '', filter);
  }

  /** Answers an offer. @throws WebRtcError as a rejection */
  async accept(sdp: string, filter: PeerFilter): Promise<Attempt> {
    const clean = permitted(sdp, filter);
    if (clean === undefined) throw new WebRtcError('malformed', 'the offer is no session description');
    return this.#attempt(FRAME.accept, clean, filter);
  }

  /**
   * One more channel to who made this description, over a connection that is open, or will be. Undefined where there is none,
   * or none that may carry it.
   * @param label at most 64 bytes; the other side listens for it
   * @throws WebRtcError as a rejection; RangeError for a longer label
   */
  join(sdp: string, label: string, filter: PeerFilter): Promise<WebRtcDuplex> | undefined {
    const connection = this.#connectionTo(sdp);
    if (connection === undefined || this.#full) return undefined;
    if (connection.ip === undefined) return this.#joinLater(connection, sdp, label, filter);
    if (!filter.allows(connection.ip)) return undefined;
    const name = channelPayload({ connection: connection.number, label });
    const channel = this.#enter(this.#nextNumber(), connection, filter, false);
    this.#process?.say(FRAME.channel, channel.number, name);
    return channel.opened;
  }

  /** Takes channels that others open; all others are closed. @returns ends it */
  listen(label: string, listener: ChannelListener): () => void {
    this.#listeners.set(label, listener);
    return () => {
      if (this.#listeners.get(label) === listener) this.#listeners.delete(label);
    };
  }

  /** Ends all connections. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#stop(new WebRtcError('closed', 'closed'));
  }

  get #answerPatience(): number {
    return this.#options.answerPatience ?? ANSWER_PATIENCE;
  }

  get #full(): boolean {
    return this.#channels.size >= (this.#options.most ?? MOST);
  }

  async #attempt(kind: typeof FRAME.offer | typeof FRAME.accept, sdp: string, filter: PeerFilter): Promise<Attempt> {
    const process = this.#running();
    if (this.#full) throw new WebRtcError('full', `${this.#channels.size} connections over WebRTC are open already`);
    const number = this.#nextNumber();
    const incoming = kind === FRAME.accept;
    const connection = this.#connections.make(number, incoming, incoming ? fingerprintIn(sdp) : undefined);
    const channel = this.#enter(number, connection, filter, incoming);
    process.say(kind, number, sdp);
    const described = await channel.described;
    return {
      sdp: described,
      answered: (answer) => {
        const clean = permitted(answer, filter);
        if (clean === undefined) this.#giveUp(channel, 'malformed', 'the answer is no session description');
        else if (this.#channels.get(number) === channel) {
          connection.fingerprint = fingerprintIn(clean);
          channel.expect(this.#answerPatience);
          process.say(FRAME.answer, number, clean);
        }
      },
      spare: (answer) => {
        const other = this.#connectionTo(answer);
        if (other?.ip !== undefined) return filter.allows(other.ip);
        return other !== undefined && other.incoming && (fingerprintIn(described) ?? '') > (other.fingerprint ?? '');
      },
      opened: channel.opened,
      abandon: () => {
        if (channel.duplex === undefined) this.#giveUp(channel, 'closed', 'given up by this side');
      },
    };
  }

  #connectionTo(sdp: string): PeerConnection | undefined {
    const fingerprint = fingerprintIn(sdp);
    return fingerprint === undefined ? undefined : this.#connections.to(fingerprint);
  }

  /** Numbers come again only after two billion: nothing of an earlier channel can be meant for a later one. */
  #nextNumber(): number {
    this.#last = (this.#last + 1) % FIRST_INCOMING || 1;
    return this.#last;
  }

  #enter(number: number, connection: PeerConnection, filter: PeerFilter, incoming: boolean): Channel {
    const first = connection.number === number ? PATIENCE : JOIN_PATIENCE;
    const patience = incoming ? this.#answerPatience : first;
    const channel: Channel = new Channel({ number, connection, filter, incoming }, patience, () =>
      this.#giveUp(channel, 'failed', 'nobody connected in time'),
    );
    this.#channels.set(number, channel);
    connection.channels.add(number);
    clearTimeout(this.#idle);
    return channel;
  }

  async #joinLater({ settled }: PeerConnection, ...to: Parameters<WebRtc['join']>): Promise<WebRtcDuplex> {
    await settled;
    const joined = this.join(...to);
    if (joined === undefined) throw new WebRtcError('failed', 'the connection that was waited for did not come');
    return joined;
  }

  /** @throws WebRtcError */
  #running(): WebRtcProcess {
    if (this.#closed) throw new WebRtcError('closed', 'closed');
    const state = this.state;
    if (state.state === 'unavailable') throw new WebRtcError('unavailable', state.reason);
    if (state.state === 'waiting') throw new WebRtcError('crashed', state.reason);
    this.#process ??= this.#start();
    return this.#process;
  }

  #start(): WebRtcProcess {
    const { iceServers = [], bindAddress, library } = this.#options;
    this.#started = performance.now();
    const process = new WebRtcProcess(
      {
        iceServers,
        ...(bindAddress === undefined ? {} : { bindAddress }),
        ...(library === undefined ? {} : { library }),
      },
      {
        data: (number, bytes) => this.#channels.get(number)?.duplex?.came(bytes),
        frame: (kind, number, payload) => this.#hear(kind, number, payload),
        ended: (reason) => this.#crashed(reason),
      },
    );
    this.#state = { state: 'running', pid: process.pid, connections: 0 };
    return process;
  }

  #hear(kind: Exclude<FrameKind, typeof FRAME.data>, number: number, payload: Uint8Array): void {
    if (kind === FRAME.unable) return this.#unable(textOf(payload));
    if (kind === FRAME.incoming) return this.#came(number, payload);
    if (kind === FRAME.ready) return this.#ready(readReady(payload));
    const channel = this.#channels.get(number);
    if (channel === undefined) return;
    switch (kind) {
      case FRAME.described:
        return channel.describe(permitted(textOf(payload), channel.filter) ?? '');
      case FRAME.opened:
        return this.#open(channel, textOf(payload));
      case FRAME.taken:
        return channel.duplex?.taken(readTaken(payload));
      case FRAME.ended:
        return this.#remove(channel, new WebRtcError('failed', textOf(payload)));
      case FRAME.offer:
      case FRAME.accept:
      case FRAME.answer:
      case FRAME.channel:
      case FRAME.pause:
      case FRAME.resume:
      case FRAME.close:
        return;
    }
  }

  /** The other side opened one more channel; whether it may is seen again when it is open. */
  #came(number: number, payload: Uint8Array): void {
    const name = readChannel(payload);
    const connection = this.#connections.get(name.connection);
    const listener = this.#listeners.get(name.label);
    const wanted = connection !== undefined && !this.#full && listener?.wants() === true;
    if (!wanted || this.#channels.has(number)) return this.#process?.say(FRAME.close, number);
    const channel = this.#enter(number, connection, listener.filter, true);
    channel.opened.then(
      (duplex) => listener.opened(duplex),
      () => undefined,
    );
  }

  #open(channel: Channel, text: string): void {
    const [ip = '', port = '', fingerprint = ''] = text.split(' ');
    const { number, incoming, filter, connection } = channel;
    const process = this.#process;
    if (channel.duplex !== undefined || process === undefined) return;
    // A check may come from an address that no candidate named.
    if (!filter.allows(ip)) return this.#giveUp(channel, 'forbidden', `${ip} is outside of what may be talked to`);
    this.#connections.opened(connection, ip, fingerprint === '' ? undefined : fingerprint);
    channel.open(
      new WebRtcDuplex({
        ...{ remote: { ip, port: Number(port) }, incoming, clock: () => performance.now() },
        ...{ number, process },
      }),
    );
  }

  #giveUp(channel: Channel, failure: WebRtcError['failure'], message: string): void {
    if (this.#channels.get(channel.number) !== channel) return;
    this.#process?.say(FRAME.close, channel.number);
    this.#remove(channel, new WebRtcError(failure, message));
  }

  #remove(channel: Channel, error: WebRtcError): void {
    if (!this.#channels.delete(channel.number)) return;
    this.#connections.leave(channel.connection, channel.number);
    channel.end(error);
    if (this.#channels.size > 0 || this.#process === undefined) return;
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#stop(new WebRtcError('closed', 'closed')), IDLE);
    this.#idle.unref();
  }

  #crashed(reason: string): void {
    const now = performance.now();
    if (now - this.#started > STEADY) this.#wait = FIRST_WAIT;
    const text = `the process for WebRTC ended (${reason})`;
    this.#options.log?.('warn', `${text}; it is started again in ${this.#wait / 1000} s if it is needed`);
    this.#state = { state: 'waiting', reason: text, until: now + this.#wait };
    this.#wait = Math.min(2 * this.#wait, LONGEST_WAIT);
    this.#stop(new WebRtcError('crashed', text));
  }

  #ready({ library, instead }: Ready): void {
    if (this.#state.state !== 'running') return;
    this.#state = { ...this.#state, library };
    if (instead === '') return;
    const slow = `WebRTC runs without native code, several times slower: ${instead}`;
    this.#state = { ...this.#state, slow };
    if (!this.#told) this.#options.log?.('info', slow);
    this.#told = true;
  }

  #unable(reason: string): void {
    const text = `there is no WebRTC here: ${reason}`;
    this.#options.log?.('info', text);
    this.#state = { state: 'unavailable', reason: text };
    this.#stop(new WebRtcError('unavailable', text));
  }

  #stop(error: WebRtcError): void {
    clearTimeout(this.#idle);
    this.#process?.close();
    this.#process = undefined;
    if (this.#state.state === 'running') this.#state = { state: 'idle' };
    for (const channel of [...this.#channels.values()]) this.#remove(channel, error);
  }
}

function textOf(payload: Uint8Array): string {
  return Buffer.from(payload).toString('utf8');
}
