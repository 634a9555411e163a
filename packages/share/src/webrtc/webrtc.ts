/**
 * WebRTC for the engine: makes and answers offers, and hands over the connections that come of them. All of it happens in a
 * process of its own, which is started by the first offer, ended when nothing is left in it, and started again when it
 * crashed. Nobody is asked for addresses (STUN) unless servers are named.
 */
import { performance } from 'node:perf_hooks';
import type { PeerFilter } from '../net/peer-filter.ts';
import { permitted } from './candidates.ts';
import { FRAME, type FrameKind, readTaken } from './frames.ts';
import { WebRtcDuplex } from './webrtc-duplex.ts';
import { WebRtcError } from './webrtc-error.ts';
import { WebRtcProcess, type WebRtcSetup } from './webrtc-process.ts';

export interface WebRtcOptions extends Partial<WebRtcSetup> {
  /** Connections, and offers that wait for their answers, at once. Default 200. */
  readonly most?: number;
  readonly log?: (level: 'info' | 'warn', text: string) => void;
}

/** A connection that is on its way. */
export interface Attempt {
  /** What the other side has to be told: an offer, or the answer to its own. */
  readonly sdp: string;
  /** The answer to an offer came. One that is no answer ends the attempt. */
  answered(sdp: string): void;
  /** Rejects with `WebRtcError` only. */
  readonly opened: Promise<WebRtcDuplex>;
  /** Idempotent; does nothing once it is open. */
  abandon(): void;
}

export type WebRtcState =
  | { readonly state: 'idle' }
  | { readonly state: 'running'; readonly pid: number | undefined }
  /** It crashed: nothing is tried until `until`, monotonic ms. */
  | { readonly state: 'waiting'; readonly reason: string; readonly until: number }
  | { readonly state: 'unavailable'; readonly reason: string };

