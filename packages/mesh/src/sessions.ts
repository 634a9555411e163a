/**
 * WireGuard sessions with members and with those who knock with an invite: who may have one, by which ways its handshake
 * goes, and what the plane is told of it.
 */
import { endpointBytes, endpointParts, fromHex, scopeOf } from '@kith/core';
import type { Address, Endpoint, TunnelKey } from '@kith/core';
import { Device } from '@kith/wireguard';
import type { Keypair } from '@kith/wireguard';
import { directCandidates, openCandidates } from './candidates.ts';
import type { Context } from './context.ts';
import type { Refusal } from './control.ts';
import { isOpen } from './ledger/index.ts';
import type { InviteState } from './ledger/index.ts';
import type { Paths } from './paths.ts';
import type { PeerTable } from './peer-table.ts';
import type { Peer } from './peer.ts';
import type { Origin, Path, PeerCounters, PeerHandle } from './plane.ts';

/** A handshake with a member is tried again sooner, and for a shorter time, than WireGuard would; ms. */
const HANDSHAKE = { retry: 600, giveUp: 15_000 };
/** A kept session is renewed by its keeper after this, before it expires at 180 s; ms. */
const RENEW_AFTER = 130_000;
/** Addresses that something was sent to lately, to tell who came unasked. */
const CONTACTED_LIFE = 300_000;
const MAX_CONTACTED = 1024;
/** Who uses an invite up is served for this long after, to learn that it is in; an idle bearer is forgotten after that. */
const INVITE_GRACE = 10_000;
const INVITE_PEER_LIFE = 120_000;

export interface SessionEvents {
  /** The plane holds a new session with the peer. */
  begun(peer: Peer, role: Keypair['role'], now: number): void;
  /** A member whom we had sent nothing reached us from a public address: so can others. */
  reachedUnasked(now: number): void;
}

export class Sessions {
  readonly #context: Context;
  readonly #table: PeerTable;
  readonly #paths: Paths;
  readonly #events: SessionEvents;
  readonly #device: Device<Origin>;
  readonly #byIndex = new Map<number, { readonly peer: Peer; readonly since: number }>();
  readonly #contacted = new Map<Address, number>();
  /** Peers with a session. */
  readonly met: Set<Peer> = new Set();
  #unasked = false;
  /** Only this endpoint is tried by the handshake being started: somebody asked to be dialled there. */
  #dialing: Endpoint | null = null;

