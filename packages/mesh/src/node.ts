/**
 * A mesh node: one member's side of the network. It ties the parts together and holds no rule of its own beyond who is
 * told what: the ledger says who is in, presence who is where, homes whom to keep a link with, paths and the puncher how
 * data goes, the gate when it may.
 *
 * In: the plane's events, the clock, the machine's addresses. Out: calls to the plane and {@link MeshEvents}.
 */
import { endpointParts, isDefaultRoute, KithError, nodeIdOf, nodeKeyOf, scopeOf } from '@kith/core';
import type { Address, Endpoint, NodeId } from '@kith/core';
import type { LinkView, Mesh, MeshInit, MeshStatus, PingResult, RememberedEndpoint, TraceHop } from './api.ts';
import { openCandidates } from './candidates.ts';
import type { Context } from './context.ts';
import { decodeControl, encodeControl } from './control.ts';
import type { Control } from './control.ts';
import { DialBack } from './dial-back.ts';
import { Exits } from './exits.ts';
import { Gate } from './gate.ts';
import { Gossip } from './gossip.ts';
import { Homes } from './homes.ts';
import type { Ledger } from './ledger/index.ts';
import { NatObserver } from './nat.ts';
import { Neighbourhood } from './neighbourhood.ts';
import { Partners } from './partners.ts';
import { PATH_TIMES, Paths } from './paths.ts';
import { PeerTable } from './peer-table.ts';
import type { Peer } from './peer.ts';
import { Pings } from './pings.ts';
import type { Origin, Path, PeerHandle, PlaneEvents } from './plane.ts';
import { PresenceBook } from './presence-book.ts';
import { Publisher } from './publisher.ts';
import { Puncher } from './punch.ts';
import { Relaying } from './relaying.ts';
import { Sessions } from './sessions.ts';
import { linkViews, meshStatus, traceTo } from './status.ts';

/** ms between rounds of regular work: in peace, while data flows, and while something has to be found out. */
const ROUND = { quiet: 1000, active: 250, urgent: 100 };
/** ms between pings that ask whether a peer's ledger equals ours by now. */
const AGREE_AGAIN = 200;
/** ms without any neighbour after which what happened meanwhile has to be caught up with. */
const ISOLATED_AFTER = 30_000;

export class MeshNode implements Mesh, PlaneEvents {
  readonly #init: MeshInit;
  readonly #context: Context;
  readonly #table: PeerTable;
  readonly #paths: Paths;
  readonly #sessions: Sessions;
  readonly #neighbourhood: Neighbourhood;
  readonly #puncher: Puncher;
  readonly #gossip: Gossip;
  readonly #homes: Homes;
  readonly #gate: Gate;
  readonly #publisher: Publisher;
  readonly #relaying: Relaying;
  readonly #partners: Partners;
  readonly #dialBack: DialBack;
  readonly #pings: Pings;
  readonly #exits: Exits;
  #rosterDirty = true;
  #roundAt = 0;
  #running = false;
  #isolatedSince: number | null = null;
  #remembered = '';

