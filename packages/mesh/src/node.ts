/**
 * A mesh node: one member's side of the network. It ties the parts together and holds no rule of its own beyond who is
 * told what: the ledger says who is in, presence who is where, homes whom to keep a link with, paths and the puncher how
 * data goes, the gate when it may.
 *
 * In: the plane's events, the clock, the machine's addresses. Out: calls to the plane and {@link MeshEvents}.
 */
import { endpointBytes, endpointParts, fromHex, KithError, nodeIdOf, nodeKeyOf, scopeOf } from '@kith/core';
import type { Address, Endpoint, NodeId, TunnelKey } from '@kith/core';
import { Device } from '@kith/wireguard';
import type { Keypair } from '@kith/wireguard';
import type { Mesh, MeshInit, MeshStatus, PingResult, RememberedEndpoint, TraceHop } from './api.ts';
import { TokenBucket } from './bucket.ts';
import { directCandidates, openCandidates } from './candidates.ts';
import type { Context } from './context.ts';
import { decodeControl, encodeControl } from './control.ts';
import type { Control, Refusal } from './control.ts';
import { Gate } from './gate.ts';
import { Gossip } from './gossip.ts';
import { Homes } from './homes.ts';
import { isOpen } from './ledger/index.ts';
import type { InviteState, Ledger } from './ledger/index.ts';
import { NatObserver } from './nat.ts';
import { PATH_TIMES, Paths } from './paths.ts';
import { PeerTable } from './peer-table.ts';
import type { Peer } from './peer.ts';
import type { Origin, Path, PeerCounters, PeerHandle, PlaneEvents } from './plane.ts';
import { PresenceBook } from './presence-book.ts';
import { grantLink, verifyGrant } from './presence.ts';
import { Publisher } from './publisher.ts';
import { Puncher } from './punch.ts';
import { pathReason } from './reason.ts';
import { Relaying } from './relaying.ts';
import { Graph } from './routes.ts';
import type { Link } from './routes.ts';
import { isOnline, meshStatus, traceTo } from './status.ts';

/** ms between rounds of regular work: in peace, while data flows, and while something has to be found out. */
const ROUND = { quiet: 1000, active: 250, urgent: 100 };
/** A handshake with a member is tried again sooner, and for a shorter time, than WireGuard would; ms. */
const HANDSHAKE = { retry: 600, giveUp: 15_000 };
/** A kept session is renewed by its keeper after this, before it expires at 180 s; ms. */
const RENEW_AFTER = 130_000;
const AGREE_AGAIN = 200;
const GRAPH_AGE = 250;
const GRANT_AGAIN = 5000;
/** A partner that keeps a link is asked after this silence, and said to be silent after that. */
const PARTNER_QUIET = 14_000;
const PARTNER_SILENT = 18_000;
const ISOLATED_AFTER = 30_000;
/** Endpoints that something was sent to lately, to tell who came unasked. */
const CONTACTED_LIFE = 300_000;
const MAX_CONTACTED = 1024;
const INVITE_PEER_LIFE = 120_000;
const INVITE_GRACE = 10_000;
const DIAL_EVERY = 600_000;
const DIALS = { rate: 1, burst: 4 };

interface PingJob {
  readonly peer: Peer;
  readonly deadline: number;
  readonly done: (result: PingResult) => void;
}

