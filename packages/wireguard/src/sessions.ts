/**
 * The up to three sessions of a peer (white paper 6.3): `current` sends, `previous` still receives what is on its way,
 * `next` is a responder's session that waits for its first authentic message.
 */
import type { TransportKeys } from './noise.ts';

/** What a handshake yields. Its keys are wiped when the session is dropped. Times are monotonic ms. */
export interface Keypair extends TransportKeys {
  readonly peer: number;
  /** Where the other side addresses its messages; unique on this device, never 0. */
  readonly localIndex: number;
  readonly remoteIndex: number;
  readonly role: 'initiator' | 'responder';
  readonly createdAt: number;
  /** Reject-after-time: from here on it neither sends nor receives. */
  readonly expiresAt: number;
}

/** Every method that ends sessions returns them, for the caller to report. */
export class SessionSlots {
  #previous: Keypair | null = null;
  #current: Keypair | null = null;
  #next: Keypair | null = null;

  get current(): Keypair | null {
    return this.#current;
  }

  get next(): Keypair | null {
    return this.#next;
  }

  /** The session that sends under this local index, or null. */
  find(localIndex: number): Keypair | null {
    return this.all().find((keypair) => keypair.localIndex === localIndex) ?? null;
  }

  all(): Keypair[] {
    return [this.#previous, this.#current, this.#next].filter((keypair) => keypair !== null);
  }

  /**
   * An initiator's session is current at once; a responder's waits as next. A waiting session survives that of a
   * handshake in the other direction: where both sides initiated at once, either may be the one the other side uses.
   */
  add(keypair: Keypair): Keypair[] {
    if (keypair.role === 'responder') {
      const replaced = this.#next;
      this.#next = keypair;
      return present(replaced);
    }
    return this.#advance(keypair);
  }

  /** The first authentic message came in on a session: if it waits as next, it becomes current. */
  confirm(localIndex: number): Keypair[] {
    const next = this.#next;
    if (next === null || next.localIndex !== localIndex) return [];
    this.#next = null;
    return this.#advance(next);
  }

  expire(now: number): Keypair[] {
    return this.#remove((keypair) => now >= keypair.expiresAt);
  }

  clear(): Keypair[] {
    return this.#remove(() => true);
  }

  /** When the first of them expires; null without any. */
  expiresAt(): number | null {
    const all = this.all();
    return all.length === 0 ? null : Math.min(...all.map((keypair) => keypair.expiresAt));
  }

  #advance(keypair: Keypair): Keypair[] {
    const replaced = this.#previous;
    this.#previous = this.#current;
    this.#current = keypair;
    return present(replaced);
  }

  #remove(gone: (keypair: Keypair) => boolean): Keypair[] {
    const out = this.all().filter(gone);
    const keep = (keypair: Keypair | null) => (keypair !== null && out.includes(keypair) ? null : keypair);
    this.#previous = keep(this.#previous);
    this.#current = keep(this.#current);
    this.#next = keep(this.#next);
    return out;
  }
}

function present(keypair: Keypair | null): Keypair[] {
  return keypair === null ? [] : [keypair];
}
