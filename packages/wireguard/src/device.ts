/**
 * The handshake and timer half of a WireGuard interface. It answers and starts handshakes, hands every finished keypair
 * to whoever moves packets, and says when a session is over. Packets never come here.
 *
 * In: messages of type 1 to 3, the counters of the data plane, the clock. Out: {@link DeviceEvents}, called
 * synchronously and only after the device's own state is consistent, so that a handler may call back in.
 */
import type { Crypto, SecretKey, TunnelKey } from '@kith/core';
import { equalBytes, readUint32LE, TokenBucket, tunnelKeyFrom } from '@kith/core';
import { CookieChecker } from './cookie.ts';
import {
  TYPE_COOKIE,
  TYPE_INITIATION,
  TYPE_RESPONSE,
  TYPE_TRANSPORT,
  decodeCookieReply,
  decodeInitiation,
  decodeResponse,
  messageType,
} from './messages.ts';
import type { Identity, ResponderState, TransportKeys } from './noise.ts';
import {
  consumeResponse,
  createInitiation,
  createResponse,
  identityOf,
  openInitiation,
  proveInitiation,
  staticStatic,
} from './noise.ts';
import type { PeerOptions } from './peer.ts';
import { Peer } from './peer.ts';
import { SourceLimiter } from './ratelimit.ts';
import type { Keypair } from './sessions.ts';
import { TimestampSource } from './tai64n.ts';
import type { Activity } from './timers.ts';
import { REJECT_AFTER_TIME, REKEY_TIMEOUT, needsRenewal } from './timers.ts';

/** What a device keeps in bounds; each has a safe default in {@link DEVICE_LIMITS}. */
export interface DeviceLimits {
  /** Handshake messages a second beyond which senders must prove their address by a cookie. */
  readonly handshakesPerSecond: number;
  /** Ms for which the device stays under load after that. */
  readonly underLoadFor: number;
  /** Handshake messages a second that one proved source gets while under load, and how many at once. */
  readonly perSourceRate: number;
  readonly perSourceBurst: number;
  /** Sources whose rate is remembered. */
  readonly sources: number;
  /** Removed peers whose last timestamp is remembered, so that old initiations stay refused if they come back. */
  readonly formerPeers: number;
}

export const DEVICE_LIMITS: DeviceLimits = {
  handshakesPerSecond: 100,
  underLoadFor: 1000,
  perSourceRate: 20,
  perSourceBurst: 5,
  sources: 4096,
  formerPeers: 4096,
};

/** What a device says. `Route` is whatever the shell calls the way that a datagram came by. */
export interface DeviceEvents<Route> {
  /** Our own initiation, fresh or retried. The same bytes may go by several paths: the other side takes one. */
  send(peer: number, message: Uint8Array, now: number): void;
  /** Responses and cookie replies go back where the message came from. */
  reply(message: Uint8Array, route: Route, now: number): void;
  /** A new session. An initiator's may send at once; a responder's waits for {@link Device.handleConfirmed}. */
  session(keypair: Keypair, now: number): void;
  /** A session is over: replaced twice, expired, or its peer was removed. Its keys are wiped on return. */
  drop(localIndex: number, now: number): void;
  /** Send an empty message now: a passive keep-alive, or the first message that confirms an initiator's session. */
  keepAlive(peer: number, now: number): void;
  /** A handshake was given up. */
  failed(peer: number, now: number): void;
  /**
   * A handshake message of this peer was authentic and came by this route. A hint, not proof: whoever saw the message
   * may have sent it on from elsewhere. Proof is the first transport message on the session.
   */
  authenticated?(peer: number, route: Route, now: number): void;
}

export interface DeviceInit<Route> {
  readonly crypto: Crypto;
  /** The static X25519 key. */
  readonly secret: SecretKey;
  /** Wall-clock ms since 1970 at monotonic `now`. Between runs it must not go back: peers would refuse us. */
  readonly wall: (now: number) => number;
  /**
   * What a cookie is bound to and a source's rate is counted by. Best the address without its port (of IPv6 the first
   * 8 bytes), so that ports do not multiply what one machine may send.
   */
  readonly sourceBytes: (route: Route) => Uint8Array;
  /**
   * The peer of a static key, asked only once its owner has proved to hold it. May call {@link Device.setPeer} first;
   * null refuses.
   */
  readonly lookup: (publicKey: TunnelKey, now: number) => number | null;
  readonly events: DeviceEvents<Route>;
  readonly limits?: Partial<DeviceLimits>;
}

/** Who an index in a message speaks of. */
interface IndexOwner {
  readonly peer: Peer;
  readonly kind: 'handshake' | 'session';
}

