/**
 * The WebSocket tracker's half that decides: peers behind connections, their offers and answers. What a connection says holds
 * for itself only: a peer id belongs to the connection that announced it, an offer goes out under that id, and an answer is
 * passed on only when the very offer was sent to the connection it comes from, once, to the connection that made the offer.
 */
import { fromBinaryString } from '../bencode.ts';
import { TrackerError } from './announce.ts';
import { NONE } from './hash-index.ts';
import { REFUSALS, type TrackerService } from './service.ts';
import {
  formatAnnounced,
  formatFailure,
  formatRelayed,
  formatScraped,
  parseRelayRequest,
  type RelayRequest,
} from './ws-codec.ts';

/** How long an answer may take (ms). Clients give an offer up after 50 s. */
const OFFER_LIFE = 60_000;
/** Offers that wait for one connection's answers. */
const MOST_OFFERS = 200;
/** Torrents of one connection. */
const MOST_SWARMS = 1_000;

const NO_SLOTS: readonly number[] = [];
const NO_IDS: readonly string[] = [];

interface Pending {
  readonly from: RelayPeer;
  readonly until: number;
}

/** The connection behind a peer: an object that is there anyway instead of a function for each. */
export interface RelayLink {
  /** Sends text, or drops it when the connection does not keep up. */
  send(text: string): void;
}

/** One connection. Kept small: there may be tens of thousands that say nothing. */
export class RelayPeer {
  readonly slot: number;
  readonly #link: RelayLink;
  open = true;
  /** Slots in the table and the peer ids they announced with, side by side. */
  slots: readonly number[] = NO_SLOTS;
  ids: readonly string[] = NO_IDS;
  /** Offers that were sent here, oldest first. */
  offers: Map<string, Pending> | undefined = undefined;

  constructor(slot: number, link: RelayLink) {
    this.slot = slot;
    this.#link = link;
  }

  send(text: string): void {
    this.#link.send(text);
  }
}

export class Relay {
  readonly #service: TrackerService;
  readonly #peers: (RelayPeer | undefined)[] = [];
  readonly #free: number[] = [];
  #open = 0;

  constructor(service: TrackerService) {
    this.#service = service;
    service.connectionExpired = (slot) => {
      const peer = this.#peers[service.swarms.connection.wordOf(slot)];
      if (peer !== undefined) forget(peer, slot);
    };
  }

  get connections(): number {
    return this.#open;
  }

  open(link: RelayLink): RelayPeer {
    const peer = new RelayPeer(this.#free.pop() ?? this.#peers.length, link);
    this.#peers[peer.slot] = peer;
    this.#open++;
    return peer;
  }

  /** Idempotent. */
  close(peer: RelayPeer): void {
    if (!peer.open) return;
    peer.open = false;
    for (const slot of peer.slots) this.#service.swarms.remove('connection', slot);
    peer.slots = NO_SLOTS;
    peer.offers = undefined;
    this.#peers[peer.slot] = undefined;
    this.#free.push(peer.slot);
    this.#open--;
  }

  /**
   * Takes one message. Answers and offers go out through `send`.
   * @returns false when it was not understood, which the sender was told
   */
  message(peer: RelayPeer, text: string, now: number): boolean {
    try {
      const request = parseRelayRequest(text);
      if (request.kind === 'announce') this.#announce(peer, request, now);
      else if (request.kind === 'answer') this.#answer(peer, request, now);
      else this.#scrape(peer, request);
      return true;
    } catch (error) {
      if (!(error instanceof TrackerError)) throw error;
      this.#service.counts.malformed++;
      peer.send(formatFailure(error.message));
      return false;
    }
  }

  /** Drops offers that nobody answered: to be called now and then per connection. */
  sweep(peer: RelayPeer, now: number): void {
    if (peer.offers === undefined) return;
    for (const [key, pending] of peer.offers) {
      if (pending.until > now) break;
      peer.offers.delete(key);
    }
    if (peer.offers.size === 0) peer.offers = undefined;
  }

  #announce(peer: RelayPeer, request: RelayRequest & { kind: 'announce' }, now: number): void {
    const service = this.#service;
    const { visit, swarms } = service;
    service.counts.relayAnnounces++;
    for (let i = 0; i < 20; i++) visit.infoHash[i] = request.infoHash.charCodeAt(i);
    visit.family = 'connection';
    visit.address[0] = peer.slot;
    visit.port = 0;
    visit.seed = request.seed;
    visit.event = request.event;

    const swarm = swarms.find(visit.infoHash, 0);
    const known = swarm === NONE ? NONE : swarms.connection.find(swarm, visit.address, 0);
    if (known !== NONE && peer.ids[peer.slots.indexOf(known)] !== request.peerId) {
      peer.send(formatFailure('this connection announced this torrent with another peer_id', request.infoHash));
      return;
    }
    if (known === NONE && peer.slots.length >= MOST_SWARMS) {
      peer.send(formatFailure(`a connection has at most ${MOST_SWARMS} torrents`, request.infoHash));
      return;
    }
    if (request.event === 'stopped' && known !== NONE) forget(peer, known);
    const outcome = service.announce(now);
    if (outcome === 'refused' || outcome === 'full') {
      peer.send(formatFailure(REFUSALS[outcome], request.infoHash));
      return;
    }
    if (outcome === 'listed' && known === NONE) {
      // Copies of the length that is needed: an array that was pushed to has room for 16 more, and most peers have one torrent.
      peer.slots = [...peer.slots, visit.peer];
      // Most connections have one id for all torrents: then it is kept once.
      peer.ids = [...peer.ids, peer.ids[0] === request.peerId ? peer.ids[0] : request.peerId];
    }
    const gone = visit.swarm === NONE;
    const seeds = gone ? 0 : swarms.seeds(visit.swarm);
    const leechers = gone ? 0 : swarms.leechers(visit.swarm);
    peer.send(formatAnnounced(request.infoHash, service.relayInterval, seeds, leechers));
    // Who is not listed could not be found by the answer.
    if (outcome === 'listed') this.#offer(peer, request, now);
  }

