/**
 * The data plane in native code. Stepped by its caller it is the twin of the portable plane, call by call; running, its
 * own threads move packets and events come in batches from the event loop, a moment after what they report.
 *
 * The clock of the contract is `performance.now()`. The threads read CLOCK_MONOTONIC, as Node does, and add the
 * difference between the two, which is measured once when the plane starts and is exact to about a microsecond.
 */
import {
  addressBytes,
  concat,
  endpointBytes,
  endpointFrom,
  fromHex,
  nodeIdFrom,
  prefixParts,
  type Endpoint,
  type NodeId,
  type Prefix,
} from '@kith/core';
import {
  PLANE_LIMITS,
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
import type { NativeBinding, NativePlaneHandle } from './native.ts';
import type { PlaneIo } from './portable/index.ts';

export interface NativePlaneInit {
  readonly native: NativeBinding;
  readonly events: PlaneEvents;
  /** Where datagrams and packets go while the plane is stepped; unused once it runs. */
  readonly io?: PlaneIo;
  readonly limits?: Partial<typeof PLANE_LIMITS>;
  /** Whether AES-256-GCM is the faster cipher here; it is not, if absent. */
  readonly prefersAes?: boolean;
  /** The interface was removed by somebody else. */
  readonly onTunLost?: () => void;
}

/** Descriptors for a running plane, which owns them from then on; -1 for what there is not. */
export interface NativePlaneRun {
  readonly tun: number;
  readonly udp4: number;
  readonly udp6: number;
  /** Whether datagrams leave in trains (UDP_SEGMENT) and packets are written as super-packets, where the system takes them. */
  readonly offloads: boolean;
  /** Whether the device takes super-packets of UDP. */
  readonly uso: boolean;
}

/** Order of `EventKind` in native/core.h. */
const KINDS = ['handshake', 'control', 'roamed', 'confirmed', 'noSession', 'noNextHop', 'tunLost'] as const;

/** Order of `Status` in native/core.h. */
const OK = 0;
const UNKNOWN_PEER = 2;
const INDEX_IN_USE = 3;
const NO_SELF = 4;

const PREFIX_BYTES = 18;
const KEY_BYTES = 32;

function pathBytes(path: Path): Uint8Array {
  const endpoint = endpointBytes(path.kind === 'direct' ? path.endpoint : path.hop);
  const out = new Uint8Array(2 + endpoint.length + (path.kind === 'relay' ? 8 : 0));
  out[0] = path.kind === 'relay' ? 1 : 0;
  out[1] = endpoint.length;
  out.set(endpoint, 2);
  if (path.kind === 'relay') out.set(fromHex(path.dst), 2 + endpoint.length);
  return out;
}

function allowedBytes(prefixes: readonly Prefix[]): Uint8Array {
  const out = new Uint8Array(prefixes.length * PREFIX_BYTES);
  for (const [i, prefix] of prefixes.entries()) {
    const { address, length } = prefixParts(prefix);
    const bits = addressBytes(address);
    out.set([bits.length === 4 ? 4 : 6, length], i * PREFIX_BYTES);
    out.set(bits, i * PREFIX_BYTES + 2);
  }
  return out;
}

function originFrom(bytes: Uint8Array): Origin {
  const end = 2 + (bytes[1] as number);
  const endpoint = endpointFrom(bytes.subarray(2, end));
  if (bytes[0] === 0) return { kind: 'direct', endpoint };
  return { kind: 'relay', hop: endpoint, src: nodeIdFrom(bytes.subarray(end)) };
}

export class NativePlane implements DataPlane {
  readonly prefersAes: boolean;
  readonly #handle: NativePlaneHandle;
  readonly #events: PlaneEvents;
  readonly #onTunLost: () => void;
  readonly #controlBody: number;
  /** Events of a running plane may come after their peer was removed: those are not passed on. */
  readonly #peers: Set<PeerHandle> = new Set();
  #failure: { readonly error: unknown } | null = null;
  #running = false;

  constructor(init: NativePlaneInit) {
    const limits = { ...PLANE_LIMITS, ...init.limits };
    this.prefersAes = init.prefersAes ?? false;
    this.#events = init.events;
    this.#onTunLost = init.onTunLost ?? (() => undefined);
    this.#controlBody = limits.controlBody;
    const { io } = init;
    this.#handle = init.native.createPlane(
      {
        report: (...report) => this.#guarded(() => this.#report(...report)),
        sendDatagram: (bytes, to) => this.#guarded(() => io?.sendDatagram(bytes, endpointFrom(to))),
        writePacket: (packet) => this.#guarded(() => io?.writePacket(packet)),
      },
      limits,
    );
  }

  setSelf(id: NodeId): void {
    this.#handle.setSelf(fromHex(id));
  }

  setPeer({ peer, allowed, path, gate, cipher, keepAlive }: PlanePeer, now: number): void {
    const way = path === null ? null : pathBytes(path);
    const aes = cipher === 'aes-256-gcm';
    const status = this.#handle.setPeer(peer, allowedBytes(allowed), way, gate === 'open', aes, keepAlive, now);
    if (status === OK) this.#peers.add(peer);
    this.#check(status, peer);
  }

  removePeer(peer: PeerHandle): void {
    this.#peers.delete(peer);
    this.#handle.removePeer(peer);
  }

  setSession(session: PlaneSession, now: number): void {
    const { peer, localIndex, remoteIndex, role, expiresAt } = session;
    const { sendKey, receiveKey, aesSendKey, aesReceiveKey } = session;
    if ([sendKey, receiveKey, aesSendKey, aesReceiveKey].some((key) => key.length !== KEY_BYTES)) {
      throw new RangeError('a session key has 32 bytes');
    }
    const sendKeys = concat(sendKey, aesSendKey);
    const receiveKeys = concat(receiveKey, aesReceiveKey);
    const initiator = role === 'initiator';
    const status = this.#handle.setSession(
      peer,
      localIndex,
      remoteIndex,
      sendKeys,
      receiveKeys,
      initiator,
      expiresAt,
      now,
    );
    sendKeys.fill(0);
    receiveKeys.fill(0);
    if (status === INDEX_IN_USE) throw new RangeError(`session index ${localIndex} is in use`);
    this.#check(status, peer);
  }

  removeSession(localIndex: number): void {
    this.#handle.removeSession(localIndex);
  }

  setNextHop(dst: NodeId, hop: Endpoint | null): void {
    this.#handle.setNextHop(fromHex(dst), hop === null ? null : endpointBytes(hop));
    this.#rethrow();
  }

  setRelaySources(endpoints: readonly Endpoint[]): void {
    this.#handle.setRelaySources(
      Uint8Array.from(
        endpoints.flatMap((endpoint) => {
          const bytes = endpointBytes(endpoint);
          return [bytes.length, ...bytes];
        }),
      ),
    );
  }

  sendMessage(message: Uint8Array, path: Path, _now: number): void {
    this.#check(this.#handle.sendMessage(message, pathBytes(path)), null);
  }

  sendControl(peer: PeerHandle, type: number, body: Uint8Array, path: Path | null, now: number): boolean {
    if (!Number.isInteger(type) || type < 0x01 || type > 0x0f)
      throw new RangeError(`control type ${type} is not 1..15`);
    if (body.length > this.#controlBody) {
      throw new RangeError(`control body of ${body.length} bytes is over ${this.#controlBody}`);
    }
    const way = path === null ? null : pathBytes(path);
    return this.#check(this.#handle.sendControl(peer, type, body, way, now), peer);
  }

  sendKeepAlive(peer: PeerHandle, now: number): boolean {
    return this.#check(this.#handle.sendKeepAlive(peer, now), peer);
  }

  peerCounters(peer: PeerHandle): PeerCounters | null {
    const values = this.#handle.peerCounters(peer);
    if (values === null) return null;
    const [sentBytes, sentPackets, receivedBytes, receivedPackets, lastDataSent, lastDataReceived] = values;
    const [lastReceived, lastSent, currentSendCounter, currentIndex, queued] = values.slice(6);
    return {
      sentBytes: sentBytes as number,
      sentPackets: sentPackets as number,
      receivedBytes: receivedBytes as number,
      receivedPackets: receivedPackets as number,
      lastDataSent: lastDataSent as number,
      lastDataReceived: lastDataReceived as number,
      lastReceived: lastReceived as number,
      lastSent: lastSent as number,
      currentSendCounter: currentSendCounter as number,
      currentIndex: currentIndex as number,
      queued: queued as number,
    };
  }

  counters(): PlaneCounters {
    const [relayedPackets, relayedBytes, ...causes] = this.#handle.counters();
    const [
      malformed,
      unknownIndex,
      unauthentic,
      replayed,
      foreignSource,
      gateClosed,
      noRoute,
      queueFull,
      relayRefused,
    ] = causes;
    return {
      relayedPackets: relayedPackets as number,
      relayedBytes: relayedBytes as number,
      dropped: {
        malformed: malformed as number,
        unknownIndex: unknownIndex as number,
        unauthentic: unauthentic as number,
        replayed: replayed as number,
        foreignSource: foreignSource as number,
        gateClosed: gateClosed as number,
        noRoute: noRoute as number,
        queueFull: queueFull as number,
        relayRefused: relayRefused as number,
      },
    };
  }

  /** As in the portable plane, while this one does not run. */
  handleDatagram(bytes: Uint8Array, from: Endpoint, now: number): void {
    this.#handle.handleDatagram(bytes, endpointBytes(from), now);
    this.#rethrow();
  }

  /** As in the portable plane, while this one does not run. */
  handlePacket(packet: Uint8Array, now: number): void {
    this.#handle.handlePacket(packet, now);
    this.#rethrow();
  }

  /** As in the portable plane; a running plane ticks by itself. */
  wakeAt(): number | null {
    return this.#handle.wakeAt();
  }

  tick(now: number): void {
    this.#handle.tick(now);
    this.#rethrow();
  }

  /** Starts the threads. Can be done once. @throws Error with `code` where the system has no thread left */
  start(run: NativePlaneRun): void {
    // The shortest of several looks: nothing came between the two clocks.
    let shortest = Number.POSITIVE_INFINITY;
    let offset = 0;
    for (let i = 0; i < 16; i++) {
      const before = performance.now();
      const native = this.#handle.clock();
      const after = performance.now();
      if (after - before >= shortest) continue;
      shortest = after - before;
      offset = before - native;
    }
    this.#running = true;
    this.#handle.start(run.tun, run.udp4, run.udp6, run.offloads, run.uso, offset);
  }

  /** Ends the threads and closes the descriptors. Afterwards no event comes. */
  stop(): void {
    this.#running = false;
    this.#handle.stop();
  }

  /** Datagrams that the system refused, those from addresses that cannot be answered, packets the device refused. */
  ioCounters(): { readonly sendErrors: number; readonly unanswerable: number; readonly writeErrors: number } {
    const [sendErrors, unanswerable, writeErrors] = this.#handle.ioCounters();
    return {
      sendErrors: sendErrors as number,
      unanswerable: unanswerable as number,
      writeErrors: writeErrors as number,
    };
  }

  #report(
    kind: number,
    now: number,
    handle: number,
    index: number,
    bytes: Uint8Array | null,
    origin: Uint8Array | null,
  ): void {
    const what = KINDS[kind];
    const peer = handle as PeerHandle;
    if (what === 'tunLost') this.#onTunLost();
    else if (what === 'handshake' && bytes !== null && origin !== null) {
      this.#events.handshake(bytes, originFrom(origin), now);
    } else if (what === 'noNextHop' && bytes !== null) this.#events.noNextHop(nodeIdFrom(bytes), now);
    else if (!this.#peers.has(peer)) return;
    else if (what === 'control' && bytes !== null && origin !== null) {
      this.#events.control(peer, bytes, originFrom(origin), now);
    } else if (what === 'roamed' && origin !== null) this.#events.roamed(peer, originFrom(origin), now);
    else if (what === 'confirmed') this.#events.confirmed(peer, index, now);
    else if (what === 'noSession') this.#events.noSession(peer, now);
  }

  /** An error must not unwind through native code that goes on calling: the first one is kept until the step is over. */
  #guarded(work: () => void): void {
    if (this.#running) {
      work();
      return;
    }
    try {
      work();
    } catch (error) {
      this.#failure ??= { error };
    }
  }

  #rethrow(): void {
    const failure = this.#failure;
    this.#failure = null;
    if (failure !== null) throw failure.error;
  }

  #check(status: number, peer: PeerHandle | null): boolean {
    this.#rethrow();
    if (status === UNKNOWN_PEER) throw new RangeError(`peer ${peer} is not set`);
    if (status === NO_SELF) throw new RangeError('a relay path needs setSelf first');
    return status === OK;
  }
}
