/** One look a second at what no event tells: the machine's addresses, and whether it slept. */
import type { Address } from '@kith/core';
import { localAddresses, reachableAddresses } from './addresses.ts';
import { monotonic, type WallClock } from './clock.ts';

const INTERVAL = 1_000;

export interface WatchEvents {
  addresses(addresses: readonly Address[], now: number): void;
  resumed(now: number): void;
}

/** Starts watching; call the returned function to end it. `own`: this network's interface. */
export function watchMachine(clock: WallClock, own: readonly string[], events: WatchEvents): () => void {
  let before = reachableAddresses(localAddresses(), own).join(' ');
  const timer = setInterval(() => {
    const now = monotonic();
    if (clock.observe(Date.now(), now)) events.resumed(now);
    const addresses = reachableAddresses(localAddresses(), own);
    const after = addresses.join(' ');
    if (after === before) return;
    before = after;
    events.addresses(addresses, now);
  }, INTERVAL);
  return () => clearInterval(timer);
}
