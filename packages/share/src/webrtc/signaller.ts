/**
 * Makes peers of one share out of what trackers pass on between strangers: offers when peers are wanted and not before, answers
 * to offers of others, and never two connections to one peer. The shares of an engine have theirs in common: an offer of a
 * kith that one of them is connected to gets no answer but a channel, labelled with the info-hash, on that connection.
 */
import { randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { toHex } from '@kith/core';
import { bencode, type Duplex, type tracker } from '@kith/torrent';
import type { PeerFilter } from '../net/peer-filter.ts';
import type { RemoteDescription, Signalling } from '../tracker/websocket-tracker.ts';
import type { Attempt } from './attempt.ts';
import type { WebRtc } from './webrtc.ts';
import type { WebRtcDuplex } from './webrtc-duplex.ts';
import { WebRtcError } from './webrtc-error.ts';

export interface SignallerOptions {
  readonly webrtc: WebRtc;
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  readonly filter: PeerFilter;
  /** Whether another peer has a place. @param peerId of the one that it would be, as a binary string */
  wants(peerId?: string): boolean;
  connected(duplex: Duplex): void;
  /** A connection ended, or could not be made for a while: it is time to make offers again. */
  lost(): void;
}

/** Offers that wait for an answer: each holds a socket. */
const MOST_OFFERS = 4;
/** Offers of others that are being answered: strangers send as many as they like. */
const MOST_ANSWERS = 4;
/** Ways to one peer that are tried one after the other: each takes up to 20 s, and an offer is good for 50. */
const MOST_TRIES = 3;
/** After a connection ended, offers that nobody answers are followed by others so long, ms. */
const RECOVERY = 180_000;
/** How peer ids of kith begin (BEP 20). Others do not look at the channels that come after the first. */
const KITH = '-KI';

export class Signaller {
  readonly #options: SignallerOptions;
  /** By offer id. */
  readonly #offers = new Map<string, Attempt>();
  #making = 0;
  #lostAt = Number.NEGATIVE_INFINITY;
  #answering = 0;
  /** Whose offers are being answered. */
  readonly #meeting = new Set<string>();
  /** Of those, who answered ours as well: that was given up for it. */
  readonly #spared = new Set<string>();
  readonly #label: string;
  readonly #unlisten: () => void;
  #closed = false;

  constructor(options: SignallerOptions) {
    this.#options = options;
    this.#label = `kith:${toHex(options.infoHash)}`;
    this.#unlisten = options.webrtc.listen(this.#label, {
      filter: options.filter,
      wants: () => this.#wants(),
      opened: (duplex) => this.#connected(duplex),
    });
  }

  /** @param answer passes an answer on, on the way on which the offer came */
  through(answer: (offer: RemoteDescription, sdp: string) => void): Signalling {
    return {
      offers: (request) => this.#makeOffers(request),
      offered: (offer) => void this.#answer(offer, answer),
      answered: (answered) => this.#answered(answered),
    };
  }

  /** Gives up what is on its way. Connections stay. */
  close(): void {
    this.#closed = true;
    this.#unlisten();
    for (const attempt of this.#offers.values()) attempt.abandon();
    this.#offers.clear();
  }

  /** Who misses something offers, so that who has everything need not, but for those who were there before. */
  async #makeOffers({ left, event }: tracker.AnnounceRequest): Promise<tracker.Offer[]> {
    const wanted = this.#wants() && (left > 0 || event === 'started');
    const room = wanted ? Math.max(0, MOST_OFFERS - this.#offers.size - this.#making) : 0;
    const offers = await Promise.all(Array.from({ length: room }, () => this.#offer()));
    return offers.filter((offer) => offer !== undefined);
  }

  async #offer(): Promise<tracker.Offer | undefined> {
    const { webrtc, filter } = this.#options;
    this.#making++;
    try {
      const attempt = await webrtc.offer(filter);
      const offerId = bencode.binaryString(randomBytes(20));
      this.#offers.set(offerId, attempt);
      void this.#await(offerId, attempt);
      return { offerId, sdp: attempt.sdp };
    } catch (error) {
      if (!(error instanceof WebRtcError)) throw error;
      return undefined;
    } finally {
      this.#making--;
    }
  }

  async #await(offerId: string, { opened }: Attempt): Promise<void> {
    const met = await this.#follow(opened);
    const unanswered = this.#offers.delete(offerId) && !met && !this.#closed;
    // Who is behind a connection that broke finds that out later than this side, and answers nothing until then.
    if (unanswered && performance.now() - this.#lostAt < RECOVERY) this.#options.lost();
  }

  #answered({ offerId, peerId, sdp }: RemoteDescription): void {
    const attempt = this.#offers.get(offerId);
    if (attempt === undefined) return;
    this.#offers.delete(offerId);
    // One that is being answered at the same time may come to nothing; of two the swarm ends the same one on both sides.
    if (!this.#wants(peerId)) return attempt.abandon();
    if (peerId.startsWith(KITH) && attempt.spare(sdp)) void this.#joinInstead(attempt, peerId, sdp);
    else void this.#expect(attempt, sdp);
  }

  /** The attempt is kept until it is not needed: a connection may end just when others are done with it. */
  async #joinInstead(attempt: Attempt, peerId: string, sdp: string): Promise<void> {
    if (this.#meeting.has(peerId)) {
      this.#spared.add(peerId);
      return attempt.abandon();
    }
    const joined = this.#join(peerId, sdp);
    const met = joined !== undefined && (await this.#follow(joined));
    if (met || !this.#wants(peerId)) attempt.abandon();
    else await this.#expect(attempt, sdp);
  }

  /** Who answered is there: a way that is not found, as happens on a busy machine, is looked for again. */
  async #expect(attempt: Attempt, sdp: string): Promise<void> {
    attempt.answered(sdp);
    try {
      await attempt.opened;
    } catch (error) {
      if (error instanceof WebRtcError && error.failure === 'failed') this.#again();
    }
  }

  async #answer(offer: RemoteDescription, answer: (offer: RemoteDescription, sdp: string) => void): Promise<void> {
    const { webrtc, filter } = this.#options;
    const { peerId, sdp } = offer;
    if (this.#answering >= MOST_ANSWERS || this.#meeting.has(peerId) || !this.#wants(peerId)) return;
    this.#answering++;
    this.#meeting.add(peerId);
    try {
      let answered = false;
      for (let tries = 0; tries < MOST_TRIES && this.#wants(peerId); tries++) {
        const joined = this.#join(peerId, sdp);
        if (joined !== undefined) {
          if (await this.#follow(joined)) return;
          continue;
        }
        if (answered) return;
        answered = true;
        // Nothing is awaited before this: the same peer's offer to the next share has to find it.
        const attempt = await webrtc.accept(sdp, filter);
        answer(offer, attempt.sdp);
        if (await this.#follow(attempt.opened)) return;
        // Those that waited for it go another way now, which serves this share as well.
        await nextTurn();
      }
    } catch (error) {
      if (!(error instanceof WebRtcError)) throw error;
    } finally {
      this.#answering--;
      this.#meeting.delete(peerId);
      if (this.#spared.delete(peerId) && this.#wants(peerId)) this.#again();
    }
  }

  /** Over the connection that other shares have to who made this description, or are about to have. */
  #join(peerId: string, sdp: string): Promise<WebRtcDuplex> | undefined {
    const { webrtc, filter } = this.#options;
    return peerId.startsWith(KITH) ? webrtc.join(sdp, this.#label, filter) : undefined;
  }

  /** Whether it came to a connection. */
  async #follow(opened: Promise<WebRtcDuplex>): Promise<boolean> {
    try {
      this.#connected(await opened);
      return true;
    } catch (error) {
      if (!(error instanceof WebRtcError)) throw error;
      if (error.failure === 'crashed') this.#again();
      return false;
    }
  }

  #connected(duplex: WebRtcDuplex): void {
    if (this.#closed) return duplex.close('not wanted any more');
    duplex.whenEnded(() => this.#again());
    this.#options.connected(duplex);
  }

  #again(): void {
    if (this.#closed) return;
    this.#lostAt = performance.now();
    this.#options.lost();
  }

  #wants(peerId?: string): boolean {
    if (this.#closed) return false;
    if (peerId === undefined) return this.#options.wants();
    const own = bencode.binaryString(this.#options.peerId);
    return peerId !== own && this.#options.wants(peerId);
  }
}
