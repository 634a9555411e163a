/** Names of trackers to addresses, filtered before anything is sent to them. */
import { lookup } from 'node:dns/promises';
import { type Address, parseAddress } from '@kith/core';
import { tracker } from '@kith/torrent';
import { addressOf } from './trusted-proxies.ts';
import { asTrackerError, assertPermitted, type TrackerClientOptions } from './tracker-client.ts';

export interface Resolved {
  readonly v4: Address | undefined;
  readonly v6: Address | undefined;
}

/**
 * The first permitted address of each family.
 * @throws TrackerError `unreachable` for an unknown name, `forbidden` when there are addresses and none is permitted
 */
export async function resolve(host: string, options: TrackerClientOptions, signal?: AbortSignal): Promise<Resolved> {
  const literal = addressOf(host);
  const addresses = literal === undefined ? await lookedUp(host, signal) : [literal];
  let refusal: tracker.TrackerError | undefined;
  const found: Record<'v4' | 'v6', Address | undefined> = { v4: undefined, v6: undefined };
  for (const address of addresses) {
    try {
      assertPermitted(address, options);
      found[address.includes(':') ? 'v6' : 'v4'] ??= address;
    } catch (error) {
      refusal ??= asTrackerError(error);
    }
  }
  if (found.v4 === undefined && found.v6 === undefined) {
    throw refusal ?? new tracker.TrackerError('unreachable', `${host} has no address`);
  }
  return found;
}

async function lookedUp(host: string, signal: AbortSignal | undefined): Promise<Address[]> {
  const aborted = new Promise<never>((_, reject) => {
    if (signal === undefined) return;
    const abort = () => reject(new tracker.TrackerError('aborted', 'given up while the name was looked up'));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
  try {
    const found = await Promise.race([lookup(host, { all: true }), aborted]);
    return found.map(({ address }) => parseAddress(address.replace(/%.*$/, '')));
  } catch (error) {
    throw asTrackerError(error);
  }
}