  #offer(peer: RelayPeer, request: RelayRequest & { kind: 'announce' }, now: number): void {
    const { offers } = request;
    if (offers.length === 0) return;
    const service = this.#service;
    const count = service.draw('connection', Math.min(offers.length, request.wanted ?? offers.length));
    for (let i = 0; i < count; i++) {
      const offer = offers[i];
      const to = this.#peers[service.swarms.connection.wordOf(service.drawn[i] as number)];
      if (offer === undefined || to === undefined) continue;
      this.sweep(to, now);
      to.offers ??= new Map();
      if (to.offers.size >= MOST_OFFERS) continue;
      const key = offerKey(request.infoHash, request.peerId, offer.offerId);
      // Replaced, not updated: the map's order is that of the ends of life.
      to.offers.delete(key);
      to.offers.set(key, { from: peer, until: now + OFFER_LIFE });
      to.send(formatRelayed('offer', request.infoHash, request.peerId, offer.offerId, offer.sdp));
      service.counts.relayOffers++;
    }
  }

  #answer(peer: RelayPeer, request: RelayRequest & { kind: 'answer' }, now: number): void {
    const key = offerKey(request.infoHash, request.toPeerId, request.offerId);
    const pending = peer.offers?.get(key);
    // Late or never offered: whoever made the offer has given it up, or there is none.
    if (pending === undefined || pending.until <= now) return;
    const own = this.#idIn(peer, request.infoHash);
    if (own !== request.peerId) {
      peer.send(formatFailure('peer_id is not the one that this connection announced', request.infoHash));
      return;
    }
    peer.offers?.delete(key);
    if (!pending.from.open) return;
    this.#service.counts.relayAnswers++;
    pending.from.send(formatRelayed('answer', request.infoHash, own, request.offerId, request.sdp));
  }

  /** The peer id with which a connection is in a swarm. */
  #idIn(peer: RelayPeer, infoHash: string): string | undefined {
    const { visit, swarms } = this.#service;
    const swarm = swarms.find(fromBinaryString(infoHash), 0);
    if (swarm === NONE) return undefined;
    visit.address[0] = peer.slot;
    return peer.ids[peer.slots.indexOf(swarms.connection.find(swarm, visit.address, 0))];
  }

  #scrape(peer: RelayPeer, request: RelayRequest & { kind: 'scrape' }): void {
    const { swarms, counts } = this.#service;
    counts.relayScrapes++;
    if (request.infoHashes.length === 0) {
      peer.send(formatFailure('scrapes name their info_hash here'));
      return;
    }
    const files = [];
    for (const infoHash of request.infoHashes) {
      const swarm = swarms.find(fromBinaryString(infoHash), 0);
      if (swarm === NONE) continue;
      files.push({
        infoHash,
        seeds: swarms.seeds(swarm),
        leechers: swarms.leechers(swarm),
        downloaded: swarms.completed(swarm),
      });
    }
    peer.send(formatScraped(files));
  }
}

/** The table no longer lists the peer, or is about to. */
function forget(peer: RelayPeer, slot: number): void {
  const at = peer.slots.indexOf(slot);
  if (at < 0) return;
  peer.slots = peer.slots.toSpliced(at, 1);
  peer.ids = peer.ids.toSpliced(at, 1);
}

function offerKey(infoHash: string, peerId: string, offerId: string): string {
  return infoHash + peerId + offerId;
}
