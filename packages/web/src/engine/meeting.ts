/**
 * Where the browsers that opened a link find each other: WebTorrent's tracker protocol at the link's `announce`. Offers are made
 * when somebody is there to take them, for a connection costs the page as much unused as used.
 */
import { bencode, infoHash20, type Session, type Torrent, tracker } from '@kith/torrent';
import { ChannelDuplex } from './channel-duplex.ts';
import type { LinkState, RtcAsk, RtcTell } from './messages.ts';
import { Retry } from './retry.ts';

/** Connections to other browsers, and offers that nobody took yet, at most. */
const MOST = 24;
const OFFERS = 5;
/** An offer is forgotten by trackers after about that long, ms. */
const OFFER_LIFE = 50_000;

/** Browsers do not tell addresses, and limits and bans go by them: each gets one of those that lead nowhere (RFC 6666). */
const STAND_IN = '100::';

type RelayMessage = tracker.RelayMessage;
type Described = RelayMessage & { readonly kind: 'offer' | 'answer' };

/** A connection that is made, by an offer of ours or of another. */
interface Pending {
  readonly ours: boolean;
  /** Binary string of the other side, known once it spoke. */
  peerId: string | undefined;
  /** Of the other's offer. */
  readonly offerId: string;
  readonly since: number;
}

export class Meeting {
  readonly #session: Session;
  readonly #torrent: Torrent;
  readonly #url: URL;
  readonly #rtc: MessagePort;
  readonly #changed: () => void;
  readonly #retry: Retry = new Retry();
  readonly #infoHash: string;
  readonly #peerId: string;
  readonly #pending: Map<number, Pending> = new Map();
  /** Of open channels, binary strings where known. */
  readonly #open: Map<number, string | undefined> = new Map();
  #socket: WebSocket | undefined;
  #described: { readonly ids: Set<number>; readonly offers: tracker.Offer[] } | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #state: LinkState = 'connecting';
  #last = 0;
  #others = 0;

