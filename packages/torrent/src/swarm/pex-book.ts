import type { PeerAddress } from '../wire/duplex.ts';
import type { PexPeer } from '../wire/extension.ts';
import { PEX_MOST } from '../wire/pex.ts';
import { keyOf } from './peer-book.ts';

/** Time between two messages to one peer (BEP 11), ms. */
const PEX_INTERVAL = 60_000;
/** Messages that come faster than this are passed over. */
const PEX_LEAST_INTERVAL = 30_000;

/** What one peer was told of the others (BEP 11), so that it hears of changes alone. */
export class PexBook {
  /** When the next message is due. */
  nextAt: number;
  readonly #told = new Map<string, PeerAddress>();
  #heardAt: number = Number.NEGATIVE_INFINITY;

  constructor(now: number) {
    this.nextAt = now;
  }

  /** True where a message that came may be used. */
  mayHear(now: number): boolean {
    if (now - this.#heardAt < PEX_LEAST_INTERVAL) return false;
    this.#heardAt = now;
    return true;
  }

  /**
   * What to tell now, undefined where nothing changed.
   * @param peers those connected, without the one that is told
   */
  delta(
    peers: ReadonlyMap<string, PexPeer>,
    now: number,
  ): { readonly added: PexPeer[]; readonly dropped: PeerAddress[] } | undefined {
    this.nextAt = now + PEX_INTERVAL;
    const added: PexPeer[] = [];
    const dropped: PeerAddress[] = [];
    for (const [key, address] of this.#told) {
      if (dropped.length === PEX_MOST) break;
      if (peers.has(key)) continue;
      dropped.push(address);
      this.#told.delete(key);
    }
    for (const [key, peer] of peers) {
      if (added.length === PEX_MOST) break;
      if (this.#told.has(key)) continue;
      added.push(peer);
      this.#told.set(keyOf(peer), peer);
    }
    return added.length + dropped.length > 0 ? { added, dropped } : undefined;
  }
}