export class Device<Route> {
  readonly #init: DeviceInit<Route>;
  readonly #crypto: Crypto;
  readonly #events: DeviceEvents<Route>;
  readonly #limits: DeviceLimits;
  readonly #identity: Identity;
  readonly #cookies: CookieChecker;
  readonly #clock: TimestampSource = new TimestampSource();
  readonly #peers: Map<number, Peer> = new Map();
  readonly #byKey: Map<TunnelKey, Peer> = new Map();
  readonly #indices: Map<number, IndexOwner> = new Map();
  readonly #formerStamps: Map<TunnelKey, Uint8Array> = new Map();
  readonly #sources: SourceLimiter;
  #load: TokenBucket | null = null;
  #underLoadUntil = Number.NEGATIVE_INFINITY;
  /** Never later than the earliest deadline of any peer; null if there is none. */
  #wake: number | null = null;

  constructor(init: DeviceInit<Route>) {
    this.#init = init;
    this.#crypto = init.crypto;
    this.#events = init.events;
    this.#limits = { ...DEVICE_LIMITS, ...init.limits };
    this.#identity = identityOf(init.crypto, init.secret);
    this.#cookies = new CookieChecker(init.crypto, this.#identity.publicKey);
    this.#sources = new SourceLimiter(this.#limits.perSourceRate, this.#limits.perSourceBurst, this.#limits.sources);
  }

