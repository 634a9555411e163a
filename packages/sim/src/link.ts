/**
 * The access link of a host: what happens to its packets between it (or the NAT in front of it) and the core. Each
 * direction has a quality of its own; a path's latency is the sender's upward plus the receiver's downward latency.
 */
import type { Random } from './random.ts';

export interface LinkQuality {
  /** One way, in ms. */
  readonly latency: number;
  /** Added to the latency, evenly spread over 0..jitter ms. More jitter than the gap between packets reorders them. */
  readonly jitter: number;
  /** Probability of 0..1 that a packet is lost. */
  readonly loss: number;
  /** Probability that a packet arrives twice. */
  readonly duplicate: number;
  /** Probability that a packet is held back by `reorderBy`, so that later ones overtake it. */
  readonly reorder: number;
  /** In ms. */
  readonly reorderBy: number;
  /** Bits per second, headers included; Infinity for no limit. */
  readonly rate: number;
  /** Bytes that wait for a link with a rate; more are dropped at the tail. */
  readonly queue: number;
  /** Largest IP packet in bytes; larger ones are dropped in silence, as with "don't fragment" and lost ICMP. */
  readonly mtu: number;
}

/** Both directions alike, and what differs in one of them. */
export interface LinkOptions extends Partial<LinkQuality> {
  readonly up?: Partial<LinkQuality>;
  readonly down?: Partial<LinkQuality>;
}

export const DEFAULT_LINK: LinkQuality = {
  latency: 10,
  jitter: 0,
  loss: 0,
  duplicate: 0,
  reorder: 0,
  reorderBy: 20,
  rate: Number.POSITIVE_INFINITY,
  queue: 128 * 1024,
  mtu: 1500,
};

function check(quality: LinkQuality): LinkQuality {
  for (const name of ['loss', 'duplicate', 'reorder'] as const) {
    if (!(quality[name] >= 0 && quality[name] <= 1)) {
      throw new RangeError(`link: ${name} ${quality[name]} is no probability of 0..1`);
    }
  }
  for (const name of ['latency', 'jitter', 'reorderBy', 'queue'] as const) {
    if (!(quality[name] >= 0)) throw new RangeError(`link: ${name} ${quality[name]} is negative or no number`);
  }
  if (!(quality.rate > 0)) throw new RangeError(`link: rate ${quality.rate} must be above 0`);
  if (!(quality.mtu >= 68)) throw new RangeError(`link: mtu ${quality.mtu} is below the 68 bytes of RFC 791`);
  return quality;
}

export type LinkDrop = 'mtu' | 'lost' | 'queue full';

/** One direction of an access link. */
export class Link {
  readonly quality: LinkQuality;
  #busyUntil = 0;

  constructor(quality: LinkQuality) {
    this.quality = check(quality);
  }

  /**
   * Takes a packet of `size` bytes of IP at time `now`.
   * @returns when its last bit has left the queue (ms), or why it was dropped
   */
  take(size: number, now: number, random: Random): number | LinkDrop {
    const { mtu, loss, rate, queue } = this.quality;
    if (size > mtu) return 'mtu';
    if (random.chance(loss)) return 'lost';
    if (rate === Number.POSITIVE_INFINITY) return now;
    const start = Math.max(now, this.#busyUntil);
    const waiting = ((start - now) * rate) / 8000;
    if (waiting > 0 && waiting + size > queue) return 'queue full';
    this.#busyUntil = start + (size * 8000) / rate;
    return this.#busyUntil;
  }

  /** Latency of one packet in ms, jitter and holding back included. */
  delay(random: Random): number {
    const { latency, jitter, reorder, reorderBy } = this.quality;
    return latency + (jitter > 0 ? random.next() * jitter : 0) + (random.chance(reorder) ? reorderBy : 0);
  }
}

export interface LinkPair {
  readonly up: Link;
  readonly down: Link;
}

/** @throws RangeError for a quality that makes no sense */
export function linkPair(options: LinkOptions): LinkPair {
  const { up, down, ...both } = options;
  return {
    up: new Link({ ...DEFAULT_LINK, ...both, ...up }),
    down: new Link({ ...DEFAULT_LINK, ...both, ...down }),
  };
}
