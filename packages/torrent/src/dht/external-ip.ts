/** How others see this node, by their vote (BEP 42): one voice for each /24 or /64, so that few cannot decide. */
import type { Address } from '@kith/core';
import { isLocal, netOf } from './contact.ts';

/** Voices that are counted; the oldest is taken back for a new one. */
const MOST_VOICES = 64;
/** Voices that it takes, of which more than half have to agree. */
const QUORUM = 8;

export class ExternalIp {
  readonly #voices = new Map<string, Address>();

  /** The address that this vote decided for; undefined where nothing is decided. */
  vote(voter: Address, seen: Address): Address | undefined {
    // What a local network sees is not what the world sees, and the world has no business naming local addresses.
    if (isLocal(voter) || isLocal(seen)) return undefined;
    const net = netOf(voter);
    this.#voices.delete(net);
    this.#voices.set(net, seen);
    if (this.#voices.size > MOST_VOICES) {
      const [oldest = ''] = this.#voices.keys();
      this.#voices.delete(oldest);
    }
    if (this.#voices.size < QUORUM) return undefined;
    let same = 0;
    for (const voice of this.#voices.values()) if (voice === seen) same++;
    return 2 * same > this.#voices.size ? seen : undefined;
  }
}
