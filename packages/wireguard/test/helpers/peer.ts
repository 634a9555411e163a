/**
 * A whole WireGuard peer for tests: the device under test and the smallest transport half that behaves as the data plane
 * does (sessions in three slots, replay windows, queue, roaming, counters).
 */
import type { Crypto, SecretKey, TunnelKey } from '@kith/core';
import { readUint32LE, tunnelKeyOf } from '@kith/core';
import type { Activity, DeviceLimits, Keypair, PeerOptions } from '@kith/wireguard';
import { Device, ReplayWindow, TYPE_TRANSPORT, messageType, openTransport, sealTransport } from '@kith/wireguard';

interface Session {
  readonly keypair: Keypair;
  readonly window: ReplayWindow;
  counter: number;
}

interface Remote<Route> {
  route: Route | null;
  current: Session | null;
  next: Session | null;
  queue: Uint8Array[];
  activity: {
    -readonly [Key in keyof Activity]: Activity[Key];
  };
}

export interface PeerInit<Route> {
  crypto: Crypto;
  secret: SecretKey;
  wall?: (now: number) => number;
  limits?: Partial<DeviceLimits>;
  sourceBytes: (route: Route) => Uint8Array;
  transmit(datagram: Uint8Array, route: Route, now: number): void;
  deliver?(peer: number, packet: Uint8Array, now: number): void;
}

export class TestPeer<Route> {
  readonly device: Device<Route>;
  readonly publicKey: TunnelKey;
  /** What the device said, newest last: `session 1 initiator`, `drop 1`, `keepAlive 1`, `failed 1`, … with its time. */
  readonly log: { at: number; what: string }[] = [];
  readonly sessions = new Map<number, Session>();
  readonly #init: PeerInit<Route>;
  readonly #remotes = new Map<number, Remote<Route>>();
  readonly #keys = new Map<TunnelKey, number>();

  constructor(init: PeerInit<Route>) {
    this.#init = init;
    this.publicKey = tunnelKeyOf(init.crypto, init.secret);
    this.device = new Device<Route>({
      crypto: init.crypto,
      secret: init.secret,
      wall: init.wall ?? ((now) => 1_700_000_000_000 + now),
      sourceBytes: init.sourceBytes,
      lookup: (key) => this.#keys.get(key) ?? null,
      ...(init.limits && { limits: init.limits }),
      events: {
        send: (peer, message, now) => {
          this.#note(now, `initiation ${peer}`);
          const { route } = this.#remote(peer);
          if (route !== null) init.transmit(message, route, now);
        },
        reply: (message, route, now) => init.transmit(message, route, now),
        session: (keypair, now) => this.#setSession(keypair, now),
        drop: (localIndex, now) => this.#drop(localIndex, now),
        keepAlive: (peer, now) => {
          this.#note(now, `keepAlive ${peer}`);
          this.#seal(this.#remote(peer), new Uint8Array(0), now);
        },
        failed: (peer, now) => this.#note(now, `failed ${peer}`),
        authenticated: (peer, route, now) => {
          this.#note(now, `authenticated ${peer}`);
          this.#remote(peer).route = route;
        },
      },
    });
  }

  add(peer: number, options: PeerOptions, route: Route | null): void {
    this.device.setPeer(peer, options);
    this.#keys.set(options.publicKey, peer);
    const activity = {
      lastDataSent: 0,
      lastDataReceived: 0,
      lastReceived: 0,
      lastSent: 0,
      currentSendCounter: 0,
      currentIndex: 0,
    };
    this.#remotes.set(peer, { route, current: null, next: null, queue: [], activity });
  }

  route(peer: number): Route | null {
    return this.#remote(peer).route;
  }

  /** Sends a packet, or keeps it until the handshake that it starts is done. */
  send(peer: number, packet: Uint8Array, now: number): void {
    const remote = this.#remote(peer);
    if (!this.#seal(remote, packet, now)) {
      remote.queue.push(packet);
      this.device.initiate(peer, now);
    }
  }

  handleDatagram(datagram: Uint8Array, route: Route, now: number): void {
    if (messageType(datagram) !== TYPE_TRANSPORT) return this.device.handleMessage(datagram, route, now);
    const session = this.sessions.get(readUint32LE(datagram, 4));
    if (session === undefined || now >= session.keypair.expiresAt) return;
    const opened = openTransport(this.#init.crypto, session.keypair.receiveKey, datagram);
    if (opened === null || !session.window.accept(opened.counter)) return;
    const remote = this.#remote(session.keypair.peer);
    remote.route = route;
    remote.activity.lastReceived = now;
    if (remote.next === session) {
      remote.current = session;
      remote.next = null;
      remote.activity.currentIndex = session.keypair.localIndex;
      this.device.handleConfirmed(session.keypair.localIndex, now);
      this.#flush(remote, now);
    }
    if (opened.packet.length === 0) return;
    remote.activity.lastDataReceived = now;
    this.#init.deliver?.(session.keypair.peer, opened.packet, now);
  }

  /** What a data plane's owner does about once a second. */
  poll(now: number): void {
    for (const [peer, remote] of this.#remotes) this.device.handleActivity(peer, { ...remote.activity }, now);
  }

  events(what: string): number[] {
    return this.log.filter((entry) => entry.what.startsWith(what)).map((entry) => entry.at);
  }

  #note(at: number, what: string): void {
    this.log.push({ at, what });
  }

  #remote(peer: number): Remote<Route> {
    const remote = this.#remotes.get(peer);
    if (remote === undefined) throw new Error(`no remote ${peer}`);
    return remote;
  }

  #setSession(keypair: Keypair, now: number): void {
    this.#note(now, `session ${keypair.peer} ${keypair.role}`);
    const session = { keypair, window: new ReplayWindow(), counter: 0 };
    this.sessions.set(keypair.localIndex, session);
    const remote = this.#remote(keypair.peer);
    if (keypair.role === 'responder') {
      remote.next = session;
      return;
    }
    remote.current = session;
    remote.activity.currentIndex = keypair.localIndex;
    this.#flush(remote, now);
  }

  #drop(localIndex: number, now: number): void {
    const session = this.sessions.get(localIndex);
    if (session === undefined) throw new Error(`dropped an unknown session`);
    this.sessions.delete(localIndex);
    const remote = this.#remote(session.keypair.peer);
    if (remote.current === session) {
      remote.current = null;
      remote.activity.currentIndex = 0;
    }
    if (remote.next === session) remote.next = null;
    this.#note(now, `drop ${session.keypair.peer}`);
  }

  #flush(remote: Remote<Route>, now: number): void {
    for (const packet of remote.queue.splice(0)) this.#seal(remote, packet, now);
  }

  #seal(remote: Remote<Route>, packet: Uint8Array, now: number): boolean {
    const { current, route, activity } = remote;
    if (current === null || route === null || now >= current.keypair.expiresAt) return false;
    const { sendKey, remoteIndex } = current.keypair;
    const message = sealTransport(this.#init.crypto, sendKey, remoteIndex, current.counter++, packet);
    activity.currentSendCounter = current.counter;
    activity.lastSent = now;
    if (packet.length > 0) activity.lastDataSent = now;
    this.#init.transmit(message, route, now);
    return true;
  }
}
