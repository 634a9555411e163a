/**
 * The ways to each peer: proving them with pings, choosing one, noticing within moments when it dies.
 *
 * A ping goes out by a chosen path inside the peer's WireGuard session, and its pong comes back the same way, so an
 * answer proves the path, its RTT and, for a direct one, that both NATs let it through. Data uses the best proved path;
 * a dead one is left as soon as another has answered.
 */
import { readUint32LE, TokenBucket } from '@kith/core';
import type { Endpoint, NodeId } from '@kith/core';
import type { PathView } from './api.ts';
import { directCandidates } from './candidates.ts';
import type { Context } from './context.ts';
import { FLAG_AES, FLAG_CURRENT, FLAG_KEEP, FLAG_LAZY } from './control.ts';
import type { Control } from './control.ts';
import { directKey, relayKey, reversePath } from './peer.ts';
import type { Candidate, Peer } from './peer.ts';
import type { Origin, PeerCounters } from './plane.ts';

/** All times in ms. */
export const PATH_TIMES: Readonly<
  Record<
    | 'pingLost'
    | 'idlePing'
    | 'activePing'
    | 'attendedPing'
    | 'retryPing'
    | 'patience'
    | 'alive'
    | 'active'
    | 'attended'
    | 'probeSpacing',
    number
  >
> = {
  /** A ping without an answer counts as lost after this. */
  pingLost: 1500,
  /** Between pings on a link that is kept, and on one that carries data. */
  idlePing: 10_000,
  activePing: 5000,
  /** While somebody looks, and for how long a look counts. */
  attendedPing: 1000,
  attended: 5000,
  /** Between pings on a path whose last one went unanswered. */
  retryPing: 500,
  /** Data may wait this long for any answer before the ways are proved again. */
  patience: 250,
  /** A direct path counts as live for this long after it was last heard. */
  alive: 16_000,
  /** A peer is active for this long after data went either way. */
  active: 10_000,
  probeSpacing: 150,
};
const RELAY_CHOICES = 3;
const MAX_DIRECT = 24;
const MAX_PENDING = 4096;
/** Pings to unproved endpoints, over all peers: 50 a second (polite probing). */
const PROBES = { rate: 50, burst: 64 };

interface Pending {
  readonly peer: Peer;
  readonly candidate: Candidate;
  readonly sentAt: number;
  counted: boolean;
}

export class Paths {
  readonly #context: Context;
  readonly #pending = new Map<number, Pending>();
  readonly #waiters = new Map<number, (rtt: number) => void>();
  readonly #probes = new TokenBucket(PROBES.rate, PROBES.burst);
  readonly #program: (peer: Peer, now: number) => void;

  /** @param program tells the plane that the peer's path or cipher changed */
  constructor(context: Context, program: (peer: Peer, now: number) => void) {
    this.#context = context;
    this.#program = program;
  }

  /** An authenticated message came from the peer by this way. */
  heard(peer: Peer, origin: Origin, now: number): Candidate | null {
    peer.lastHeard = now;
    const candidate = this.#candidateFor(peer, origin);
    if (candidate === null) return null;
    candidate.lastHeard = now;
    candidate.misses = 0;
    if (peer.current === null) this.#take(peer, candidate, now);
    return candidate;
  }

  /** The plane saw a message by another way than the peer's path; a ping finds out what that way is worth. */
  roamed(peer: Peer, origin: Origin, now: number): void {
    const candidate = this.heard(peer, origin, now);
    if (candidate !== null && now - candidate.lastPing > PATH_TIMES.probeSpacing) this.ping(peer, candidate, now);
  }

