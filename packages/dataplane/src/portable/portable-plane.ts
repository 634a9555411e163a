/** The data plane in plain TypeScript: no I/O, no clock. See the contract in `@kith/mesh`. */
import { addressBytes, nodeIdFrom, prefixParts, type Endpoint, type NodeId } from '@kith/core';
import {
  PLANE_LIMITS,
  type Cipher,
  type DataPlane,
  type Origin,
  type Path,
  type PeerCounters,
  type PeerHandle,
  type PlaneCounters,
  type PlaneEvents,
  type PlanePeer,
  type PlaneSession,
} from '@kith/mesh';
import { Peer, SLOTS, type Way } from './peer.ts';
import { PrefixTree } from './prefix-tree.ts';
import { receiverIndex, Session, type PlaneCrypto } from './session.ts';
import {
  frameControl,
  messageKind,
  packetLength,
  RELAY_HEADER,
  RELAY_TYPE,
  relayHeader,
  unframeControl,
} from './wire.ts';

/** What the plane needs from the machine. Both take ownership of the bytes; neither may throw. */
export interface PlaneIo {
  sendDatagram(bytes: Uint8Array, to: Endpoint): void;
  /** Hands an IP packet to this machine. */
  writePacket(packet: Uint8Array): void;
}

export interface PortablePlaneInit {
  readonly crypto: PlaneCrypto;
  readonly events: PlaneEvents;
  readonly io: PlaneIo;
  /** Whether AES-256-GCM is the faster cipher here; it is not, if absent. */
  readonly prefersAes?: boolean;
  readonly limits?: Partial<typeof PLANE_LIMITS>;
}

type Drops = { -readonly [Cause in keyof PlaneCounters['dropped']]: number };

/** A relay frame that waits for a next hop. */
interface Hopless {
  readonly at: number;
  /** Ready to be sent: its time to live is reduced already. */
  readonly frame: Uint8Array;
  readonly from: Endpoint;
}

const NOTHING = new Uint8Array(0);
/** For all but IP packets. */
const CHACHA: Cipher = 'chacha20-poly1305';
/** `noSession` and `noNextHop` come at most this often, in ms. */
const REPORT_EVERY = 1000;

