/** The native addon: loaded once, absent where it was neither built nor brought along for this machine. */
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KithError } from '@kith/core';

/** A TUN device as the addon hands it out. */
export interface NativeTun {
  readonly fd: number;
  /** The interface's name, chosen by the kernel where none was asked for. */
  readonly name: string;
  /** False where the packet was not taken: it is dropped. */
  write(packet: Uint8Array): boolean;
  /** Closes the device; its interface disappears. A second call does nothing. */
  close(): void;
}

/** A plane as the addon hands it out; see native/plane_binding.cc for the bytes. Used by `NativePlane` only. */
export interface NativePlaneHandle {
  setSelf(id: Uint8Array): void;
  setPeer(
    peer: number,
    allowed: Uint8Array,
    path: Uint8Array | null,
    open: boolean,
    aes: boolean,
    keepAlive: number,
    now: number,
  ): number;
  removePeer(peer: number): void;
  setSession(
    peer: number,
    localIndex: number,
    remoteIndex: number,
    sendKeys: Uint8Array,
    receiveKeys: Uint8Array,
    initiator: boolean,
    expiresAt: number,
    now: number,
  ): number;
  removeSession(localIndex: number): void;
  setNextHop(dst: Uint8Array, hop: Uint8Array | null): void;
  setRelaySources(endpoints: Uint8Array): void;
  sendMessage(message: Uint8Array, path: Uint8Array): number;
  sendControl(peer: number, type: number, body: Uint8Array, path: Uint8Array | null, now: number): number;
  sendKeepAlive(peer: number, now: number): number;
  peerCounters(peer: number): readonly number[] | null;
  counters(): readonly number[];
  handleDatagram(bytes: Uint8Array, from: Uint8Array, now: number): void;
  handlePacket(packet: Uint8Array, now: number): void;
  wakeAt(): number | null;
  tick(now: number): void;
  start(tun: number, udp4: number, udp6: number, offloads: boolean, uso: boolean, clockOffset: number): void;
  stop(): void;
  ioCounters(): readonly number[];
  clock(): number;
}

export interface NativePlaneCallbacks {
  report(
    kind: number,
    now: number,
    peer: number,
    index: number,
    bytes: Uint8Array | null,
    origin: Uint8Array | null,
  ): void;
  sendDatagram(bytes: Uint8Array, to: Uint8Array): void;
  writePacket(packet: Uint8Array): void;
}

export interface NativePlaneLimits {
  readonly queuePerPeer: number;
  readonly controlBody: number;
  readonly noNextHopMemory: number;
  readonly ttl: number;
}

export interface NativeBinding {
  /**
   * Throws an `Error` whose `code` is the name of the system's error and whose `syscall` is what failed.
   *
   * @param onPackets called with up to 64 packets at a time; `ended` says that no more will come, because the interface
   *   was removed
   */
  openTun(name: string, mtu: number, onPackets: (packets: readonly Uint8Array[], ended: boolean) => void): NativeTun;
  /**
   * A TUN device with vnet_hdr as a bare descriptor. Throws like {@link openTun}.
   *
   * @param offloads let the kernel hand over super-packets, of all kinds that it has
   */
  openOffloadTun(
    name: string,
    mtu: number,
    offloads: boolean,
  ): { readonly fd: number; readonly name: string; readonly uso: boolean };
  /**
   * A bound socket as a bare descriptor. Throws like {@link openTun}.
   *
   * @param family 4 or 6
   * @param offloads let the kernel hand over trains of datagrams
   */
  openUdp(
    family: number,
    port: number,
    loopback: boolean,
    offloads: boolean,
  ): {
    readonly fd: number;
    readonly port: number;
    /** Bytes of the receive buffer that the system gave. */
    readonly buffer: number;
  };
  closeDescriptor(fd: number): void;
  createPlane(callbacks: NativePlaneCallbacks, limits: NativePlaneLimits): NativePlaneHandle;
  /**
   * For tests: seals or opens, null where the bytes are not authentic.
   *
   * @param evp only by OpenSSL's public interface
   */
  aead(
    key: Uint8Array,
    counter: number,
    bytes: Uint8Array,
    open: boolean,
    evp: boolean,
    lone: boolean,
  ): Uint8Array | null;
  /** For tests: the same with AES-256-GCM. */
  aes(key: Uint8Array, counter: number, bytes: Uint8Array, open: boolean): Uint8Array | null;
  /** Whether AES-256-GCM is clearly the faster cipher here. The first call measures it, in about a millisecond. */
  prefersAes(): boolean;
  /** For tests: virtio_net_hdr and packet → the packets it is cut into; null where it is malformed. */
  segment(superPacket: Uint8Array): readonly Uint8Array[] | null;
  /** For tests: packets → virtio_net_hdr and packet each. @param udp merge datagrams of UDP as well */
  coalesce(packets: readonly Uint8Array[], udp: boolean): readonly Uint8Array[];
  /** @param keep numbers of linux/capability.h */
  setCapabilities(keep: readonly number[]): void;
}

/** Either the addon or the reason why there is none. */
export type NativeLoad = { readonly native: NativeBinding } | { readonly native: null; readonly reason: string };

let loaded: NativeLoad | undefined;

/** Loads the addon. Never throws; the answer stays the same for the life of the process. */
export function loadNative(): NativeLoad {
  loaded ??= load(dirname(dirname(fileURLToPath(import.meta.url))));
  return loaded;
}

function isBinding(value: unknown): value is NativeBinding {
  return typeof value === 'object' && value !== null && 'createPlane' in value && 'setCapabilities' in value;
}

/** @param folder the package's folder, with `build/` or `prebuilds/` in it; what was built here comes first */
export function load(folder: string): NativeLoad {
  const require = createRequire(import.meta.url);
  const path = find(require, folder);
  if (path === null) {
    return { native: null, reason: `not built here, and no prebuilt one fits ${process.platform} on ${process.arch}` };
  }
  try {
    const native: unknown = require(path);
    if (isBinding(native)) return { native };
    return { native: null, reason: `${path} is of another version` };
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    return { native: null, reason: text.split('\n', 1)[0] as string };
  }
}

function find(require: NodeJS.Require, folder: string): string | null {
  const nodeGypBuild: { path(folder: string): string } = require('node-gyp-build');
  try {
    return nodeGypBuild.path(folder);
  } catch {
    return null;
  }
}

/** @throws KithError NATIVE_MISSING */
export function requireNative(): NativeBinding {
  const result = loadNative();
  if (result.native !== null) return result.native;
  throw new KithError('NATIVE_MISSING', `the native part of the data plane does not load: ${result.reason}`);
}