  /** Sends a ping by one way. False if there is no session to seal it with. */
  ping(peer: Peer, candidate: Candidate, now: number, waiter?: (rtt: number) => void): boolean {
    if (this.#pending.size >= MAX_PENDING) return false;
    const txid = this.#freshId();
    const flags = this.#flags(peer) | (candidate === peer.current ? FLAG_CURRENT : 0);
    const message = { kind: 'ping', txid, flags, ...this.#context.fingerprints() } as const;
    if (!this.#context.send(peer, message, candidate.path, now)) return false;
    candidate.lastPing = now;
    this.#pending.set(txid, { peer, candidate, sentAt: now, counted: false });
    if (waiter !== undefined) this.#waiters.set(txid, waiter);
    return true;
  }

  /** Answers a ping and takes from it what it says of the path. */
  handlePing(peer: Peer, message: Extract<Control, { kind: 'ping' }>, origin: Origin, now: number): void {
    const candidate = this.heard(peer, origin, now);
    this.#takeFlags(peer, message.flags, now);
    if (candidate !== null && (message.flags & FLAG_CURRENT) !== 0) this.#follow(peer, candidate, now);
    this.#context.send(
      peer,
      {
        kind: 'pong',
        txid: message.txid,
        flags: this.#flags(peer),
        ...this.#context.fingerprints(),
        observed: origin.kind === 'direct' ? origin.endpoint : null,
      },
      reversePath(origin, peer.id),
      now,
    );
    // Both ends want to know the way's RTT: the first ping over a new way is answered by one of our own.
    if (candidate !== null && candidate.rtt === null && now - candidate.lastPing > PATH_TIMES.probeSpacing) {
      this.ping(peer, candidate, now);
    }
  }

  handlePong(peer: Peer, message: Extract<Control, { kind: 'pong' }>, origin: Origin, now: number): void {
    const pending = this.#pending.get(message.txid);
    if (pending === undefined || pending.peer !== peer) return;
    this.#pending.delete(message.txid);
    this.#takeFlags(peer, message.flags, now);
    this.heard(peer, origin, now);
    const { candidate } = pending;
    const rtt = now - pending.sentAt;
    candidate.rtt = candidate.rtt === null ? rtt : candidate.rtt + (rtt - candidate.rtt) / 4;
    if (!pending.counted) candidate.loss += (0 - candidate.loss) / 8;
    candidate.lastHeard = now;
    candidate.misses = 0;
    this.#waiters.get(message.txid)?.(rtt);
    this.#waiters.delete(message.txid);
    this.choose(peer, now);
  }

  /** Takes in what the plane counted: is data answered? Starts proving ways where it is not. */
  watch(peer: Peer, counters: PeerCounters, now: number): void {
    const lastData = Math.max(counters.lastDataSent, counters.lastDataReceived);
    if (lastData > 0) peer.activeUntil = Math.max(peer.activeUntil, lastData + PATH_TIMES.active);
    if (counters.queued > 0) peer.activeUntil = now + PATH_TIMES.active;
    peer.lastHeard = Math.max(peer.lastHeard, counters.lastReceived);
    // Only the way that data takes counts: that others answer is no comfort.
    const heard = Math.max(counters.lastDataReceived, peer.current?.lastHeard ?? 0);
    const answered = counters.lastDataSent === 0 || heard >= counters.lastDataSent;
    if (answered) peer.waitingSince = null;
    else peer.waitingSince ??= counters.lastDataSent;
  }

  /** Regular work for one peer with a session. */
  tick(peer: Peer, now: number): void {
    const active = now < peer.activeUntil;
    const waiting = peer.waitingSince === null ? 0 : now - peer.waitingSince;
    const patience = PATH_TIMES.patience + 2 * (peer.current?.rtt ?? 0);
    if (active && waiting > patience) this.#prove(peer, now, waiting);
    const kept = peer.weKeep || active;
    if (kept && peer.current !== null) {
      if (now - peer.current.lastPing >= this.#spacing(peer.current, active, now)) this.ping(peer, peer.current, now);
      if (peer.current.misses > 1) this.#proveAll(peer, now);
      // Silence on every way may mean that the peer started anew and does not know this session.
      if (peer.current.misses > 2) this.#context.initiate(peer, now);
    }
    if (kept && (peer.current === null || !this.isLive(peer.current, now))) this.choose(peer, now);
  }

  /** ms between two pings on a path. */
  #spacing({ misses }: Candidate, active: boolean, now: number): number {
    if (misses > 0) return PATH_TIMES.retryPing;
    if (now < this.#context.attendedUntil) return PATH_TIMES.attendedPing;
    return active ? PATH_TIMES.activePing : PATH_TIMES.idlePing;
  }

  /** Counts pings that were not answered in time. */
  expire(now: number): void {
    for (const [txid, pending] of this.#pending) {
      const { candidate, peer } = pending;
      const limit = Math.max(300, 3 * (candidate.rtt ?? PATH_TIMES.pingLost / 3));
      if (!pending.counted && now - pending.sentAt > Math.min(limit, PATH_TIMES.pingLost)) {
        pending.counted = true;
        if (candidate.lastHeard < pending.sentAt) candidate.misses++;
        candidate.loss += (1 - candidate.loss) / 8;
        if (candidate === peer.current && candidate.misses > 0) this.choose(peer, now);
      }
      // Kept a little longer: a late pong still tells the RTT.
      if (now - pending.sentAt > 2 * PATH_TIMES.pingLost) {
        this.#pending.delete(txid);
        this.#waiters.delete(txid);
      }
    }
  }

  /** A known endpoint of a peer becomes a candidate; null if there are too many. */
  learn(peer: Peer, endpoint: Endpoint): Candidate | null {
    const key = directKey(endpoint);
    const known = peer.candidates.get(key);
    if (known !== undefined) return known;
    this.#prune(peer);
    if (peer.candidates.size >= MAX_DIRECT) return null;
    const candidate = newCandidate(key, { kind: 'direct', endpoint }, null);
    peer.candidates.set(key, candidate);
    return candidate;
  }

  /** Pings endpoints that are not proved yet, within the budget. */
  probe(peer: Peer, endpoints: Iterable<Endpoint>, now: number): void {
    for (const endpoint of endpoints) {
      const candidate = this.learn(peer, endpoint);
      if (candidate === null || now - candidate.lastPing < PATH_TIMES.probeSpacing) continue;
      if (!this.#probes.take(now)) return;
      this.ping(peer, candidate, now);
    }
  }

  /** The relay ways to a member, cheapest first, as candidates. */
  relays(peer: Peer, now: number): Candidate[] {
    // A neighbour whose only way to the peer leads back through this node is no relay.
    const tree = this.#context.graph(now).towards(peer.id, this.#context.self);
    const choices = this.#context
      .neighbours(now)
      .filter((n) => n.id !== peer.id && n.identity.mayRelay && n.directEndpoint !== null)
      .map((n) => ({ n, cost: tree.cost.get(n.id) }))
      .filter((choice): choice is { n: Peer; cost: number } => choice.cost !== undefined)
      .map(({ n, cost }) => ({ n, cost: cost + (n.current?.rtt ?? 0) }))
      .toSorted((a, b) => a.cost - b.cost || (a.n.id < b.n.id ? -1 : 1))
      .slice(0, RELAY_CHOICES);
    return choices.map(({ n }) => this.#relayCandidate(peer, n.id, n.directEndpoint as Endpoint));
  }

  isLive(candidate: Candidate, now: number): boolean {
    return (
      candidate.misses < 3 + 2 * allowedMisses(candidate) &&
      candidate.lastHeard > 0 &&
      now - candidate.lastHeard < PATH_TIMES.alive
    );
  }

  /** A live direct way to the peer, the quickest. */
  liveDirect(peer: Peer, now: number): Candidate | null {
    let best: Candidate | null = null;
    for (const candidate of peer.candidates.values()) {
      if (candidate.path.kind !== 'direct' || candidate.rtt === null || !this.isLive(candidate, now)) continue;
      if (best === null || candidate.rtt < (best.rtt as number)) best = candidate;
    }
    return best;
  }

  /** Picks the way that data takes. Make before break: the old one stays until another is proved. */
  choose(peer: Peer, now: number): void {
    const { current } = peer;
    const live = [...peer.candidates.values()].filter((c) => c.rtt !== null && this.isLive(c, now));
    // A way with an unanswered ping steps back behind those that answered since, however quick it was.
    const sound = live.filter((c) => !isSilent(c));
    const best = (sound.length > 0 ? sound : live).toSorted(
      (a, b) => score(a) - score(b) || (a.key < b.key ? -1 : 1),
    )[0];
    if (best === undefined) {
      // Nothing is proved: the cheapest relay is the best guess, or whatever was there.
      if (current === null || !this.isLive(current, now)) {
        const relay = this.relays(peer, now)[0];
        if (relay !== undefined && relay !== current && (current === null || relay.misses < current.misses)) {
          this.#take(peer, relay, now);
        }
      }
      return;
    }
    if (best === current) return;
    const currentLive = current !== null && current.rtt !== null && this.isLive(current, now);
    const silent = currentLive && isSilent(current) && best.lastHeard > current.lastHeard;
    const moved = currentLive && best.lastHeard - current.lastHeard > 1000 && now - best.lastHeard < 2000;
    if (!currentLive || silent || moved || score(best) < score(current) * 0.8 - 2) this.#take(peer, best, now);
  }

  /** The address of this machine or of a neighbour changed: every way is proved again. */
  reprove(peer: Peer, now: number): void {
    for (const candidate of peer.candidates.values()) candidate.misses = Math.max(candidate.misses, 1);
    this.#proveAll(peer, now);
  }

  view(peer: Peer, now: number, reason: (peer: Peer) => string): PathView {
    const { current } = peer;
    if (current === null || !peer.hasSession) {
      return { kind: 'none', endpoint: null, via: [], reason: reason(peer), age: 0 };
    }
    const age = now - peer.currentSince;
    if (current.path.kind === 'direct') {
      return { kind: 'direct', endpoint: current.path.endpoint, via: [], reason: reason(peer), age };
    }
    const hop = current.hop as NodeId;
    const graph = this.#context.graph(now);
    // A relay hands frames straight to its neighbours, even where a detour looks quicker.
    const rest = graph.linked(hop, peer.id) ? [hop] : (graph.path(hop, peer.id) ?? [hop]);
    const via = rest
      .filter((id) => id !== peer.id)
      .flatMap((id) => {
        const member = this.#context.roster().members.get(id);
        return member === undefined ? [] : [{ id, name: member.name }];
      });
    return { kind: 'relay', endpoint: current.path.hop, via, reason: reason(peer), age };
  }

  /** The peer says that its data comes by this way: ours follows unless our own way is surely good. */
  #follow(peer: Peer, candidate: Candidate, now: number): void {
    const { current } = peer;
    if (current === candidate) return;
    const stale =
      current === null || current.misses > 0 || now - current.lastHeard > 1000 || !this.isLive(current, now);
    const better = current?.path.kind === 'relay' && candidate.path.kind === 'direct';
    if (stale || better) this.#take(peer, candidate, now);
  }

  #takeFlags(peer: Peer, flags: number, now: number): void {
    if ((flags & FLAG_KEEP) !== 0) peer.theyKeptAt = now;
    peer.theyAreLazy = (flags & FLAG_LAZY) !== 0;
    const bothPrefer = (flags & FLAG_AES) !== 0 && this.#context.init.plane.prefersAes;
    const cipher = bothPrefer ? 'aes-256-gcm' : 'chacha20-poly1305';
    if (cipher === peer.cipher) return;
    peer.cipher = cipher;
    this.#program(peer, now);
  }

  #flags(peer: Peer): number {
    return (
      (peer.weKeep ? FLAG_KEEP : 0) |
      (peer.weAreLazy ? FLAG_LAZY : 0) |
      (this.#context.init.plane.prefersAes ? FLAG_AES : 0)
    );
  }

  #prove(peer: Peer, now: number, waiting: number): void {
    if (peer.current !== null && now - peer.current.lastPing > PATH_TIMES.patience) this.ping(peer, peer.current, now);
    // The other ways are proved at the same time: when the silence is certain, the best of them is known already.
    this.#proveAll(peer, now);
    // Nobody answers by any way: the peer may have started anew and lost the session.
    if (waiting > 1500) this.#context.initiate(peer, now);
  }

  #proveAll(peer: Peer, now: number): void {
    for (const candidate of this.relays(peer, now)) {
      if (now - candidate.lastPing <= PATH_TIMES.retryPing) continue;
      this.ping(peer, candidate, now);
      // A relay that started anew forwards nothing for those whose sessions it forgot, and does not say so.
      const hop = candidate.hop === null ? null : this.#context.peer(candidate.hop);
      if (hop === null || hop.current === null || candidate.misses === 0) continue;
      if (now - hop.current.lastPing > PATH_TIMES.retryPing) this.ping(hop, hop.current, now);
      if (hop.current.misses > 1) this.#context.initiate(hop, now);
    }
    this.probe(
      peer,
      directCandidates(this.#context, peer, now).filter((endpoint) => {
        const known = peer.candidates.get(directKey(endpoint));
        return known === undefined || now - known.lastPing > PATH_TIMES.retryPing;
      }),
      now,
    );
  }