export class PortablePlane implements DataPlane {
  readonly prefersAes: boolean;
  readonly #crypto: PlaneCrypto;
  readonly #events: PlaneEvents;
  readonly #io: PlaneIo;
  readonly #limits: typeof PLANE_LIMITS;
  readonly #peers: Map<PeerHandle, Peer> = new Map();
  readonly #sessions: Map<number, Session> = new Map();
  readonly #allowed4: PrefixTree<PeerHandle> = new PrefixTree(32);
  readonly #allowed6: PrefixTree<PeerHandle> = new PrefixTree(128);
  readonly #nextHops: Map<NodeId, Endpoint> = new Map();
  /** Reported destinations without a next hop, the oldest first; each with the frame that waits for one. */
  readonly #hopless: Map<NodeId, Hopless> = new Map();
  readonly #dropped: Drops = {
    malformed: 0,
    unknownIndex: 0,
    unauthentic: 0,
    replayed: 0,
    foreignSource: 0,
    gateClosed: 0,
    noRoute: 0,
    queueFull: 0,
    relayRefused: 0,
  };
  #relayedPackets = 0;
  #relayedBytes = 0;
  #relaySources: ReadonlySet<Endpoint> = new Set();
  #self: NodeId | null = null;
  /** No deadline is earlier than this; it may be too early, since sending only moves deadlines back. */
  #wake: number | null = null;

  constructor(init: PortablePlaneInit) {
    this.prefersAes = init.prefersAes ?? false;
    this.#crypto = init.crypto;
    this.#events = init.events;
    this.#io = init.io;
    this.#limits = { ...PLANE_LIMITS, ...init.limits };
  }

  setSelf(id: NodeId): void {
    this.#self = id;
    for (const peer of this.#peers.values()) peer.way = this.#wayOf(peer.spec.path);
  }

  setPeer(spec: PlanePeer, now: number): void {
    const way = this.#wayOf(spec.path);
    let peer = this.#peers.get(spec.peer);
    if (peer === undefined) {
      peer = new Peer(spec, now);
      this.#peers.set(spec.peer, peer);
    } else {
      this.#forgetPrefixes(peer);
      if (peer.spec.keepAlive !== spec.keepAlive) peer.keepAliveFrom = now;
      peer.spec = spec;
    }
    peer.way = way;
    for (const prefix of spec.allowed) {
      const { address, length } = prefixParts(prefix);
      const bytes = addressBytes(address);
      (bytes.length === 4 ? this.#allowed4 : this.#allowed6).set(bytes, length, spec.peer);
    }
    this.#flush(peer, now);
    this.#schedule(peer);
  }

  removePeer(handle: PeerHandle): void {
    const peer = this.#peers.get(handle);
    if (peer === undefined) return;
    for (const slot of SLOTS) this.#drop(peer[slot]);
    this.#forgetPrefixes(peer);
    this.#peers.delete(handle);
  }

  setSession(session: PlaneSession, now: number): void {
    const peer = this.#peer(session.peer);
    if (this.#sessions.has(session.localIndex)) throw new RangeError(`session index ${session.localIndex} is in use`);
    const added = new Session(this.#crypto, session);
    for (const old of peer.install(added)) this.#drop(old);
    this.#sessions.set(added.localIndex, added);
    this.#flush(peer, now);
    this.#schedule(peer);
  }

  removeSession(localIndex: number): void {
    this.#drop(this.#sessions.get(localIndex) ?? null);
  }

  setNextHop(dst: NodeId, hop: Endpoint | null): void {
    if (hop === null) {
      this.#nextHops.delete(dst);
      return;
    }
    this.#nextHops.set(dst, hop);
    const waiting = this.#hopless.get(dst);
    if (waiting === undefined) return;
    this.#hopless.delete(dst);
    if (waiting.from === hop) this.#dropped.relayRefused += 1;
    else this.#sendOn(waiting.frame, hop);
  }

  setRelaySources(endpoints: readonly Endpoint[]): void {
    this.#relaySources = new Set(endpoints);
  }

  sendMessage(message: Uint8Array, path: Path, _now: number): void {
    const way = this.#wayOf(path);
    if (way === null) return;
    const out = new Uint8Array(way.header.length + message.length);
    out.set(way.header);
    out.set(message, way.header.length);
    this.#io.sendDatagram(out, way.endpoint);
  }

  sendControl(handle: PeerHandle, type: number, body: Uint8Array, path: Path | null, now: number): boolean {
    const peer = this.#peer(handle);
    if (!Number.isInteger(type) || type < 0x01 || type > 0x0f)
      throw new RangeError(`control type ${type} is not 1..15`);
    if (body.length > this.#limits.controlBody) {
      throw new RangeError(`control body of ${body.length} bytes is over ${this.#limits.controlBody}`);
    }
    return this.#seal(peer, CHACHA, frameControl(type, body), path === null ? peer.way : this.#wayOf(path), now);
  }

  sendKeepAlive(handle: PeerHandle, now: number): boolean {
    const peer = this.#peer(handle);
    return this.#seal(peer, CHACHA, NOTHING, peer.way, now);
  }

  peerCounters(handle: PeerHandle): PeerCounters | null {
    return this.#peers.get(handle)?.counters() ?? null;
  }

  counters(): PlaneCounters {
    return {
      relayedPackets: this.#relayedPackets,
      relayedBytes: this.#relayedBytes,
      dropped: { ...this.#dropped },
    };
  }

  /** A datagram came in on the port. `bytes` may be handed on to the events as they are. */
  handleDatagram(bytes: Uint8Array, from: Endpoint, now: number): void {
    if (bytes[0] === RELAY_TYPE) this.#relay(bytes, from, now);
    else this.#message(bytes, 0, { kind: 'direct', endpoint: from }, now);
  }

  /** This machine sends an IP packet into the mesh. `packet` may be reused after the call. */
  handlePacket(packet: Uint8Array, now: number): void {
    const length = packetLength(packet);
    if (length === null) {
      this.#dropped.malformed += 1;
      return;
    }
    const version = (packet[0] as number) >> 4;
    const handle = version === 4 ? this.#allowed4.find(packet, 16) : this.#allowed6.find(packet, 24);
    const peer = handle === null ? undefined : this.#peers.get(handle);
    if (peer === undefined) {
      this.#dropped.noRoute += 1;
      return;
    }
    const exact = packet.subarray(0, length);
    if (peer.queue.length === 0 && peer.spec.gate === 'open' && this.#sendData(peer, exact, now)) return;
    if (peer.queue.length >= this.#limits.queuePerPeer) {
      peer.queue.shift();
      this.#dropped.queueFull += 1;
    }
    peer.queue.push(Uint8Array.from(exact));
    this.#reportNoSession(peer, now);
  }

  /** When to call {@link tick} next, monotonic ms; null for not before something else happened. */
  wakeAt(): number | null {
    return this.#wake;
  }

  /** Drops sessions and waiting frames whose time is over, and sends the keep-alives that are due. */
  tick(now: number): void {
    if (this.#wake === null || now < this.#wake) return;
    this.#wake = null;
    this.#forgetHopless(now);
    for (const { at } of this.#hopless.values()) this.#wakeBy(at + REPORT_EVERY);
    for (const peer of [...this.#peers.values()].sort((a, b) => a.handle - b.handle)) {
      const current = peer.current;
      for (const slot of SLOTS) if (now >= (peer[slot]?.expiresAt ?? Number.POSITIVE_INFINITY)) this.#drop(peer[slot]);
      const due = peer.keepAliveAt();
      if (due !== null && now >= due && !this.#seal(peer, CHACHA, NOTHING, peer.way, now)) peer.keepAliveFrom = now;
      this.#schedule(peer);
      if (current !== null && peer.queue.length > 0) this.#reportNoSession(peer, now);
    }
  }

  #peer(handle: PeerHandle): Peer {
    const peer = this.#peers.get(handle);
    if (peer === undefined) throw new RangeError(`peer ${handle} is not set`);
    return peer;
  }

  #wayOf(path: Path | null): Way | null {
    if (path === null) return null;
    if (path.kind === 'direct') return { endpoint: path.endpoint, header: NOTHING };
    if (this.#self === null) throw new RangeError('a relay path needs setSelf first');
    return { endpoint: path.hop, header: relayHeader(this.#limits.ttl, path.dst, this.#self) };
  }

  #forgetPrefixes(peer: Peer): void {
    for (const prefix of peer.spec.allowed) {
      const { address, length } = prefixParts(prefix);
      const bytes = addressBytes(address);
      (bytes.length === 4 ? this.#allowed4 : this.#allowed6).delete(bytes, length, peer.handle);
    }
  }

  #drop(session: Session | null): void {
    if (session === null) return;
    const peer = this.#peers.get(session.peer);
    const slot = peer?.slotOf(session) ?? null;
    if (peer !== undefined && slot !== null) peer[slot] = null;
    this.#sessions.delete(session.localIndex);
    session.wipe();
  }

  #schedule(peer: Peer): void {
    for (const slot of SLOTS) this.#wakeBy(peer[slot]?.expiresAt ?? null);
    this.#wakeBy(peer.keepAliveAt());
  }

  #wakeBy(at: number | null): void {
    if (at !== null && at < (this.#wake ?? Number.POSITIVE_INFINITY)) this.#wake = at;
  }

  /** Seals and sends under the current session. False where there is none or no way. */
  #seal(peer: Peer, cipher: Cipher, plaintext: Uint8Array, way: Way | null, now: number): boolean {
    const session = peer.sender(now);
    if (session === null || way === null) return false;
    const datagram = session.seal(cipher, plaintext, way.header);
    peer.sentPackets += 1;
    peer.sentBytes += datagram.length - way.header.length;
    peer.lastSent = now;
    this.#io.sendDatagram(datagram, way.endpoint);
    return true;
  }

  #sendData(peer: Peer, packet: Uint8Array, now: number): boolean {
    if (!this.#seal(peer, peer.spec.cipher, packet, peer.way, now)) return false;
    peer.lastDataSent = now;
    return true;
  }

  #flush(peer: Peer, now: number): void {
    if (peer.spec.gate === 'closed') return;
    for (let packet = peer.queue[0]; packet !== undefined; packet = peer.queue[0]) {
      if (!this.#sendData(peer, packet, now)) return;
      peer.queue.shift();
    }
  }

  #reportNoSession(peer: Peer, now: number): void {
    if (peer.sender(now) !== null || now - peer.noSessionAt < REPORT_EVERY) return;
    peer.noSessionAt = now;
    this.#events.noSession(peer.handle, now);
  }

  #message(bytes: Uint8Array, at: number, origin: Origin, now: number): void {
    switch (messageKind(bytes, at)) {
      case 'handshake':
        this.#events.handshake(bytes.subarray(at), origin, now);
        return;
      case 'transport':
        this.#transport(bytes, at, origin, now);
        return;
      case null:
        this.#dropped.malformed += 1;
    }
  }

  #transport(bytes: Uint8Array, at: number, origin: Origin, now: number): void {
    const session = this.#sessions.get(receiverIndex(bytes, at));
    const peer = session === undefined ? undefined : this.#peers.get(session.peer);
    if (session === undefined || peer === undefined || now >= session.expiresAt) {
      this.#dropped.unknownIndex += 1;
      return;
    }
    const plaintext = session.open(bytes, at);
    if (!(plaintext instanceof Uint8Array)) {
      this.#dropped[plaintext] += 1;
      return;
    }
    peer.receivedPackets += 1;
    peer.receivedBytes += bytes.length - at;
    peer.lastReceived = now;
    if (session === peer.next) {
      this.#drop(peer.promote());
      this.#flush(peer, now);
      this.#schedule(peer);
    }
    if (!session.confirmed) {
      session.confirmed = true;
      this.#events.confirmed(peer.handle, session.localIndex, now);
    }
    if (this.#isSet(peer) && peer.roams(origin, now)) this.#events.roamed(peer.handle, origin, now);
    if (this.#isSet(peer) && plaintext.length > 0) this.#plaintext(peer, plaintext, origin, now);
  }

  /** An event may have removed the peer. */
  #isSet(peer: Peer): boolean {
    return this.#peers.get(peer.handle) === peer;
  }

  #plaintext(peer: Peer, plaintext: Uint8Array, origin: Origin, now: number): void {
    if ((plaintext[0] as number) < 0x10) {
      const payload = unframeControl(plaintext, this.#limits.controlBody);
      if (payload === null) this.#dropped.malformed += 1;
      else this.#events.control(peer.handle, payload, origin, now);
      return;
    }
    const length = packetLength(plaintext);
    if (length === null) {
      this.#dropped.malformed += 1;
      return;
    }
    peer.lastDataReceived = now;
    const source =
      (plaintext[0] as number) >> 4 === 4 ? this.#allowed4.find(plaintext, 12) : this.#allowed6.find(plaintext, 8);
    if (peer.spec.gate === 'closed') this.#dropped.gateClosed += 1;
    else if (source !== peer.handle) this.#dropped.foreignSource += 1;
    else this.#io.writePacket(plaintext.subarray(0, length));
  }

  #relay(frame: Uint8Array, from: Endpoint, now: number): void {
    if (this.#self === null || !this.#relaySources.has(from)) {
      this.#dropped.relayRefused += 1;
      return;
    }
    if (messageKind(frame, RELAY_HEADER) === null || frame[2] !== 0 || frame[3] !== 0) {
      this.#dropped.malformed += 1;
      return;
    }
    const dst = nodeIdFrom(frame.subarray(4, 12));
    const src = nodeIdFrom(frame.subarray(12, 20));
    if (src === this.#self) this.#dropped.relayRefused += 1;
    else if (dst === this.#self) this.#message(frame, RELAY_HEADER, { kind: 'relay', hop: from, src }, now);
    else this.#forward(frame, dst, from, now);
  }

  #forward(frame: Uint8Array, dst: NodeId, from: Endpoint, now: number): void {
    const ttl = Math.min(frame[1] as number, this.#limits.ttl) - 1;
    const hop = this.#nextHops.get(dst);
    if (ttl < 1 || hop === from) {
      this.#dropped.relayRefused += 1;
      return;
    }
    const copy = Uint8Array.from(frame);
    copy[1] = ttl;
    if (hop === undefined) this.#hold({ at: now, frame: copy, from }, dst, now);
    else this.#sendOn(copy, hop);
  }

  #sendOn(copy: Uint8Array, hop: Endpoint): void {
    this.#relayedPackets += 1;
    this.#relayedBytes += copy.length;
    this.#io.sendDatagram(copy, hop);
  }

  /** The mesh is asked for a next hop, and the frame waits for the answer. */
  #hold(hopless: Hopless, dst: NodeId, now: number): void {
    this.#forgetHopless(now);
    if (this.#hopless.has(dst) || this.#hopless.size >= this.#limits.noNextHopMemory) {
      this.#dropped.relayRefused += 1;
      return;
    }
    this.#hopless.set(dst, hopless);
    this.#wakeBy(now + REPORT_EVERY);
    this.#events.noNextHop(dst, now);
  }

  #forgetHopless(now: number): void {
    for (const [dst, { at }] of this.#hopless) {
      if (now < at + REPORT_EVERY) return;
      this.#hopless.delete(dst);
      this.#dropped.relayRefused += 1;
    }
  }
}