  /** @param rtc to the page, which makes the connections */
  constructor(session: Session, torrent: Torrent, url: URL, rtc: MessagePort, changed: () => void) {
    this.#session = session;
    this.#torrent = torrent;
    this.#url = url;
    this.#rtc = rtc;
    this.#changed = changed;
    this.#infoHash = bencode.binaryString(infoHash20(torrent.metainfo ?? {}));
    this.#peerId = bencode.binaryString(session.peerId);
    rtc.addEventListener('message', ({ data }: MessageEvent<RtcTell>) => this.#hearPage(data));
    rtc.start();
    this.#connect();
  }

  get state(): LinkState {
    return this.#state;
  }

  /** How much is here changed in a way that others want to know. */
  announce(event?: 'completed'): void {
    this.#announce([], event);
  }

  #connect(): void {
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.addEventListener('open', () => {
      this.#retry.succeeded();
      this.#set('connected');
      this.#announce([], 'started');
    });
    socket.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
      if (typeof data === 'string') this.#hear(data);
    });
    socket.addEventListener('close', () => {
      clearTimeout(this.#timer);
      this.#set('away');
      this.#retry.after(() => this.#connect());
    });
  }

  #announce(offers: readonly tracker.Offer[], event?: 'started' | 'completed'): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    const { have, metainfo, up, down } = this.#torrent;
    const left = (have.length - have.count) * (metainfo?.pieceLength ?? 1);
    const request = {
      ...{ infoHash: bencode.fromBinaryString(this.#infoHash), peerId: this.#session.peerId, port: 0, key: 0 },
      ...{ uploaded: up.total, downloaded: down.total, left },
      ...(event === undefined ? {} : { event }),
    };
    this.#socket.send(tracker.formatRelayAnnounce(request, offers));
  }

  #hear(text: string): void {
    let message: RelayMessage;
    try {
      message = tracker.parseRelayMessage(text);
    } catch (error) {
      if (error instanceof tracker.TrackerError) return;
      throw error;
    }
    if (message.kind === 'announced') return this.#hearCount(message);
    if (message.kind === 'scraped' || message.kind === 'failure') return;
    if (message.infoHash !== this.#infoHash || message.peerId === this.#peerId) return;
    if (message.kind === 'offer') this.#hearOffer(message);
    else this.#hearAnswer(message);
  }

  #hearCount({ interval, seeds = 0, leechers = 0 }: RelayMessage & { readonly kind: 'announced' }): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#announce([]), interval * 1000);
    this.#forgetOld();
    // One of them is this page; and where all have everything nobody needs another.
    this.#others = Math.max(0, seeds + leechers - 1);
    const whole = this.#torrent.have.complete;
    const wanted = whole && leechers === 0 ? 0 : this.#others;
    const room = MOST - this.#open.size - this.#pending.size;
    const offers = Math.min(OFFERS, room, wanted - this.#open.size - this.#pending.size);
    if (offers <= 0 || this.#described !== undefined) return;
    this.#described = { ids: new Set(), offers: [] };
    for (let i = 0; i < offers; i++) {
      const id = ++this.#last;
      this.#described.ids.add(id);
      this.#pending.set(id, { ours: true, peerId: undefined, offerId: offerIdOf(id), since: performance.now() });
      this.#ask({ kind: 'offer', id });
    }
  }

  #hearOffer({ peerId, offerId, sdp }: Described): void {
    if (this.#knows(peerId) || this.#open.size + this.#pending.size >= MOST) return;
    const id = ++this.#last;
    this.#pending.set(id, { ours: false, peerId, offerId, since: performance.now() });
    this.#ask({ kind: 'accept', id, sdp });
  }

  #hearAnswer({ peerId, offerId, sdp }: Described): void {
    const id = idOf(offerId);
    const pending = this.#pending.get(id);
    if (pending?.ours !== true || pending.peerId !== undefined) return;
    if (this.#knows(peerId)) return this.#drop(id);
    pending.peerId = peerId;
    this.#ask({ kind: 'answer', id, sdp });
  }

  #hearPage(told: RtcTell): void {
    const pending = this.#pending.get(told.id);
    if (pending === undefined) {
      if (told.kind === 'described') this.#ask({ kind: 'drop', id: told.id });
      return;
    }
    switch (told.kind) {
      case 'described':
        if (pending.ours) this.#offerReady(told.id, { offerId: pending.offerId, sdp: told.sdp });
        else this.#sendAnswer(pending, told.sdp);
        return;
      case 'failed':
        this.#pending.delete(told.id);
        this.#offerReady(told.id, undefined);
        return;
      case 'open':
        this.#pending.delete(told.id);
        this.#enter(told.id, pending, told.port);
        return;
    }
  }

  /** Offers that were asked for together go out together. */
  #offerReady(id: number, offer: tracker.Offer | undefined): void {
    const described = this.#described;
    if (described === undefined || !described.ids.delete(id)) return;
    if (offer !== undefined) described.offers.push(offer);
    if (described.ids.size > 0) return;
    this.#described = undefined;
    if (described.offers.length > 0) this.#announce(described.offers);
  }

  #sendAnswer({ peerId = '', offerId }: Pending, sdp: string): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#socket.send(tracker.formatRelayAnswer(this.#infoHash, this.#peerId, { peerId, offerId }, sdp));
  }

  #enter(id: number, { ours, peerId }: Pending, port: MessagePort): void {
    this.#open.set(id, peerId);
    const remote = { ip: `${STAND_IN}${id.toString(16)}`, port: 1 };
    const duplex = new ChannelDuplex(port, remote, !ours, () => this.#open.delete(id));
    if (ours) this.#session.connected(duplex, this.#torrent, performance.now());
    else this.#session.accept(duplex, performance.now(), this.#torrent);
    this.#changed();
  }

  /** Somebody with whom there is a connection already, or soon. */
  #knows(peerId: string): boolean {
    for (const each of this.#open.values()) if (each === peerId) return true;
    for (const each of this.#pending.values()) if (each.peerId === peerId) return true;
    for (const { identity } of this.#torrent.peers.values())
      if (bencode.binaryString(identity.id) === peerId) return true;
    return false;
  }

  #forgetOld(): void {
    const now = performance.now();
    for (const [id, { since }] of this.#pending) if (now - since > OFFER_LIFE) this.#drop(id);
  }

  #drop(id: number): void {
    this.#pending.delete(id);
    this.#offerReady(id, undefined);
    this.#ask({ kind: 'drop', id });
  }

  #ask(ask: RtcAsk): void {
    this.#rtc.postMessage(ask);
  }

  #set(state: LinkState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#changed();
  }
}

/** Whether an address stands for another browser. */
export function isStandIn(ip: string): boolean {
  return ip.startsWith(STAND_IN);
}

/** 20 bytes as others make them; the number is what counts. */
function offerIdOf(id: number): string {
  return id.toString(36).padStart(20, '0');
}

function idOf(offerId: string): number {
  return /^[0-9a-z]{20}$/.test(offerId) ? Number.parseInt(offerId, 36) : -1;
}