  #take(peer: Peer, candidate: Candidate, now: number): void {
    peer.current = candidate;
    peer.currentSince = now;
    this.#program(peer, now);
    // Tells the other end which way is taken; it may have lost its own.
    if (peer.hasSession && now - candidate.lastPing > PATH_TIMES.probeSpacing) this.ping(peer, candidate, now);
  }

  #candidateFor(peer: Peer, origin: Origin): Candidate | null {
    if (origin.kind === 'direct') return this.learn(peer, origin.endpoint);
    for (const neighbour of this.#context.met()) {
      if (neighbour.directEndpoint === origin.hop && neighbour.isMember) {
        return this.#relayCandidate(peer, neighbour.id, origin.hop);
      }
    }
    return null;
  }

  #relayCandidate(peer: Peer, hop: NodeId, endpoint: Endpoint): Candidate {
    const key = relayKey(hop);
    const known = peer.candidates.get(key);
    const path = { kind: 'relay', hop: endpoint, dst: peer.id } as const;
    if (known === undefined) {
      const candidate = newCandidate(key, path, hop);
      peer.candidates.set(key, candidate);
      return candidate;
    }
    if (known.path.kind === 'relay' && known.path.hop !== endpoint) known.path = path;
    return known;
  }

  /** Makes room: endpoints that never answered and were not tried lately go first. */
  #prune(peer: Peer): void {
    if (peer.candidates.size < MAX_DIRECT) return;
    const old = [...peer.candidates.values()]
      .filter((c) => c !== peer.current && c.path.kind === 'direct')
      .toSorted((a, b) => a.lastHeard - b.lastHeard || a.lastPing - b.lastPing);
    for (const candidate of old.slice(0, MAX_DIRECT / 3)) peer.candidates.delete(candidate.key);
  }

  #freshId(): number {
    for (;;) {
      const id = readUint32LE(this.#context.init.crypto.random(4), 0);
      if (!this.#pending.has(id)) return id;
    }
  }
}

/** How many pings must go unanswered to mean something depends on how many get lost anyway. */
function allowedMisses(candidate: Candidate): number {
  return candidate.loss > 0.3 ? 2 : candidate.loss > 0.2 ? 1 : 0;
}

function isSilent(candidate: Candidate): boolean {
  return candidate.misses > allowedMisses(candidate);
}

function newCandidate(key: string, path: Candidate['path'], hop: NodeId | null): Candidate {
  return { key, path, hop, rtt: null, loss: 0, lastPing: 0, lastHeard: 0, misses: 0 };
}

/** Smaller is better; ms. A relay costs others their capacity, so it has to be clearly quicker. */
function score(candidate: Candidate): number {
  const relay = candidate.path.kind === 'relay' ? 30 + (candidate.rtt ?? 0) : 0;
  return (candidate.rtt ?? PATH_TIMES.pingLost) + relay + 1000 * candidate.loss * candidate.loss;
}