  constructor(context: Context, table: PeerTable, paths: Paths, events: SessionEvents) {
    this.#context = context;
    this.#table = table;
    this.#paths = paths;
    this.#events = events;
    const { crypto, identity, plane, wall } = context.init;
    this.#device = new Device<Origin>({
      crypto,
      secret: identity.tunnel,
      wall,
      sourceBytes: originBytes,
      lookup: (key, now) => this.#lookup(key, now),
      events: {
        send: (handle, message, now) => this.#sendInitiation(handle, message, now),
        reply: (message, origin, now) => this.#send(message, replyPath(origin), now),
        session: (keypair, now) => this.#begin(keypair, now),
        drop: (localIndex) => this.#end(localIndex),
        keepAlive: (handle, now) => void plane.sendKeepAlive(handle as PeerHandle, now),
        failed: () => undefined,
        authenticated: (handle, origin, now) => this.#authenticated(handle, origin, now),
      },
    });
  }

  wakeAt(): number | null {
    return this.#device.wakeAt();
  }

  tick(now: number): void {
    this.#device.tick(now);
  }

  /** A message of type 1 to 3. */
  handle(message: Uint8Array, origin: Origin, now: number): void {
    this.#unasked = message[0] === 1 && origin.kind === 'direct' && this.isStranger(origin.endpoint, now);
    this.#device.handleMessage(message, origin, now);
    this.#unasked = false;
  }

  /** The plane saw the first authentic message of a session; returns whose. */
  confirmed(localIndex: number, now: number): Peer | null {
    this.#device.handleConfirmed(localIndex, now);
    return this.#byIndex.get(localIndex)?.peer ?? null;
  }

  /** Starts a handshake unless one is under way. */
  initiate(peer: Peer, now: number): void {
    this.#device.setPeer(peer.handle, { publicKey: peer.identity.tunnelKey, ...HANDSHAKE });
    this.#device.initiate(peer.handle, now);
  }

  /** Starts a handshake with a first message to one endpoint only. */
  dial(peer: Peer, endpoint: Endpoint, now: number): void {
    this.#dialing = endpoint;
    this.initiate(peer, now);
    this.#dialing = null;
  }

  /** Drives WireGuard's timers by what the plane counted. A kept session counts all that it sends, so that it is renewed. */
  watch(peer: Peer, counters: PeerCounters, kept: boolean, now: number): void {
    const lastDataSent = kept ? Math.max(counters.lastDataSent, counters.lastSent) : counters.lastDataSent;
    this.#device.handleActivity(peer.handle, { ...counters, lastDataSent }, now);
    if (!kept || !peer.hasSession) return;
    const newest = Math.max(...[...peer.sessions].map((index) => this.#byIndex.get(index)?.since ?? 0));
    if (now - newest > RENEW_AFTER) this.initiate(peer, now);
  }

  remove(peer: Peer, now: number): void {
    this.#device.removePeer(peer.handle, now);
    this.#context.init.plane.removePeer(peer.handle);
    this.#table.remove(peer);
    this.met.delete(peer);
  }

  /** Forgets bearers of invites that have gone quiet. */
  dropIdleBearers(now: number): void {
    for (const peer of [...this.#table.all()]) {
      if (peer.isMember) continue;
      if (now - Math.max(peer.lastHeard, peer.metAt, peer.knownSince) >= INVITE_PEER_LIFE) this.remove(peer, now);
    }
  }

  /** Why the bearer of an invite is served no more; null if it is. */
  refusalOf(peer: Peer, now: number): Refusal | null {
    const invite = this.#context.roster().invites.get(peer.identity.nodeKey);
    if (invite === undefined || isOpen(invite, this.#context.init.wall(now))) {
      peer.welcomeUntil = now + INVITE_GRACE;
      return null;
    }
    const refusal = whyClosed(invite);
    return refusal === 'used' && now < peer.welcomeUntil ? null : refusal;
  }

  /** Whether nothing was sent to this public address lately: what comes from there comes unasked. */
  isStranger(endpoint: Endpoint, now: number): boolean {
    const { address } = endpointParts(endpoint);
    const contacted = this.#contacted.get(address);
    return scopeOf(address) === 'global' && (contacted === undefined || now - contacted > CONTACTED_LIFE);
  }

  /** Something goes to this endpoint: whoever answers from its address was asked. */
  noteContact(endpoint: Endpoint, now: number): void {
    const { address } = endpointParts(endpoint);
    this.#contacted.delete(address);
    this.#contacted.set(address, now);
    const oldest = this.#contacted.keys().next();
    if (this.#contacted.size > MAX_CONTACTED && oldest.done !== true) this.#contacted.delete(oldest.value);
  }

  #lookup(key: TunnelKey, now: number): number | null {
    const peer = this.#table.byTunnelKey(key) ?? this.#bearer(key, now);
    if (peer === null) return null;
    this.#device.setPeer(peer.handle, { publicKey: key, ...HANDSHAKE });
    return peer.handle;
  }

  /** Whoever knocks with an invite's key, open or not: a closed one is told so. */
  #bearer(key: TunnelKey, now: number): Peer | null {
    const roster = this.#context.roster();
    const inviteKey = roster.inviteByTunnelKey.get(key);
    const invite = inviteKey === undefined ? undefined : roster.invites.get(inviteKey);
    const peer = invite === undefined ? null : this.#table.addInvite(invite, roster.name);
    if (peer === null) return null;
    // What brought it here may be a replay: if no session follows, it goes again.
    peer.knownSince = now;
    this.#context.init.plane.setPeer(
      { peer: peer.handle, allowed: [], path: null, gate: 'closed', cipher: peer.cipher, keepAlive: 0 },
      now,
    );
    return peer;
  }

  /** An initiation goes by every way that may work; the other side takes the first copy. */
  #sendInitiation(handle: number, message: Uint8Array, now: number): void {
    const peer = this.#table.byHandle(handle);
    if (peer === null) return;
    if (this.#dialing !== null) {
      this.#send(message, { kind: 'direct', endpoint: this.#dialing }, now);
      return;
    }
    const relays = this.#paths.relays(peer, now).slice(0, 2);
    const last = peer.directEndpoint;
    const endpoints = new Set([...(last === null ? [] : [last]), ...openCandidates(this.#context, peer, now)]);
    if (relays.length === 0 && endpoints.size === 0) {
      for (const endpoint of directCandidates(this.#context, peer, now).slice(0, 4)) endpoints.add(endpoint);
    }
    for (const { path } of relays) this.#send(message, path, now);
    for (const endpoint of endpoints) this.#send(message, { kind: 'direct', endpoint }, now);
  }

  #send(message: Uint8Array, path: Path, now: number): void {
    if (path.kind === 'direct') this.noteContact(path.endpoint, now);
    this.#context.init.plane.sendMessage(message, path, now);
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
    if (this.#unasked && peer.isMember) this.#events.reachedUnasked(now);
  }

  #begin(keypair: Keypair, now: number): void {
    const peer = this.#table.byHandle(keypair.peer);
    if (peer === null) return;
    if (!peer.hasSession) {
      peer.metAt = now;
      peer.waitingSince = null;
    }
    peer.sessions.add(keypair.localIndex);
    this.#byIndex.set(keypair.localIndex, { peer, since: now });
    this.met.add(peer);
    this.#context.init.plane.setSession({ ...keypair, peer: peer.handle }, now);
    this.#events.begun(peer, keypair.role, now);
  }

  #end(localIndex: number): void {
    this.#context.init.plane.removeSession(localIndex);
    const peer = this.#byIndex.get(localIndex)?.peer;
    this.#byIndex.delete(localIndex);
    if (peer === undefined) return;
    peer.sessions.delete(localIndex);
    if (!peer.hasSession) this.met.delete(peer);
  }
}

/** What a cookie is bound to: the address without its port, of IPv6 its network, or the claimed source behind a relay. */
function originBytes(origin: Origin): Uint8Array {
  return origin.kind === 'direct' ? endpointBytes(origin.endpoint).subarray(0, -2).subarray(0, 8) : fromHex(origin.src);
}

function replyPath(origin: Origin): Path {
  return origin.kind === 'direct' ? origin : { kind: 'relay', hop: origin.hop, dst: origin.src };
}

function whyClosed(invite: InviteState): Refusal {
  if (invite.revoked) return 'revoked';
  return invite.left <= 0 ? 'used' : 'expired';
}
