/**
 * Links that are published need both ends' word: the keeper asks its partner for a grant and names it in its presence.
 * The partner in turn watches over who names it, and says so when one falls silent.
 */
import type { Context } from './context.ts';
import type { Control } from './control.ts';
import { PATH_TIMES } from './paths.ts';
import type { Paths } from './paths.ts';
import type { Peer } from './peer.ts';
import { GRANT_LIFE, grantLink, verifyGrant } from './presence.ts';

/** ms */
const ASK_AGAIN = 5000;
/** A partner that keeps a link is asked after this silence, and said to be silent after that. */
const QUIET = 14_000;
const SILENT = 18_000;

export class Partners {
  readonly #context: Context;
  readonly #paths: Paths;
  #startedAt = 0;

  constructor(context: Context, paths: Paths) {
    this.#context = context;
    this.#paths = paths;
  }

  start(now: number): void {
    this.#startedAt = now;
  }

  /** Asks a kept neighbour for its word, when there is none or once a quarter of its life is over. */
  askForGrant(peer: Peer, now: number): void {
    const held = this.#context.presences.get(peer.id);
    const old = peer.grant === null || (held !== null && held.presence.seq - peer.grant.epoch > GRANT_LIFE / 4);
    if (!old || now - peer.grantAskedAt < ASK_AGAIN) return;
    peer.grantAskedAt = now;
    this.#context.send(peer, { kind: 'link-ask' }, null, now);
  }

  handleAsk(peer: Peer, now: number): void {
    if (this.#paths.liveDirect(peer, now) === null) return;
    const { network, self, presences, init } = this.#context;
    const epoch = presences.highest(self);
    const link = { publisher: peer.id, grantor: self, epoch };
    const signature = grantLink(init.crypto, network, init.identity.node, link);
    this.#context.send(peer, { kind: 'link-grant', epoch, signature }, null, now);
  }

  handleGrant(peer: Peer, message: Extract<Control, { kind: 'link-grant' }>, now: number): void {
    if (!peer.weKeep) return;
    const { network, self, init } = this.#context;
    const { epoch, signature } = message;
    const link = { publisher: self, grantor: peer.id, epoch, grant: signature };
    if (!verifyGrant(init.crypto, network, peer.identity.nodeKey, link)) return;
    peer.grant = { epoch, signature };
    this.#context.presenceChanged(now);
  }

  /** Members that name us as a partner ping us; who has stopped is asked, and then said to be silent. */
  watch(now: number): void {
    for (const id of this.#context.presences.partners()) {
      const peer = this.#context.peer(id);
      const held = this.#context.presences.get(id);
      if (peer === null || held === null) continue;
      const quiet = now - Math.max(peer.lastHeard, peer.metAt, held.heldSince, this.#startedAt);
      if (quiet < QUIET) {
        if (peer.silentAfter !== null) this.#context.presenceChanged(now);
        peer.silentAfter = null;
      } else if (quiet < SILENT && peer.hasSession && peer.current !== null) {
        if (now - peer.current.lastPing > PATH_TIMES.retryPing) this.#paths.ping(peer, peer.current, now);
      } else if (peer.silentAfter !== held.presence.seq) {
        peer.silentAfter = held.presence.seq;
        this.#context.presenceChanged(now);
      }
    }
  }
}
