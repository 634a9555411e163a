/**
 * Exits: the members through which a node leaves the network, of which it uses one at a time.
 *
 * Three have to agree: an admin made the member an exit (its routes in the ledger), the member says that it serves now
 * (its presence record), and this node was told that it may use it (the order here). The first of the order that answers
 * is used. All of them are asked all the time, so that the next one is known to answer when the one in use does not.
 */
import { DEFAULT_ROUTES } from '@kith/core';
import type { NodeId } from '@kith/core';
import type { ExitCandidate, ExitStanding, ExitView } from './api.ts';
import type { Context } from './context.ts';
import { PATH_TIMES } from './paths.ts';
import type { Peer } from './peer.ts';

/** All times in ms. */
const EXIT_TIMES: Readonly<Record<'ask' | 'askSpare' | 'askSilent' | 'silence' | 'steady', number>> = {
  /** Between questions to the exit in use and to those that would be liked better. */
  ask: 1000,
  askSpare: 2000,
  /** To one that its partners say is gone. */
  askSilent: 10_000,
  /** Without a word for this long it does not answer. Paths ask again twice a second, so six questions went unanswered. */
  silence: 4000,
  /** One that is liked better is gone back to after it answered for so long: each change breaks connections. */
  steady: 10_000,
};
/** More exits than this are not watched. */
const MOST = 8;

interface Watch {
  askedAt: number;
  /** Since when it has answered without a gap; null while it does not. */
  since: number | null;
}

export interface ExitsTools {
  /** Opens a session and a way. */
  connect(peer: Peer, now: number): void;
  /** Tells the plane that what the peer may be sent changed. */
  program(peer: Peer, now: number): void;
}

export class Exits {
  readonly #context: Context;
  readonly #tools: ExitsTools;
  #order: readonly NodeId[] = [];
  #watches = new Map<NodeId, Watch>();
  #used: NodeId | null = null;

  constructor(context: Context, tools: ExitsTools) {
    this.#context = context;
    this.#tools = tools;
  }

  /** Whom what belongs to no member goes to. */
  get used(): NodeId | null {
    return this.#used;
  }

  /** Whether there is something to watch. */
  get busy(): boolean {
    return this.#order.length > 0;
  }

  /** @param order the one that is liked best first; none: nothing leaves */
  choose(order: readonly NodeId[], now: number): void {
    this.#order = [...new Set(order)].filter((id) => id !== this.#context.self).slice(0, MOST);
    this.#watches = new Map(
      this.#order.map((id) => [id, this.#watches.get(id) ?? { askedAt: Number.NEGATIVE_INFINITY, since: null }]),
    );
    this.tick(now);
  }

  tick(now: number): void {
    let liked = true;
    for (const [id, watch] of this.#watches) {
      this.#watch(id, watch, liked, now);
      if (id === this.#used) liked = false;
    }
    const next = this.#next(now);
    if (next !== this.#used) this.#use(next, now);
  }

  view(now: number): ExitView | null {
    if (!this.busy) return null;
    const candidates = this.#order.map((id) => this.#candidate(id, now));
    return { used: this.#used, reason: reasonOf(candidates), candidates };
  }

  #watch(id: NodeId, watch: Watch, liked: boolean, now: number): void {
    const peer = this.#context.peer(id);
    if (peer === null || exitStanding(this.#context, id) !== 'serving') {
      watch.since = null;
      return;
    }
    if (now - peer.lastHeard >= EXIT_TIMES.silence || peer.lastHeard === 0) watch.since = null;
    else watch.since ??= now;
    const gone = watch.since === null && this.#context.presences.isDown(id);
    const spacing = gone ? EXIT_TIMES.askSilent : liked ? EXIT_TIMES.ask : EXIT_TIMES.askSpare;
    if (now - watch.askedAt < spacing) return;
    watch.askedAt = now;
    if (!gone) peer.activeUntil = Math.max(peer.activeUntil, now + PATH_TIMES.active);
    if (!peer.hasSession || peer.current === null) this.#tools.connect(peer, now);
    else if (now - peer.current.lastPing >= PATH_TIMES.retryPing) this.#context.ping(peer, now);
  }

  #next(now: number): NodeId | null {
    const used = this.#used === null ? null : (this.#watches.get(this.#used)?.since ?? null);
    for (const [id, { since }] of this.#watches) {
      if (since === null) continue;
      if (id === this.#used || used === null || now - since >= EXIT_TIMES.steady) return id;
    }
    return null;
  }

  #use(id: NodeId | null, now: number): void {
    const before = this.#used;
    this.#used = id;
    // The old one first: a prefix belongs to the peer that was set with it last.
    for (const each of [before, id]) {
      const peer = each === null ? null : this.#context.peer(each);
      if (peer !== null) this.#tools.program(peer, now);
    }
    const reason = this.view(now)?.reason ?? 'nobody is asked to let it out';
    const text = id === null ? `nothing leaves the network: ${reason}` : `leaving the network through ${reason}`;
    this.#context.log(id === null && this.busy ? 'warn' : 'info', 'exit', id, text);
  }

  #candidate(id: NodeId, now: number): ExitCandidate {
    const name = this.#context.roster().members.get(id)?.name ?? null;
    return { id, name, state: this.#stateOf(id, name !== null, now) };
  }

  #stateOf(id: NodeId, isMember: boolean, now: number): ExitCandidate['state'] {
    if (!isMember) return 'gone';
    switch (exitStanding(this.#context, id)) {
      case 'none':
        return 'not-granted';
      case 'granted':
        return this.#context.presences.get(id)?.presence.goodbye === false ? 'not-serving' : 'offline';
      case 'serving': {
        const since = this.#watches.get(id)?.since ?? null;
        if (since === null) return 'silent';
        if (id === this.#used) return 'used';
        return now - since < EXIT_TIMES.steady ? 'returning' : 'ready';
      }
    }
  }
}

/** What the ledger allows a member, and what it says itself. */
export function exitStanding(context: Context, id: NodeId): ExitStanding {
  const member = context.roster().members.get(id);
  if (member === undefined || !DEFAULT_ROUTES.every((prefix) => member.routes.includes(prefix))) return 'none';
  const said = id === context.self ? context.servesAsExit : isSaid(context, id);
  return said ? 'serving' : 'granted';
}

function isSaid(context: Context, id: NodeId): boolean {
  const held = context.presences.get(id);
  return held !== null && held.presence.exit && !held.presence.goodbye;
}

const STATES: Readonly<Record<ExitCandidate['state'], string>> = {
  used: 'is in use',
  ready: 'answers',
  returning: 'has just come back',
  silent: 'does not answer',
  offline: 'is offline',
  'not-serving': 'does not let anybody out at present',
  'not-granted': 'was not made an exit by an admin',
  gone: 'is no member',
};

function reasonOf(candidates: readonly ExitCandidate[]): string {
  const words = ({ id, name, state }: ExitCandidate): string => `${name ?? id} ${STATES[state]}`;
  const place = candidates.findIndex(({ state }) => state === 'used');
  const better = candidates.slice(0, place === -1 ? candidates.length : place).map(words);
  if (place === -1) return better.join(', ');
  const { id, name } = candidates[place] as ExitCandidate;
  return better.length === 0 ? `${name ?? id}, the preferred one` : `${name ?? id}: ${better.join(', ')}`;
}
