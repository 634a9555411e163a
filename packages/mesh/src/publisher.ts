/** This node's own presence record: made anew when something in it changed, and now and then so that it stays alive. */
import type { NodeId } from '@kith/core';
import { ownEndpoints } from './candidates.ts';
import type { Context } from './context.ts';
import { exitStanding } from './exits.ts';
import type { Paths } from './paths.ts';
import { GRANT_LIFE, PRESENCE_LIMITS, signPresence } from './presence.ts';
import type { Presence, PresenceDown, PresenceLink } from './presence.ts';

/** ms: a burst of changes becomes one record; records are at least this far apart, more so in large networks. */
const SETTLE = 300;
const SPACING = 2000;
const SPACING_PER_MEMBER = 10;
/** Between records when nothing changes: a minute in small networks, longer in large ones, so that the sum stays bounded. */
const REFRESH_LEAST = 60_000;
const REFRESH_PER_MEMBER = 600;
const REFRESH_MOST = 300_000;
/** A record outlives this many missed refreshes. */
const LIVES = 3;
/** Changes smaller than this are not worth telling everybody: share of RTT and ms, and loss per mille. */
const RTT_SHARE = 0.5;
const RTT_LEAST = 10;
const LOSS_LEAST = 50;

export class Publisher {
  readonly #context: Context;
  readonly #paths: Paths;
  readonly #publish: (record: Uint8Array, seq: number, now: number) => void;
  #dirtyAt: number | null = null;
  #publishedAt: number = Number.NEGATIVE_INFINITY;
  #last: Presence | null = null;
  /** In [0, 1), anew for each record: members that started together do not go on refreshing together. */
  #jitter = 0;

  constructor(context: Context, paths: Paths, publish: (record: Uint8Array, seq: number, now: number) => void) {
    this.#context = context;
    this.#paths = paths;
    this.#publish = publish;
  }

  changed(now: number): void {
    this.#dirtyAt ??= now;
  }

  /** Somebody says that this node fell silent: a new record shows that it did not. */
  contradict(now: number): void {
    this.#last = null;
    this.changed(now);
  }

  /** The network under the node changed: the next record does not wait for its spacing. */
  hurry(now: number): void {
    this.#publishedAt = Number.NEGATIVE_INFINITY;
    this.changed(now - SETTLE);
  }

  wakeAt(): number {
    const refresh = this.#publishedAt + this.#refresh();
    if (this.#dirtyAt === null) return refresh;
    return Math.min(refresh, Math.max(this.#dirtyAt + SETTLE, this.#publishedAt + this.#spacing()));
  }

  tick(now: number): void {
    if (now < this.wakeAt()) return;
    const refresh = now >= this.#publishedAt + this.#refresh();
    this.#dirtyAt = null;
    const next = this.#compose(now, false);
    if (!refresh && this.#last !== null && sameEnough(this.#last, next)) return;
    this.#send(next, now);
  }

  /** The last word before the node goes offline. */
  goodbye(now: number): void {
    this.#send(this.#compose(now, true), now);
  }

  #send(presence: Presence, now: number): void {
    const { crypto, identity } = this.#context.init;
    this.#last = presence;
    this.#publishedAt = now;
    this.#jitter = (crypto.random(1)[0] as number) / 256;
    this.#publish(signPresence(crypto, this.#context.network, identity.node, presence), presence.seq, now);
  }

  #spacing(): number {
    return SPACING + this.#context.roster().members.size * SPACING_PER_MEMBER;
  }

  #refresh(): number {
    return period(this.#context, this.#last?.links.length ?? 0) * (0.8 + this.#jitter * 0.2);
  }

  #compose(now: number, goodbye: boolean): Presence {
    const { config, wall } = this.#context.init;
    const verdict = this.#context.nat.verdict(now, config.staticEndpoints.length > 0);
    const links = this.#links(now);
    const seq = Math.max(Math.floor(wall(now)), this.#context.presences.highest(this.#context.self) + 1);
    return {
      id: this.#context.self,
      seq,
      // Not of this record's own jitter: it would make each record differ from the last one.
      ttl: Math.min(PRESENCE_LIMITS.ttl, Math.ceil((period(this.#context, links.length) * LIVES) / 1000)),
      endpoints: ownEndpoints(this.#context, now),
      nat: verdict.nat,
      reachable: verdict.reachable,
      relay: config.relay && (this.#context.roster().members.get(this.#context.self)?.mayRelay ?? false),
      exit: this.#context.servesAsExit && exitStanding(this.#context, this.#context.self) !== 'none',
      links,
      version: config.version.slice(0, 32),
      goodbye,
      down: this.#down(),
      location: config.location,
    };
  }

  /** Silent partners, the latest ones, for as long as their old records are about. */
  #down(): PresenceDown[] {
    const down: PresenceDown[] = [];
    for (const peer of this.#context.peers()) {
      const held = this.#context.presences.get(peer.id);
      if (peer.silentAfter === null || held === null || held.presence.goodbye) continue;
      if (held.presence.seq <= peer.silentAfter) down.push({ id: peer.id, seq: peer.silentAfter });
    }
    return down.toSorted((a, b) => b.seq - a.seq || (a.id < b.id ? -1 : 1)).slice(0, PRESENCE_LIMITS.down);
  }

  /** Links with members that have given their word for them, the kept ones. */
  #links(now: number): PresenceLink[] {
    const last = new Map<NodeId, PresenceLink>((this.#last?.links ?? []).map((link) => [link.to, link]));
    const links: PresenceLink[] = [];
    for (const peer of this.#context.neighbours(now)) {
      if (!peer.weKeep || peer.grant === null || links.length >= PRESENCE_LIMITS.links) continue;
      const held = this.#context.presences.get(peer.id);
      if (held === null || held.presence.seq - peer.grant.epoch > GRANT_LIFE) continue;
      const direct = this.#paths.liveDirect(peer, now);
      if (direct === null) continue;
      const rtt = Math.min(65_535, Math.round(direct.rtt ?? 0));
      const loss = Math.min(1000, Math.round(direct.loss * 1000));
      const before = last.get(peer.id);
      // Measurements wander; only what would move a route is worth a new record.
      const steady = before !== undefined && Math.abs(before.rtt - rtt) < Math.max(RTT_LEAST, before.rtt * RTT_SHARE);
      const calm = before !== undefined && Math.abs(before.loss - loss) < LOSS_LEAST;
      links.push({
        to: peer.id,
        rtt: steady ? before.rtt : rtt,
        loss: calm ? before.loss : loss,
        epoch: peer.grant.epoch,
        grant: peer.grant.signature,
      });
    }
    return links.toSorted((a, b) => (a.to < b.to ? -1 : 1));
  }
}

/** Without links nobody else can tell that this node fell silent, so its word has to be short-lived. */
function period(context: Context, links: number): number {
  const members = links === 0 ? 0 : context.roster().members.size;
  return Math.min(REFRESH_MOST, Math.max(REFRESH_LEAST, members * REFRESH_PER_MEMBER));
}

/** Equal in all but sequence. */
function sameEnough(a: Presence, b: Presence): boolean {
  const essence = (p: Presence) =>
    JSON.stringify([
      p.ttl,
      p.endpoints,
      p.nat,
      p.reachable,
      p.relay,
      p.exit,
      p.version,
      p.goodbye,
      p.down,
      p.location,
      p.links.map((l) => [l.to, l.rtt, l.loss, l.epoch]),
    ]);
  return essence(a) === essence(b);
}