export class MeshNode implements Mesh, PlaneEvents {
  readonly #init: MeshInit;
  readonly #context: Context;
  readonly #table: PeerTable;
  readonly #device: Device<Origin>;
  readonly #paths: Paths;
  readonly #puncher: Puncher;
  readonly #gossip: Gossip;
  readonly #homes: Homes;
  readonly #gate: Gate;
  readonly #publisher: Publisher;
  readonly #relaying: Relaying;
  readonly #met = new Set<Peer>();
  readonly #sessions = new Map<number, { peer: Peer; since: number }>();
  readonly #contacted = new Map<Address, number>();
  readonly #dials = new TokenBucket(DIALS.rate, DIALS.burst);
  #pings: PingJob[] = [];
  #graph: { graph: Graph; at: number; version: number } | null = null;
  #rosterDirty = true;
  #roundAt = 0;
  #startedAt = 0;
  #running = false;
  #unasked = false;
  #isolatedSince: number | null = null;
  #dialedAt = Number.NEGATIVE_INFINITY;
  #remembered = '';
  /** Only this endpoint is tried by the handshake being started: somebody asked to be dialled there. */
  #dialing: Endpoint | null = null;

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
      roster: () => ledger.roster(),
      peers: () => this.#table.all(),
      peer: (id) => this.#table.get(id),
      met: () => this.#met,
      neighbours: (now) => this.#neighbours(now),
      graph: (now) => this.#graphAt(now),
      send: (peer, message, path, now) => this.#send(peer, message, path, now),
      ping: (peer, now) => void (peer.current !== null && this.#paths.ping(peer, peer.current, now)),
      initiate: (peer, now) => this.#initiate(peer, now),
      fingerprints: () => ({ ledger: this.#gossip.ledgerFingerprint(), presence: presences.trie.fingerprint() }),
      presenceChanged: (now) => this.#publisher.changed(now),
      remembered: (id) => rememberedById.get(id) ?? [],
      log: (level, kind, member, text) => init.events.log({ level, kind, member, text }),
    };
    this.#context.nat.setLocal(init.config.localAddresses);
    this.#paths = new Paths(this.#context, (peer, now) => this.#pathChanged(peer, now));
    this.#puncher = new Puncher(this.#context, this.#paths);
    this.#homes = new Homes(this.#context, this.#paths, (peer, now) => this.#connect(peer, now));
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
    this.#device = new Device<Origin>({
      crypto: init.crypto,
      secret: init.identity.tunnel,
      wall: init.wall,
      sourceBytes: (origin) =>
        origin.kind === 'direct' ? endpointBytes(origin.endpoint).subarray(0, -2).subarray(0, 8) : fromHex(origin.src),
      lookup: (key) => this.#lookup(key),
      events: {
        send: (handle, message, now) => this.#sendInitiation(handle, message, now),
        reply: (message, origin, now) => this.#reply(message, origin, now),
        session: (keypair, now) => this.#sessionBegins(keypair, now),
        drop: (localIndex) => this.#sessionEnds(localIndex),
        keepAlive: (handle, now) => void init.plane.sendKeepAlive(handle as PeerHandle, now),
        failed: () => undefined,
        authenticated: (handle, origin, now) => this.#authenticated(handle, origin, now),
      },
    });
  }

  // What a shell calls.

  start(now: number): void {
    this.#running = true;
    this.#startedAt = now;
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
      this.#device.wakeAt(),
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
    this.#device.tick(now);
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
    for (const peer of this.#met) if (peer.weKeep || now < peer.activeUntil) this.#initiate(peer, now);
  }

  publish(statement: Uint8Array, now: number): void {
    const refused = this.#gossip.addStatement(statement, null, now);
    if (refused !== null) throw new KithError('STATEMENT_INVALID', `the ledger refuses this statement: ${refused}`);
    this.tick(now);
  }

  status(now: number): MeshStatus {
    return meshStatus(this.#context, this.#paths, now);
  }

  ping(member: NodeId, timeout: number, now: number, done: (result: PingResult) => void): void {
    const peer = this.#table.get(member);
    if (peer === null || !peer.isMember)
      throw new KithError('NO_SUCH_MEMBER', `${member} is no other member of this network`);
    this.#pings.push({ peer, deadline: now + timeout, done });
    this.#roundAt = now;
    this.#servePings(now);
  }

  trace(member: NodeId, now: number): readonly TraceHop[] {
    return traceTo(this.#context, this.#paths, member, now);
  }

  // What the plane reports.

  handshake(message: Uint8Array, origin: Origin, now: number): void {
    if (!this.#running) return;
    this.#unasked = message[0] === 1 && origin.kind === 'direct' && this.#isUnasked(origin.endpoint, now);
    this.#device.handleMessage(message, origin, now);
    this.#unasked = false;
  }

  control(handle: PeerHandle, payload: Uint8Array, origin: Origin, now: number): void {
    const peer = this.#table.byHandle(handle);
    if (!this.#running || peer === null || !peer.messages.take(now)) return;
    const message = decodeControl(payload);
    if (message === null) return;
    if (!peer.isMember) {
      const refusal = this.#refusalOf(peer, now);
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
    this.#device.handleConfirmed(localIndex, now);
    const peer = this.#sessions.get(localIndex)?.peer;
    if (peer?.current !== null && peer?.current !== undefined) this.#paths.ping(peer, peer.current, now);
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
        if (peer.isMember) this.#grantLink(peer, now);
        return;
      case 'link-grant':
        this.#takeGrant(peer, message, now);
        return;
      case 'dial':
        if (peer.isMember) this.#handleDial(peer, message, origin, now);
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
      for (const other of this.#met) this.#updateGate(other, now);
    }
    this.#gossip.reconcile(peer, now);
  }

  #observed(peer: Peer, endpoint: Endpoint, origin: Origin, now: number): void {
    if (origin.kind !== 'direct' || scopeOf(endpointParts(origin.endpoint).address) !== 'global') return;
    if (!this.#context.nat.observe(peer.id, endpoint, now)) return;
    this.#publisher.changed(now);
    for (const other of this.#met) this.#puncher.reset(other);
  }

  #grantLink(peer: Peer, now: number): void {
    if (this.#paths.liveDirect(peer, now) === null) return;
    const { crypto, identity } = this.#init;
    const epoch = this.#context.presences.highest(this.#context.self);
    const signature = grantLink(crypto, this.#context.network, identity.node, {
      publisher: peer.id,
      grantor: this.#context.self,
      epoch,
    });
    this.#send(peer, { kind: 'link-grant', epoch, signature }, null, now);
  }

  #takeGrant(peer: Peer, message: Extract<Control, { kind: 'link-grant' }>, now: number): void {
    if (!peer.isMember || !peer.weKeep) return;
    const { epoch, signature: grant } = message;
    const link = { publisher: this.#context.self, grantor: peer.id, epoch, grant };
    if (!verifyGrant(this.#init.crypto, this.#context.network, peer.identity.nodeKey, link)) return;
    peer.grant = { epoch, signature: grant };
    this.#publisher.changed(now);
  }

  /** Somebody wants to know whether it can be reached unasked: a member it has no contact with has to try. */
  #handleDial(peer: Peer, message: Extract<Control, { kind: 'dial' }>, origin: Origin, now: number): void {
    if (!this.#dials.take(now)) return;
    if (message.forwards > 0) {
      const own =
        origin.kind === 'direct' && endpointParts(origin.endpoint).address === endpointParts(message.endpoint).address;
      if (message.member !== peer.id || !own) return;
      const graph = this.#context.graph(now);
      const strangers = this.#neighbours(now).filter((n) => n !== peer && graph.path(n.id, peer.id)?.length !== 2);
      for (const stranger of strangers.slice(0, 2)) this.#send(stranger, { ...message, forwards: 0 }, null, now);
      return;
    }
    const target = this.#table.get(message.member);
    if (target === null || target.hasSession || target.candidates.size > 0) return;
    this.#paths.learn(target, message.endpoint);
    this.#dialing = message.endpoint;
    this.#initiate(target, now);
    this.#dialing = null;
  }

  // Sessions.

  #lookup(key: TunnelKey): number | null {
    const known = this.#table.byTunnelKey(key);
    const peer = known ?? this.#inviteePeer(key);
    if (peer === null) return null;
    this.#device.setPeer(peer.handle, { publicKey: key, ...HANDSHAKE });
    return peer.handle;
  }

  #inviteePeer(key: TunnelKey): Peer | null {
    const roster = this.#context.roster();
    const inviteKey = roster.inviteByTunnelKey.get(key);
    const invite = inviteKey === undefined ? undefined : roster.invites.get(inviteKey);
    if (invite === undefined) return null;
    const peer = this.#table.addInvite(invite, roster.name);
    if (peer !== null)
      this.#init.plane.setPeer({ peer: peer.handle, allowed: [], path: null, gate: 'closed', keepAlive: 0 }, 0);
    return peer;
  }

  #refusalOf(peer: Peer, now: number): Refusal | null {
    const invite = this.#context.roster().invites.get(peer.identity.nodeKey);
    if (invite === undefined || isOpen(invite, this.#init.wall(now))) {
      peer.welcomeUntil = now + INVITE_GRACE;
      return null;
    }
    const refusal = whyClosed(invite);
    // Whoever just used it up has still to learn that it is in.
    return refusal === 'used' && now < peer.welcomeUntil ? null : refusal;
  }

  #initiate(peer: Peer, now: number): void {
    this.#device.setPeer(peer.handle, { publicKey: peer.identity.tunnelKey, ...HANDSHAKE });
    this.#device.initiate(peer.handle, now);
  }

  /** Makes sure that there is, or soon will be, a session and a path. */
  #connect(peer: Peer, now: number): void {
    if (!peer.hasSession) {
      this.#initiate(peer, now);
      return;
    }
    if (this.#paths.liveDirect(peer, now) !== null) return;
    this.#paths.probe(peer, openCandidates(this.#context, peer, now), now);
    this.#puncher.seek(peer, now);
  }

  /** An initiation goes by every way that may work; the other side takes the first copy. */
  #sendInitiation(handle: number, message: Uint8Array, now: number): void {
    const peer = this.#table.byHandle(handle);
    if (peer === null) return;
    if (this.#dialing !== null) {
      this.#sendMessage(message, { kind: 'direct', endpoint: this.#dialing }, now);
      return;
    }
    const relays = this.#paths.relays(peer, now).slice(0, 2);
    const open = openCandidates(this.#context, peer, now);
    const last = peer.directEndpoint;
    const endpoints = new Set([...(last === null ? [] : [last]), ...open]);
    if (relays.length === 0 && endpoints.size === 0) {
      for (const endpoint of directCandidates(this.#context, peer, now).slice(0, 4)) endpoints.add(endpoint);
    }
    for (const { path } of relays) this.#sendMessage(message, path, now);
    for (const endpoint of endpoints) this.#sendMessage(message, { kind: 'direct', endpoint }, now);
  }

  #reply(message: Uint8Array, origin: Origin, now: number): void {
    const path: Path = origin.kind === 'direct' ? origin : { kind: 'relay', hop: origin.hop, dst: origin.src };
    this.#sendMessage(message, path, now);
  }

  #authenticated(handle: number, origin: Origin, now: number): void {
    const peer = this.#table.byHandle(handle);
    if (peer === null) return;
    // A session that is there stays on its way: a handshake message proves nothing about where it came from.
    // Several machines may hold one invite: each is answered where it is.
    if (peer.current === null || !peer.hasSession || !peer.isMember) {
      peer.current = null;
      this.#paths.heard(peer, origin, now);
    }
    if (this.#unasked && peer.isMember && this.#context.nat.reachedUnasked(now)) this.#publisher.changed(now);
  }

  #sessionBegins(keypair: Keypair, now: number): void {
    const peer = this.#table.byHandle(keypair.peer);
    if (peer === null) return;
    if (!peer.hasSession) {
      peer.metAt = now;
      peer.waitingSince = null;
    }
    peer.sessions.add(keypair.localIndex);
    this.#sessions.set(keypair.localIndex, { peer, since: now });
    this.#met.add(peer);
    this.#init.plane.setSession({ ...keypair, peer: peer.handle }, now);
    // It may send through this node from now on, and others to it.
    this.#pathChanged(peer, now);
    if (keypair.role === 'initiator' && peer.current !== null) this.#paths.ping(peer, peer.current, now);
    this.#roundAt = Math.min(this.#roundAt, now + ROUND.urgent);
  }

  #sessionEnds(localIndex: number): void {
    this.#init.plane.removeSession(localIndex);
    const peer = this.#sessions.get(localIndex)?.peer;
    this.#sessions.delete(localIndex);
    if (peer === undefined) return;
    peer.sessions.delete(localIndex);
    if (!peer.hasSession) this.#met.delete(peer);
  }

  // Sending.

  #send(peer: Peer, message: Control, path: Path | null, now: number): boolean {
    if (path?.kind === 'direct') this.#noteContact(path.endpoint, now);
    const { type, body } = encodeControl(message);
    return this.#init.plane.sendControl(peer.handle, type, body, path, now);
  }

  #sendMessage(message: Uint8Array, path: Path, now: number): void {
    if (path.kind === 'direct') this.#noteContact(path.endpoint, now);
    this.#init.plane.sendMessage(message, path, now);
  }

  #noteContact(endpoint: Endpoint, now: number): void {
    const { address } = endpointParts(endpoint);
    this.#contacted.delete(address);
    this.#contacted.set(address, now);
    const oldest = this.#contacted.keys().next();
    if (this.#contacted.size > MAX_CONTACTED && oldest.done !== true) this.#contacted.delete(oldest.value);
  }

  #isUnasked(endpoint: Endpoint, now: number): boolean {
    const { address } = endpointParts(endpoint);
    const contacted = this.#contacted.get(address);
    return scopeOf(address) === 'global' && (contacted === undefined || now - contacted > CONTACTED_LIFE);
  }

  /** Relays and next hops follow at once: others may send through this node within the same moment. */
  #pathChanged(peer: Peer, now: number): void {
    this.#program(peer, now);
    if (!peer.isMember) return;
    this.#graph = null;
    this.#relaying.refresh(now);
  }

  /** Tells the plane all of a peer. */
  #program(peer: Peer, now: number): void {
    this.#init.plane.setPeer(
      {
        peer: peer.handle,
        allowed: peer.identity.allowed,
        path: peer.current?.path ?? null,
        gate: peer.gateOpen ? 'open' : 'closed',
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
    let pace = this.#pings.length > 0 ? ROUND.urgent : ROUND.quiet;
    for (const peer of [...this.#met]) pace = Math.min(pace, this.#roundOf(peer, now));
    this.#watchPartners(now);
    this.#watchIsolation(now);
    this.#homes.tick(now);
    for (const id of this.#context.presences.expire(now)) this.#wentOffline(id, 'was not heard of any more');
    this.#relaying.refresh(now);
    this.#gossip.keepSource(now);
    this.#dropIdleInvitees(now);
    this.#askForDial(now);
    this.#rememberWaysIn(now);
    this.#servePings(now);
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
    this.#device.handleActivity(peer.handle, activityOf(counters, peer.weKeep || active), now);
    if (!peer.hasSession) return ROUND.quiet;
    const newest = Math.max(...[...peer.sessions].map((index) => this.#sessions.get(index)?.since ?? 0));
    if ((peer.weKeep || active) && now - newest > RENEW_AFTER) this.#initiate(peer, now);
    this.#updateGate(peer, now);
    this.#gossip.reconcile(peer, now);
    if (!peer.isMember) return ROUND.quiet;
    // Data waits for equal ledgers: their fingerprints travel in pings.
    if (!peer.agreed && peer.current !== null && now - peer.current.lastPing > AGREE_AGAIN) {
      this.#paths.ping(peer, peer.current, now);
    }
    const direct = this.#paths.liveDirect(peer, now);
    if (direct === null && (active || peer.weKeep)) this.#puncher.seek(peer, now);
    if (peer.weKeep && direct !== null) this.#askForGrant(peer, now);
    if (hadDirect !== (peer.directEndpoint !== null)) this.#publisher.changed(now);
    if (active && (peer.waitingSince !== null || (peer.current?.misses ?? 0) > 0)) return ROUND.urgent;
    if (peer.weKeep && (peer.current?.misses ?? 0) > 0) return ROUND.active;
    return active || !peer.gateOpen ? ROUND.active : ROUND.quiet;
  }

  #askForGrant(peer: Peer, now: number): void {
    const held = this.#context.presences.get(peer.id);
    // A grant is renewed once a quarter of its life is over.
    const old = peer.grant === null || (held !== null && held.presence.seq - peer.grant.epoch > 6 * 3600 * 1000);
    if (!old || now - peer.grantAskedAt < GRANT_AGAIN) return;
    peer.grantAskedAt = now;
    this.#send(peer, { kind: 'link-ask' }, null, now);
  }

  /** Members that name us as a link partner ping us; who has stopped is asked, and then said to be silent. */
  #watchPartners(now: number): void {
    for (const id of this.#context.presences.partners()) {
      const peer = this.#table.get(id);
      const held = this.#context.presences.get(id);
      if (peer === null || held === null) continue;
      const quiet = now - Math.max(peer.lastHeard, peer.metAt, held.heldSince, this.#startedAt);
      if (quiet < PARTNER_QUIET) {
        if (peer.silentAfter !== null) this.#publisher.changed(now);
        peer.silentAfter = null;
      } else if (quiet < PARTNER_SILENT && peer.hasSession && peer.current !== null) {
        if (now - peer.current.lastPing > PATH_TIMES.retryPing) this.#paths.ping(peer, peer.current, now);
      } else if (peer.silentAfter !== held.presence.seq) {
        peer.silentAfter = held.presence.seq;
        this.#publisher.changed(now);
      }
    }
  }

  /** Cut off from everybody: what happens meanwhile is not heard, so the gate closes until it is. */
  #watchIsolation(now: number): void {
    if (this.#neighbours(now).length > 0) {
      if (this.#isolatedSince !== null && now - this.#isolatedSince > ISOLATED_AFTER) {
        this.#gate.close(now);
        for (const peer of this.#met) this.#updateGate(peer, now);
      }
      this.#isolatedSince = null;
    } else {
      this.#isolatedSince ??= now;
    }
  }

  #askForDial(now: number): void {
    if (now - this.#dialedAt < DIAL_EVERY) return;
    const verdict = this.#context.nat.verdict(now, this.#init.config.staticEndpoints.length > 0);
    const endpoint = this.#context.nat.reflexive(now)[0];
    const home = this.#neighbours(now).find((peer) => peer.weKeep);
    if (verdict.reachable || verdict.nat === 'symmetric' || endpoint === undefined || home === undefined) return;
    this.#dialedAt = now;
    this.#send(home, { kind: 'dial', member: this.#context.self, endpoint, forwards: 1 }, null, now);
  }

  #rememberWaysIn(now: number): void {
    const ways: RememberedEndpoint[] = [];
    for (const peer of this.#neighbours(now)) {
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

  #servePings(now: number): void {
    const open: PingJob[] = [];
    for (const job of this.#pings) {
      const { peer } = job;
      if (now >= job.deadline) {
        this.#finishPing(job, null, now);
        continue;
      }
      open.push(job);
      if (!peer.hasSession || peer.current === null) this.#connect(peer, now);
      else this.#paths.ping(peer, peer.current, now, (rtt) => this.#answeredPing(job, rtt, now + rtt));
    }
    this.#pings = open;
  }

  #answeredPing(job: PingJob, rtt: number, now: number): void {
    if (!this.#pings.includes(job)) return;
    this.#pings = this.#pings.filter((other) => other !== job);
    this.#finishPing(job, rtt, now);
  }

  #finishPing(job: PingJob, rttMs: number | null, now: number): void {
    job.done({ rttMs, path: this.#paths.view(job.peer, now, (peer) => pathReason(this.#context, peer, now)) });
  }

  #dropIdleInvitees(now: number): void {
    for (const peer of [...this.#table.all()]) {
      if (peer.isMember || now - Math.max(peer.lastHeard, peer.metAt) < INVITE_PEER_LIFE) continue;
      if (peer.metAt > 0) this.#remove(peer, now);
    }
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
    this.#graph = null;
    this.#init.events.rosterChanged();
    if (!roster.members.has(this.#context.self)) {
      this.#running = false;
      for (const peer of [...this.#table.all()]) this.#remove(peer, now);
      this.#init.events.revoked();
    }
  }

  #remove(peer: Peer, now: number): void {
    this.#device.removePeer(peer.handle, now);
    this.#init.plane.removePeer(peer.handle);
    this.#table.remove(peer);
    this.#met.delete(peer);
    this.#gate.forget(peer);
    this.#puncher.forget(peer);
    this.#context.presences.forget(peer.id);
    this.#pings = this.#pings.filter((job) => job.peer !== peer);
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
    for (const peer of this.#met) this.#paths.reprove(peer, now);
    this.#homes.hurry();
    this.#publisher.hurry(now);
    this.#dialedAt = Number.NEGATIVE_INFINITY;
    this.#roundAt = now;
  }

  // The graph.

  #neighbours(now: number): Peer[] {
    const found: Peer[] = [];
    for (const peer of this.#met) {
      if (
        peer.isMember &&
        peer.directEndpoint !== null &&
        peer.current !== null &&
        this.#paths.isLive(peer.current, now)
      ) {
        found.push(peer);
      }
    }
    return found.toSorted((a, b) => (a.current?.rtt ?? 1000) - (b.current?.rtt ?? 1000) || (a.id < b.id ? -1 : 1));
  }

  #graphAt(now: number): Graph {
    const { presences, self } = this.#context;
    const known = this.#graph;
    if (
      known !== null &&
      (now - known.at < GRAPH_AGE || known.version === presences.version) &&
      now - known.at < 1000
    ) {
      return known.graph;
    }
    const links: Link[] = presences.links();
    for (const peer of this.#neighbours(now)) {
      if (peer.current !== null)
        links.push({ a: self, b: peer.id, rtt: peer.current.rtt ?? 100, loss: peer.current.loss });
    }
    const relays: NodeId[] = [self];
    for (const { presence } of presences.all()) {
      const allowed = this.#context.roster().members.get(presence.id)?.mayRelay === true;
      if (presence.relay && allowed && isOnline(this.#context, presence.id, now)) relays.push(presence.id);
    }
    const graph = new Graph(links, relays);
    this.#graph = { graph, at: now, version: presences.version };
    return graph;
  }
}

/** A session that is kept counts what it sends as data, so that WireGuard's timers renew it. */
function activityOf(counters: PeerCounters, kept: boolean): PeerCounters {
  return kept ? { ...counters, lastDataSent: Math.max(counters.lastDataSent, counters.lastSent) } : counters;
}

function whyClosed(invite: InviteState): Refusal {
  if (invite.revoked) return 'revoked';
  return invite.left <= 0 ? 'used' : 'expired';
}