  constructor(init: MeshInit, ledger: Ledger) {
    this.#init = init;
    const self = nodeIdOf(init.crypto, nodeKeyOf(init.crypto, init.identity.node));
    const { network } = ledger.roster();
    this.#table = new PeerTable(init.crypto, self);
    const presences = new PresenceBook(
      init.crypto,
      network,
      (id) => ledger.roster().members.get(id)?.nodeKey ?? null,
      self,
    );
    const rememberedById = new Map(init.config.remembered.map(({ id, endpoints }) => [id, endpoints]));
    this.#context = {
      init,
      network,
      self,
      ledger,
      presences,
      nat: new NatObserver(init.config.port),
      localAddresses: init.config.localAddresses,
      servesAsExit: false,
      attendedUntil: 0,
      roster: () => ledger.roster(),
      peers: () => this.#table.all(),
      peer: (id) => this.#table.get(id),
      met: () => this.#sessions.met,
      neighbours: (now) => this.#neighbourhood.neighbours(now),
      graph: (now) => this.#neighbourhood.graph(now),
      send: (peer, message, path, now) => this.#send(peer, message, path, now),
      ping: (peer, now) => void (peer.current !== null && this.#paths.ping(peer, peer.current, now)),
      initiate: (peer, now) => this.#sessions.initiate(peer, now),
      fingerprints: () => ({ ledger: this.#gossip.ledgerFingerprint(), presence: presences.trie.fingerprint() }),
      presenceChanged: (now) => this.#publisher.changed(now),
      remembered: (id) => rememberedById.get(id) ?? [],
      log: (level, kind, member, text) => init.events.log({ level, kind, member, text }),
    };
    this.#context.nat.setLocal(init.config.localAddresses);
    this.#paths = new Paths(this.#context, (peer, now) => this.#pathChanged(peer, now));
    this.#neighbourhood = new Neighbourhood(this.#context, this.#paths);
    this.#sessions = new Sessions(this.#context, this.#table, this.#paths, {
      begun: (peer, role, now) => this.#met(peer, role, now),
      reachedUnasked: (now) => {
        if (this.#context.nat.reachedUnasked(now)) this.#publisher.changed(now);
      },
    });
    this.#partners = new Partners(this.#context, this.#paths);
    this.#dialBack = new DialBack(this.#context, this.#sessions);
    this.#puncher = new Puncher(this.#context, this.#paths);
    this.#homes = new Homes(this.#context, this.#paths, (peer, now) => this.#connect(peer, now));
    this.#pings = new Pings(this.#context, this.#paths, (peer, now) => this.#connect(peer, now));
    this.#exits = new Exits(this.#context, {
      connect: (peer, now) => this.#connect(peer, now),
      program: (peer, now) => this.#program(peer, now),
    });
    this.#gate = new Gate(this.#context);
    this.#relaying = new Relaying(this.#context);
    this.#publisher = new Publisher(this.#context, this.#paths, (record, seq, now) => {
      this.#gossip.addPresence({ id: self, seq, age: 0, record }, null, now);
    });
    this.#gossip = new Gossip(this.#context, {
      presence: (id, now) => this.#presenceCame(id, now),
      statement: () => {
        this.#rosterDirty = true;
      },
    });
  }

  // What a shell calls.

  start(now: number): void {
    this.#running = true;
    this.#partners.start(now);
    this.#init.plane.setSelf(this.#context.self);
    this.#gate.close(now);
    this.#applyRoster(now);
    this.#publisher.changed(now);
    this.tick(now);
  }

  stop(now: number): void {
    if (!this.#running) return;
    this.#publisher.goodbye(now);
    this.#gossip.tick(now + 1000); // at once, not after the time in which pushes gather
    this.#running = false;
  }

  wakeAt(): number | null {
    if (!this.#running) return null;
    const times = [
      this.#sessions.wakeAt(),
      this.#gossip.wakeAt(),
      this.#puncher.wakeAt(),
      this.#publisher.wakeAt(),
      this.#roundAt,
    ];
    let soonest = Number.POSITIVE_INFINITY;
    for (const time of times) if (time !== null && time < soonest) soonest = time;
    return this.#rosterDirty ? 0 : soonest;
  }

  tick(now: number): void {
    if (!this.#running) return;
    this.#sessions.tick(now);
    // Before the roster is applied: whoever is revoked by a new statement is told so with its last message.
    this.#gossip.tick(now);
    if (this.#rosterDirty) this.#applyRoster(now);
    if (!this.#running) return;
    this.#puncher.tick(now);
    if (now >= this.#roundAt) this.#round(now);
    this.#publisher.tick(now);
  }

  handleLocalAddresses(addresses: readonly Address[], now: number): void {
    const before = [...this.#context.localAddresses].toSorted().join(' ');
    if ([...addresses].toSorted().join(' ') === before) return;
    this.#context.localAddresses = addresses;
    this.#context.nat.setLocal(addresses);
    this.#context.log('info', 'addresses', null, `this machine's addresses are now ${addresses.join(', ') || 'none'}`);
    this.#reprove(now);
  }

  handleResume(now: number): void {
    this.#context.log('info', 'resume', null, 'the machine slept; every path is proved again');
    this.#gate.close(now);
    this.#reprove(now);
    // The others gave our sessions up in the meantime: pings would meet silence.
    for (const peer of this.#sessions.met) {
      if (peer.weKeep || now < peer.activeUntil) this.#sessions.initiate(peer, now);
    }
  }

  publish(statement: Uint8Array, now: number): void {
    const refused = this.#gossip.addStatement(statement, null, now);
    if (refused !== null) throw new KithError('STATEMENT_INVALID', `the ledger refuses this statement: ${refused}`);
    this.tick(now);
  }

  useExits(order: readonly NodeId[], now: number): void {
    this.#exits.choose(order, now);
    this.#roundAt = Math.min(this.#roundAt, now + ROUND.active);
  }

  serveAsExit(serves: boolean, now: number): void {
    if (serves === this.#context.servesAsExit) return;
    this.#context.servesAsExit = serves;
    this.#publisher.changed(now);
  }

  attend(now: number): void {
    if (now >= this.#context.attendedUntil) this.#roundAt = now;
    this.#context.attendedUntil = now + PATH_TIMES.attended;
  }

  links(now: number): readonly LinkView[] {
    return linkViews(this.#context, this.#neighbourhood.links(now));
  }

  status(now: number): MeshStatus {
    return meshStatus({ context: this.#context, paths: this.#paths, exit: this.#exits.view(now) }, now);
  }

  ping(member: NodeId, timeout: number, now: number, done: (result: PingResult) => void): void {
    const peer = this.#table.get(member);
    if (peer === null || !peer.isMember)
      throw new KithError('NO_SUCH_MEMBER', `${member} is no other member of this network`);
    this.#roundAt = now;
    this.#pings.add(peer, timeout, now, done);
  }

  trace(member: NodeId, now: number): readonly TraceHop[] {
    return traceTo(this.#context, this.#paths, member, now);
  }

  // What the plane reports.

  handshake(message: Uint8Array, origin: Origin, now: number): void {
    if (this.#running) this.#sessions.handle(message, origin, now);
  }

  control(handle: PeerHandle, payload: Uint8Array, origin: Origin, now: number): void {
    const peer = this.#table.byHandle(handle);
    if (!this.#running || peer === null || !peer.messages.take(now)) return;
    const message = decodeControl(payload);
    if (message === null) return;
    if (!peer.isMember) {
      const refusal = this.#sessions.refusalOf(peer, now);
      if (refusal !== null) {
        this.#send(peer, { kind: 'refused', reason: refusal }, null, now);
        return;
      }
    }
    this.#handle(peer, message, origin, now);
  }

  roamed(handle: PeerHandle, origin: Origin, now: number): void {
    const peer = this.#table.byHandle(handle);
    if (this.#running && peer !== null) this.#paths.roamed(peer, origin, now);
  }

  confirmed(_handle: PeerHandle, localIndex: number, now: number): void {
    const peer = this.#sessions.confirmed(localIndex, now);
    if (peer !== null) this.#context.ping(peer, now);
  }

  noSession(handle: PeerHandle, now: number): void {
    const peer = this.#table.byHandle(handle);
    if (!this.#running || peer === null) return;
    peer.activeUntil = now + PATH_TIMES.active;
    this.#connect(peer, now);
  }

  noNextHop(dst: NodeId, now: number): void {
    if (this.#running) this.#relaying.wanted(dst, now);
  }

  // Messages.

  #handle(peer: Peer, message: Control, origin: Origin, now: number): void {
    switch (message.kind) {
      case 'ping':
        this.#paths.handlePing(peer, message, origin, now);
        this.#compareSets(peer, message, now);
        return;
      case 'pong':
        this.#paths.handlePong(peer, message, origin, now);
        if (message.observed !== null && peer.isMember) this.#observed(peer, message.observed, origin, now);
        this.#compareSets(peer, message, now);
        return;
      case 'punch':
        if (peer.isMember) this.#puncher.handle(peer, message, now);
        return;
      case 'link-ask':
        if (peer.isMember) this.#partners.handleAsk(peer, now);
        return;
      case 'link-grant':
        if (peer.isMember) this.#partners.handleGrant(peer, message, now);
        return;
      case 'dial':
        if (peer.isMember) this.#dialBack.handle(peer, message, origin, now);
        return;
      case 'presence':
      case 'digest':
      case 'have':
      case 'want':
      case 'statements':
        this.#gossip.handle(peer, message, now);
        return;
      case 'refused':
    }
  }

  #compareSets(peer: Peer, said: { ledger: string; presence: string }, now: number): void {
    peer.ledger = said.ledger;
    peer.presence = said.presence;
    if (said.ledger === this.#gossip.ledgerFingerprint() && !peer.agreed) {
      this.#gate.agreed(peer);
      for (const other of this.#sessions.met) this.#updateGate(other, now);
    }
    this.#gossip.reconcile(peer, now);
  }

  #observed(peer: Peer, endpoint: Endpoint, origin: Origin, now: number): void {
    if (origin.kind !== 'direct' || scopeOf(endpointParts(origin.endpoint).address) !== 'global') return;
    if (!this.#context.nat.observe(peer.id, endpoint, now)) return;
    this.#publisher.changed(now);
    for (const other of this.#sessions.met) this.#puncher.reset(other);
  }

  /** Makes sure that there is, or soon will be, a session and a path. */
  #connect(peer: Peer, now: number): void {
    if (!peer.hasSession) {
      this.#sessions.initiate(peer, now);
      return;
    }
    if (this.#paths.liveDirect(peer, now) !== null) return;
    this.#paths.probe(peer, openCandidates(this.#context, peer, now), now);
    this.#puncher.seek(peer, now);
  }

  /** A session began: from now on the peer may send through this node, and others to it. */
  #met(peer: Peer, role: 'initiator' | 'responder', now: number): void {
    peer.gateOpen = this.#gate.isOpen(peer, now);
    this.#pathChanged(peer, now);
    if (role === 'initiator') this.#context.ping(peer, now);
    this.#roundAt = Math.min(this.#roundAt, now + ROUND.urgent);
  }

  // Sending.

  #send(peer: Peer, message: Control, path: Path | null, now: number): boolean {
    if (path?.kind === 'direct') this.#sessions.noteContact(path.endpoint, now);
    const { type, body } = encodeControl(message);
    return this.#init.plane.sendControl(peer.handle, type, body, path, now);
  }

  /** Relays and next hops follow at once: others may send through this node within the same moment. */
  #pathChanged(peer: Peer, now: number): void {
    this.#program(peer, now);
    if (!peer.isMember) return;
    this.#neighbourhood.changed();
    this.#relaying.refresh(now);
  }

  /** Tells the plane all of a peer. */
  #program(peer: Peer, now: number): void {
    this.#init.plane.setPeer(
      {
        peer: peer.handle,
        allowed:
          peer.id === this.#exits.used
            ? peer.identity.allowed
            : peer.identity.allowed.filter((prefix) => !isDefaultRoute(prefix)),
        path: peer.current?.path ?? null,
        gate: peer.gateOpen ? 'open' : 'closed',
        cipher: peer.cipher,
        keepAlive: 0,
      },
      now,
    );
  }

  #updateGate(peer: Peer, now: number): void {
    const open = this.#gate.isOpen(peer, now);
    if (open === peer.gateOpen) return;
    peer.gateOpen = open;
    this.#program(peer, now);
  }

  // Regular work.

  #round(now: number): void {
    this.#paths.expire(now);
    let pace = this.#pings.waiting ? ROUND.urgent : this.#exits.busy ? ROUND.active : ROUND.quiet;
    for (const peer of [...this.#sessions.met]) pace = Math.min(pace, this.#roundOf(peer, now));
    this.#partners.watch(now);
    this.#watchIsolation(now);
    this.#homes.tick(now);
    for (const id of this.#context.presences.expire(now)) this.#wentOffline(id, 'was not heard of any more');
    this.#relaying.refresh(now);
    this.#gossip.keepSource(now);
    this.#sessions.dropIdleBearers(now);
    this.#dialBack.ask(now);
    this.#rememberWaysIn(now);
    this.#pings.serve(now);
    this.#exits.tick(now);
    this.#roundAt = now + pace;
  }

  /** One peer's share of a round; returns how soon the next should be. */
  #roundOf(peer: Peer, now: number): number {
    const counters = this.#init.plane.peerCounters(peer.handle);
    if (counters === null) return ROUND.quiet;
    const hadDirect = peer.directEndpoint !== null;
    this.#paths.watch(peer, counters, now);
    this.#paths.tick(peer, now);
    const active = now < peer.activeUntil;
    this.#sessions.watch(peer, counters, peer.weKeep || active, now);
    if (!peer.hasSession) return ROUND.quiet;
    this.#updateGate(peer, now);
    this.#gossip.reconcile(peer, now);
    if (!peer.isMember) return ROUND.quiet;
    // Data waits for equal ledgers: their fingerprints travel in pings.
    if (!peer.agreed && peer.current !== null && now - peer.current.lastPing > AGREE_AGAIN) {
      this.#paths.ping(peer, peer.current, now);
    }
    const direct = this.#paths.liveDirect(peer, now);
    if (direct === null && (active || peer.weKeep)) this.#puncher.seek(peer, now);
    if (peer.weKeep && direct !== null) this.#partners.askForGrant(peer, now);
    if (hadDirect !== (peer.directEndpoint !== null)) this.#publisher.changed(now);
    if (active && (peer.waitingSince !== null || (peer.current?.misses ?? 0) > 0)) return ROUND.urgent;
    if (peer.weKeep && (peer.current?.misses ?? 0) > 0) return ROUND.active;
    const attended = now < this.#context.attendedUntil;
    return active || attended || !peer.gateOpen ? ROUND.active : ROUND.quiet;
  }

  /** Cut off from everybody: what happens meanwhile is not heard, so the gate closes until it is. */
  #watchIsolation(now: number): void {
    if (this.#context.neighbours(now).length > 0) {
      if (this.#isolatedSince !== null && now - this.#isolatedSince > ISOLATED_AFTER) {
        this.#gate.close(now);
        for (const peer of this.#sessions.met) this.#updateGate(peer, now);
      }
      this.#isolatedSince = null;
    } else {
      this.#isolatedSince ??= now;
    }
  }

  #rememberWaysIn(now: number): void {
    const ways: RememberedEndpoint[] = [];
    for (const peer of this.#context.neighbours(now)) {
      const endpoint = peer.directEndpoint;
      if (endpoint !== null && (peer.weKeep || ways.length < 8)) ways.push({ id: peer.id, endpoints: [endpoint] });
    }
    const text = ways
      .map(({ id, endpoints }) => `${id} ${endpoints.join(' ')}`)
      .toSorted()
      .join('\n');
    if (ways.length === 0 || text === this.#remembered) return;
    this.#remembered = text;
    this.#init.events.remember(ways);
  }

  // Members.

  #applyRoster(now: number): void {
    this.#rosterDirty = false;
    const roster = this.#context.roster();
    const change = this.#table.update(roster);
    for (const peer of change.removed) {
      const revoked = roster.revoked.has(peer.id);
      this.#context.log(
        'info',
        revoked ? 'member-revoked' : 'member-removed',
        peer.id,
        `${peer.identity.name} is no member any more`,
      );
      this.#remove(peer, now);
    }
    for (const peer of change.added)
      this.#context.log('info', 'member-joined', peer.id, `${peer.identity.name} is a member`);
    for (const peer of [...change.added, ...change.changed]) this.#program(peer, now);
    if (change.added.length + change.removed.length > 0) this.#homes.rosterChanged();
    this.#neighbourhood.changed();
    this.#init.events.rosterChanged();
    if (!roster.members.has(this.#context.self)) {
      this.#running = false;
      for (const peer of [...this.#table.all()]) this.#remove(peer, now);
      this.#init.events.revoked();
    }
  }

  #remove(peer: Peer, now: number): void {
    this.#sessions.remove(peer, now);
    this.#gate.forget(peer);
    this.#puncher.forget(peer);
    this.#context.presences.forget(peer.id);
    this.#pings.forget(peer, now);
  }

  #presenceCame(id: NodeId, now: number): void {
    const held = this.#context.presences.get(id);
    const peer = this.#table.get(id);
    if (held === null || peer === null) return;
    const { self, presences } = this.#context;
    const denied = held.presence.down.some((entry) => entry.id === self && entry.seq >= presences.highest(self));
    if (denied) this.#publisher.contradict(now);
    if (held.presence.goodbye) {
      this.#wentOffline(id, 'said goodbye');
      if (peer.weKeep) this.#homes.tick(now);
      return;
    }
    if (!peer.saidOnline) {
      peer.saidOnline = true;
      this.#context.log('info', 'member-online', id, `${peer.identity.name} is online`);
    }
    const { nat, endpoints } = held.presence;
    const whereabouts = `${nat} ${endpoints.map(({ endpoint }) => endpoint).join(' ')}`;
    if (whereabouts === peer.whereabouts) return;
    peer.whereabouts = whereabouts;
    // It moved while its data goes through a relay or nowhere: the new endpoints are worth a try now.
    this.#puncher.reset(peer);
    if (peer.hasSession && now < peer.activeUntil && this.#paths.liveDirect(peer, now) === null)
      this.#puncher.seek(peer, now);
  }

  #wentOffline(id: NodeId, why: string): void {
    const peer = this.#table.get(id);
    if (peer === null || !peer.saidOnline) return;
    peer.saidOnline = false;
    this.#context.log('info', 'member-offline', id, `${peer.identity.name} ${why}`);
  }

  /** The ground under this node moved. */
  #reprove(now: number): void {
    this.#context.nat.forget();
    for (const peer of this.#sessions.met) this.#paths.reprove(peer, now);
    this.#homes.hurry();
    this.#publisher.hurry(now);
    this.#dialBack.reset();
    this.#roundAt = now;
  }
}
