import type { Rate } from './rate.ts';

/** What is known of a peer here. */
interface Giver {
  readonly pipeline: { readonly rate: Pick<Rate, 'total' | 'sample'> };
  /** 0 for one that never suggested. */
  suggestsUntil: number;
  bestRate: number;
  lookedBytes: number;
}

/**
 * How long a seed that suggests is asked for what it suggests alone, ms: it spreads each piece through one peer, and the
 * others get it from that one.
 */
export const SUGGESTION_TIME = 2000;

/**
 * Called once in a while. Seeds that suggested are left in peace for longer while the other peers give together as much
 * as they did at their best: nobody waits for that, and what peers can give each other costs the seeds nothing.
 * @param elapsed ms since the last call
 */
export function spareSeeds(peers: Iterable<Giver>, elapsed: number, now: number): void {
  let partners = 0;
  let seeds = 0;
  const suggesting: Giver[] = [];
  for (const peer of peers) {
    const { rate } = peer.pipeline;
    const bytes = rate.total - peer.lookedBytes;
    peer.lookedBytes = rate.total;
    // Of a seed the average, so that one burst is no measure; of the others what comes now, because they may stop.
    peer.bestRate = Math.max(peer.bestRate, rate.sample(now));
    if (peer.suggestsUntil === 0) {
      partners += (bytes * 1000) / elapsed;
    } else {
      seeds += peer.bestRate;
      suggesting.push(peer);
    }
  }
  if (partners === 0 || partners < seeds) return;
  for (const seed of suggesting) seed.suggestsUntil = now + SUGGESTION_TIME;
}