  /**
   * Adds a peer, or changes preshared key and times of a known one for its next handshakes.
   * @throws RangeError if the handle has another key or the key another handle: remove the peer first
   */
  setPeer(peer: number, options: PeerOptions): void {
    const known = this.#peers.get(peer);
    if (known !== this.#byKey.get(options.publicKey) || (known && known.publicKey !== options.publicKey)) {
      throw new RangeError(`peer ${peer} and its key belong to different peers; remove the old peer first`);
    }
    if (known !== undefined) {
      known.configure(options);
      this.#wakeBy(known.wakeAt());
      return;
    }
    const added = new Peer(this.#crypto, peer, options, this.#formerStamps.get(options.publicKey) ?? null);
    this.#formerStamps.delete(options.publicKey);
    this.#peers.set(peer, added);
    this.#byKey.set(options.publicKey, added);
  }

  /** Drops the peer's sessions and forgets it. Unknown handles are ignored. */
  removePeer(peer: number, now: number): void {
    const known = this.#peers.get(peer);
    if (known === undefined) return;
    this.#peers.delete(peer);
    this.#byKey.delete(known.publicKey);
    if (known.stamp !== null) this.#rememberStamp(known.publicKey, known.stamp);
    this.#endHandshake(known);
    this.#drop(known.sessions.clear(), now);
  }

  /**
   * Starts a handshake unless one is under way.
   * @throws RangeError for a peer that was never set
   */
  initiate(peer: number, now: number): void {
    const known = this.#peer(peer);
    if (known.pending === null) this.#try(known, now, 1, now);
  }

  /** Takes a datagram that claims to be a message of type 1, 2 or 3; anything else is ignored. Never throws for it. */
  handleMessage(message: Uint8Array, route: Route, now: number): void {
    const type = messageType(message);
    switch (type) {
      case TYPE_INITIATION:
        if (this.#admit(message, route, now)) this.#handleInitiation(message, route, now);
        return;
      case TYPE_RESPONSE:
        // The cheapest check first: a response to nothing is not worth a hash.
        if (this.#indices.get(readUint32LE(message, 8))?.kind !== 'handshake') return;
        if (this.#admit(message, route, now)) this.#handleResponse(message, route, now);
        return;
      case TYPE_COOKIE:
        this.#handleCookie(message, now);
        return;
      case TYPE_TRANSPORT:
      case null:
        return;
    }
  }

  /**
   * Looks at a peer's traffic: renews its session, keeps it alive, notices its silence. Call it for every peer with a
   * session about once a second, with fresh counters; a coarser interval only makes timers later.
   * @throws RangeError for a peer that was never set
   */
  handleActivity(peer: number, activity: Activity, now: number): void {
    const known = this.#peer(peer);
    this.#drop(known.sessions.expire(now), now);
    const session = known.sessions.find(activity.currentIndex) ?? known.sessions.current;
    const due = known.silence.handle(activity, now);
    if (session === null) return;
    const lateness = session.localIndex % REKEY_TIMEOUT;
    const renew = due.handshake || needsRenewal(session, activity, lateness);
    if (renew && known.pending === null) this.#try(known, now, 1, now);
    if (due.keepAlive && this.#knows(known)) this.#events.keepAlive(peer, now);
  }

  /** The data plane got the first authentic message on a session. Unknown indices are ignored. */
  handleConfirmed(localIndex: number, now: number): void {
    const owner = this.#indices.get(localIndex);
    if (owner === undefined || owner.kind !== 'session') return;
    const { peer } = owner;
    if (peer.sessions.next?.localIndex !== localIndex) return;
    // Both sides hold this session now: our own attempt, if any, has become pointless.
    this.#endHandshake(peer);
    this.#drop(peer.sessions.confirm(localIndex), now);
  }

  /** When {@link tick} wants to be called, or null. May be earlier than anything due, never later. */
  wakeAt(): number | null {
    return this.#wake;
  }

  /** Retries and gives up handshakes, ends sessions. */
  tick(now: number): void {
    if (this.#wake === null || now < this.#wake) return;
    this.#wake = null;
    const peers = [...this.#peers.values()].sort((a, b) => a.handle - b.handle);
    for (const peer of peers) {
      if (this.#knows(peer)) this.#drop(peer.sessions.expire(now), now);
      if (this.#knows(peer)) this.#retry(peer, now);
      if (this.#knows(peer)) this.#wakeBy(peer.wakeAt());
    }
  }

  /** @throws RangeError for a peer that was never set */
  sessionState(peer: number): 'none' | 'handshaking' | 'established' {
    const { sessions, pending } = this.#peer(peer);
    if (sessions.current !== null) return 'established';
    return pending !== null || sessions.next !== null ? 'handshaking' : 'none';
  }

  /** Whether cookies are demanded now. */
  underLoad(now: number): boolean {
    return now < this.#underLoadUntil;
  }

  /** MACs, cookies and rates (white paper 5.3, 5.4.7): whether the message is worth a Diffie-Hellman. */
  #admit(message: Uint8Array, route: Route, now: number): boolean {
    if (!this.#cookies.hasMac1(message)) return false;
    const rate = this.#limits.handshakesPerSecond;
    this.#load ??= new TokenBucket(rate, rate);
    if (!this.#load.take(now)) this.#underLoadUntil = now + this.#limits.underLoadFor;
    if (!this.underLoad(now)) return true;
    const source = this.#init.sourceBytes(route);
    if (this.#cookies.hasMac2(message, source, now)) return this.#sources.allow(source, now);
    this.#events.reply(this.#cookies.reply(message, readUint32LE(message, 4), source, now), route, now);
    return false;
  }

  #handleInitiation(bytes: Uint8Array, route: Route, now: number): void {
    const message = decodeInitiation(bytes);
    const claim = message && openInitiation(this.#crypto, this.#identity, message);
    if (!claim || equalBytes(claim.remoteStatic, this.#identity.publicKey)) return;
    const key = tunnelKeyFrom(claim.remoteStatic);
    const known = this.#byKey.get(key);
    const shared = known
      ? known.shared(this.#crypto, this.#identity)
      : staticStatic(this.#crypto, this.#identity, claim.remoteStatic);
    const proved = shared && proveInitiation(this.#crypto, claim, shared);
    if (!proved) return;
    const handle = this.#init.lookup(key, now);
    const peer = handle === null ? undefined : this.#peers.get(handle);
    if (peer === undefined || peer.publicKey !== key || !peer.acceptStamp(proved.timestamp, now)) return;
    this.#respond(peer, proved.state, route, now);
  }

  #respond(peer: Peer, state: ResponderState, route: Route, now: number): void {
    const localIndex = this.#freshIndex();
    const response = createResponse(this.#crypto, state, peer.presharedKey, localIndex);
    if (response === null) return;
    peer.cookies.stamp(response.message, now);
    this.#events.authenticated?.(peer.handle, route, now);
    if (!this.#knows(peer)) return;
    this.#establish(peer, 'responder', localIndex, state.remoteIndex, response.keys, now);
    this.#events.reply(response.message, route, now);
  }

  #handleResponse(bytes: Uint8Array, route: Route, now: number): void {
    const message = decodeResponse(bytes);
    const owner = message && this.#indices.get(message.receiver);
    const pending = owner?.kind === 'handshake' ? owner.peer.pending : null;
    if (!message || !owner || !pending || pending.localIndex !== message.receiver) return;
    const { peer } = owner;
    const keys = consumeResponse(this.#crypto, this.#identity, pending.state, peer.presharedKey, message);
    if (keys === null) return;
    this.#endHandshake(peer);
    this.#events.authenticated?.(peer.handle, route, now);
    if (!this.#knows(peer)) return;
    this.#establish(peer, 'initiator', pending.localIndex, message.sender, keys, now);
    // The responder may not send before it has heard from us on this session.
    if (this.#knows(peer)) this.#events.keepAlive(peer.handle, now);
  }

  #handleCookie(bytes: Uint8Array, now: number): void {
    const reply = decodeCookieReply(bytes);
    if (reply) this.#indices.get(reply.receiver)?.peer.cookies.accept(reply, now);
  }

  #establish(
    peer: Peer,
    role: Keypair['role'],
    localIndex: number,
    remoteIndex: number,
    keys: TransportKeys,
    now: number,
  ): void {
    const keypair: Keypair = {
      peer: peer.handle,
      localIndex,
      remoteIndex,
      ...keys,
      role,
      createdAt: now,
      expiresAt: now + REJECT_AFTER_TIME,
    };
    const replaced = peer.sessions.add(keypair);
    this.#indices.set(localIndex, { peer, kind: 'session' });
    this.#wakeBy(keypair.expiresAt);
    this.#events.session(keypair, now);
    this.#drop(replaced, now);
  }

  /** Try number `tries` of a handshake that began at `startedAt`. */
  #try(peer: Peer, startedAt: number, tries: number, now: number): void {
    this.#endHandshake(peer);
    const shared = peer.shared(this.#crypto, this.#identity);
    const localIndex = this.#freshIndex();
    const timestamp = this.#clock.next(this.#init.wall(now));
    const remote = shared && { remoteStatic: peer.publicBytes, staticStatic: shared };
    const created = remote && createInitiation(this.#crypto, this.#identity, remote, localIndex, timestamp);
    if (!created) {
      // The peer's key has small order: no handshake with it can ever succeed.
      this.#events.failed(peer.handle, now);
      return;
    }
    peer.cookies.stamp(created.message, now);
    const retryAt = now + peer.retryAfter(tries, this.#chance());
    peer.pending = { localIndex, state: created.state, startedAt, retryAt, tries };
    this.#indices.set(localIndex, { peer, kind: 'handshake' });
    this.#wakeBy(peer.wakeAt());
    this.#events.send(peer.handle, created.message, now);
  }

  #retry(peer: Peer, now: number): void {
    const { pending } = peer;
    if (pending === null) return;
    // The same sum as in wakeAt: a difference may round the other way and never come due.
    if (now >= pending.startedAt + peer.giveUp) {
      this.#endHandshake(peer);
      this.#events.failed(peer.handle, now);
    } else if (now >= pending.retryAt) {
      this.#try(peer, pending.startedAt, pending.tries + 1, now);
    }
  }

  #endHandshake(peer: Peer): void {
    if (peer.pending === null) return;
    this.#indices.delete(peer.pending.localIndex);
    peer.pending.state.ephemeralSecret.fill(0);
    peer.pending.state.chainingKey.fill(0);
    peer.pending = null;
  }

  #drop(keypairs: readonly Keypair[], now: number): void {
    for (const { localIndex } of keypairs) this.#indices.delete(localIndex);
    for (const keypair of keypairs) {
      this.#events.drop(keypair.localIndex, now);
      const { sendKey, receiveKey, aesSendKey, aesReceiveKey } = keypair;
      for (const key of [sendKey, receiveKey, aesSendKey, aesReceiveKey]) key.fill(0);
    }
  }

  /** False once a handler of an event has removed the peer. */
  #knows(peer: Peer): boolean {
    return this.#peers.get(peer.handle) === peer;
  }

  #rememberStamp(key: TunnelKey, stamp: Uint8Array): void {
    this.#formerStamps.set(key, stamp);
    if (this.#formerStamps.size <= this.#limits.formerPeers) return;
    for (const oldest of this.#formerStamps.keys()) {
      this.#formerStamps.delete(oldest);
      return;
    }
  }

  #peer(handle: number): Peer {
    const peer = this.#peers.get(handle);
    if (peer === undefined) throw new RangeError(`peer ${handle} was never set`);
    return peer;
  }

  /** Unpredictable (white paper 5.4.2), so that strangers cannot guess which messages would cost us work. */
  #freshIndex(): number {
    for (;;) {
      const index = readUint32LE(this.#crypto.random(4), 0);
      if (index !== 0 && !this.#indices.has(index)) return index;
    }
  }

  /** A number in [0, 1). */
  #chance(): number {
    return readUint32LE(this.#crypto.random(4), 0) / 2 ** 32;
  }

  #wakeBy(at: number | null): void {
    if (at !== null && (this.#wake === null || at < this.#wake)) this.#wake = at;
  }
}