const MOST = 200;
/** From an offer to a connection, ms: trackers forget offers after a minute. */
const PATIENCE = 50_000;
/** From somebody's offer to a connection, ms. */
const ANSWER_PATIENCE = 20_000;
/** Without any connection the process ends after this, ms. */
const IDLE = 60_000;
/** Wait after a crash, ms; doubles with each until the process held out for `STEADY`. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 300_000;
const STEADY = 60_000;

interface Entry {
  readonly filter: PeerFilter;
  readonly incoming: boolean;
  described: (sdp: string) => void;
  undescribed: (error: WebRtcError) => void;
  failed: (error: WebRtcError) => void;
  opened: (duplex: WebRtcDuplex) => void;
  duplex: WebRtcDuplex | undefined;
  timer: NodeJS.Timeout | undefined;
}

export class WebRtc {
  readonly #options: WebRtcOptions;
  readonly #entries = new Map<number, Entry>();
  #process: WebRtcProcess | undefined;
  #state: WebRtcState = { state: 'idle' };
  #started = 0;
  #wait: number = FIRST_WAIT;
  #last = 0;
  #idle: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: WebRtcOptions = {}) {
    this.#options = options;
  }

  get state(): WebRtcState {
    if (this.#state.state === 'waiting' && performance.now() >= this.#state.until) return { state: 'idle' };
    return this.#state;
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

  /** Ends all connections. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#stop(new WebRtcError('closed', 'closed'));
  }

  async #attempt(kind: FrameKind, sdp: string, filter: PeerFilter): Promise<Attempt> {
    const process = this.#running();
    if (this.#entries.size >= (this.#options.most ?? MOST)) {
      throw new WebRtcError('full', `${this.#entries.size} connections over WebRTC are open already`);
    }
    // Numbers come again only after four billion: nothing of an earlier connection can be meant for a later one.
    const number = (this.#last = (this.#last + 1) >>> 0 || 1);
    const incoming = kind === FRAME.accept;
    const entry: Entry = {
      ...{ filter, incoming, duplex: undefined, timer: undefined },
      ...{ described: () => undefined, undescribed: () => undefined, opened: () => undefined, failed: () => undefined },
    };
    const described = new Promise<string>((resolve, reject) => {
      entry.described = resolve;
      entry.undescribed = reject;
    });
    const opened = new Promise<WebRtcDuplex>((resolve, reject) => {
      entry.opened = resolve;
      entry.failed = reject;
    });
    // Where there is no description nobody gets to see this.
    opened.catch(() => undefined);
    this.#entries.set(number, entry);
    clearTimeout(this.#idle);
    const patience = incoming ? ANSWER_PATIENCE : PATIENCE;
    entry.timer = setTimeout(() => this.#giveUp(number, 'failed', 'nobody connected in time'), patience);
    entry.timer.unref();
    process.say(kind, number, sdp);
    return {
      sdp: await described,
      answered: (answer) => {
        const clean = permitted(answer, filter);
        if (clean === undefined) this.#giveUp(number, 'malformed', 'the answer is no session description');
        else if (this.#entries.get(number) === entry) process.say(FRAME.answer, number, clean);
      },
      opened,
      abandon: () => {
        if (entry.duplex === undefined) this.#giveUp(number, 'closed', 'given up by this side');
      },
    };
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
    const { iceServers = [], bindAddress } = this.#options;
    this.#started = performance.now();
    const process = new WebRtcProcess(
      { iceServers, ...(bindAddress === undefined ? {} : { bindAddress }) },
      {
        data: (number, bytes) => this.#entries.get(number)?.duplex?.came(bytes),
        frame: (kind, number, payload) => this.#hear(kind, number, payload),
        ended: (reason) => this.#crashed(reason),
      },
    );
    this.#state = { state: 'running', pid: process.pid };
    return process;
  }

  #hear(kind: Exclude<FrameKind, typeof FRAME.data>, number: number, payload: Uint8Array): void {
    if (kind === FRAME.unable) return this.#unable(textOf(payload));
    const entry = this.#entries.get(number);
    if (entry === undefined) return;
    switch (kind) {
      case FRAME.described:
        return entry.described(permitted(textOf(payload), entry.filter) ?? '');
      case FRAME.opened:
        return this.#open(number, entry, textOf(payload));
      case FRAME.taken:
        return entry.duplex?.taken(readTaken(payload));
      case FRAME.ended:
        return this.#remove(number, new WebRtcError('failed', textOf(payload)));
      case FRAME.ready:
      case FRAME.offer:
      case FRAME.accept:
      case FRAME.answer:
      case FRAME.pause:
      case FRAME.resume:
      case FRAME.close:
        return;
    }
  }

  #open(number: number, entry: Entry, text: string): void {
    const [ip = '', port = ''] = text.split(' ');
    const process = this.#process;
    if (entry.duplex !== undefined || process === undefined) return;
    // A check may come from an address that no candidate named.
    if (!entry.filter.allows(ip)) return this.#giveUp(number, 'forbidden', `${ip} is outside of what may be talked to`);
    clearTimeout(entry.timer);
    const duplex = new WebRtcDuplex({
      ...{ remote: { ip, port: Number(port) }, incoming: entry.incoming, clock: () => performance.now() },
      ...{ number, process },
    });
    entry.duplex = duplex;
    entry.opened(duplex);
  }

  #giveUp(number: number, failure: WebRtcError['failure'], message: string): void {
    if (!this.#entries.has(number)) return;
    this.#process?.say(FRAME.close, number);
    this.#remove(number, new WebRtcError(failure, message));
  }

  #remove(number: number, error: WebRtcError): void {
    const entry = this.#entries.get(number);
    this.#entries.delete(number);
    clearTimeout(entry?.timer);
    entry?.undescribed(error);
    entry?.failed(error);
    entry?.duplex?.ended(error.message);
    if (this.#entries.size > 0 || this.#process === undefined) return;
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
    for (const number of [...this.#entries.keys()]) this.#remove(number, error);
  }
}

function textOf(payload: Uint8Array): string {
  return Buffer.from(payload).toString('utf8');
}
