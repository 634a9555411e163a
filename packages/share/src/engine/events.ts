import type { KithError } from '@kith/core';
import type { PeerAddress } from '@kith/torrent';
import type { ShareSnapshot, ShareState } from './report.ts';
import type { Share } from './share.ts';

/** What an engine tells, by the name of the event. */
export interface EngineEvents {
  readonly added: { readonly share: Share };
  readonly removed: { readonly share: Share };
  readonly state: { readonly share: Share; readonly state: ShareState };
  /** The files of a magnet link are known. */
  readonly metadata: { readonly share: Share };
  /** A piece was verified and written. */
  readonly piece: { readonly share: Share; readonly piece: number };
  /** At most once a second for each share that pieces came for. */
  readonly progress: { readonly share: Share; readonly snapshot: ShareSnapshot };
  /** Everything that is wanted is here. */
  readonly finished: { readonly share: Share };
  /** A connection to a peer began, or ended for `reason`. */
  readonly peer: { readonly share: Share; readonly address: PeerAddress; readonly reason?: string };
  /** Something about its trackers is new: see `snapshot().trackers`. */
  readonly tracker: { readonly share: Share };
  /** The share stopped for it; `resume` tries again. */
  readonly error: { readonly share: Share; readonly error: KithError };
}

export type EngineEvent = keyof EngineEvents;

/** Listeners by event. One that throws keeps no other from hearing it. */
export class Events {
  readonly #listeners: { [Name in EngineEvent]?: Set<(event: EngineEvents[Name]) => void> } = {};

  /** @returns ends it */
  on<Name extends EngineEvent>(name: Name, listener: (event: EngineEvents[Name]) => void): () => void {
    const listeners: Set<(event: EngineEvents[Name]) => void> = this.#listeners[name] ?? new Set();
    listeners.add(listener);
    Object.assign(this.#listeners, { [name]: listeners });
    return () => void listeners.delete(listener);
  }

  emit<Name extends EngineEvent>(name: Name, event: EngineEvents[Name]): void {
    for (const listener of [...(this.#listeners[name] ?? [])]) {
      try {
        listener(event);
      } catch (error) {
        // As an uncaught error of the program whose listener it is, not of the swarm in whose middle it is called.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
