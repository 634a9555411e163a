/** A data plane on this machine, the native one where it can be had: with a UDP port and a TUN device. */
import { KithError } from '@kith/core';
import type { DataPlane, PLANE_LIMITS, PlaneEvents } from '@kith/mesh';
import type { InterfaceSettings } from './interface.ts';
import { createNativeNodePlane } from './native-node-plane.ts';
import { loadNative, requireNative } from './native.ts';
import { createPortableNodePlane } from './portable-node-plane.ts';
import type { PlaneCrypto } from './portable/index.ts';
import type { UdpCounters } from './udp.ts';

export interface TunSettings extends Omit<InterfaceSettings, 'mtu'> {
  /** Bytes; {@link DEFAULT_MTU} if absent. */
  readonly mtu?: number;
}

export interface NodePlaneInit {
  readonly crypto: PlaneCrypto;
  /**
   * Called from timers and sockets. An error that an event throws is a defect: it reaches the process as an uncaught
   * exception.
   */
  readonly events: PlaneEvents;
  /** UDP port; 0 for any. */
  readonly port: number;
  /** Without it the plane is rootless: it carries control payloads and relayed frames, and drops IP packets. */
  readonly tun?: TunSettings;
  /** The interface was removed by somebody else: packets go nowhere until the plane is made anew. */
  readonly onTunLost?: () => void;
  readonly limits?: Partial<typeof PLANE_LIMITS>;
  /** Bind to loopback only: for tests. */
  readonly loopback?: boolean;
  /** Which plane; without it the environment's `KITH_PLANE` decides, and without that what the machine has. */
  readonly kind?: PlaneKind;
  /**
   * Whether the native plane and the kernel hand each other trains and super-packets; without it the environment's
   * `KITH_OFFLOADS` decides (`on` or `off`), and without that they do.
   */
  readonly offloads?: boolean;
}

export type PlaneKind = 'native' | 'portable';

export interface NodePlane {
  readonly plane: DataPlane;
  readonly kind: PlaneKind;
  /** Why it is this one, for people. */
  readonly reason: string;
  /** What a person could change to make it faster. */
  readonly hints: readonly string[];
  /** The port that is bound. */
  readonly port: number;
  /** The interface's name, null for a rootless plane. */
  readonly interfaceName: string | null;
  /** Monotonic ms: the `now` of every call into the plane. */
  now(): number;
  udp(): UdpCounters;
  /** IP packets that the system did not take from the plane. */
  writeErrors(): number;
  /** Closes port and interface. Afterwards no event comes. */
  stop(): Promise<void>;
}

/**
 * Opens port and interface and starts moving packets. No event comes before it has returned. Which cipher the plane
 * prefers is measured, unless the environment's `KITH_CIPHER` says it (`aes-256-gcm` or `chacha20-poly1305`).
 *
 * @throws KithError PORT_IN_USE, PORT_REFUSED, NATIVE_MISSING, TUN_PERMISSION, TUN_UNAVAILABLE, TUN_BUSY,
 *   PREFIX_OVERLAP, INTERFACE_FAILED, CONFIG_INVALID; whatever was opened is closed again then
 */
export async function createNodePlane(init: NodePlaneInit): Promise<NodePlane> {
  const asked = init.kind ?? kindFrom(process.env['KITH_PLANE']);
  if (asked === 'portable') return createPortableNodePlane(init, 'asked for');
  if (asked === 'native') return createNativeNodePlane(init, requireNative(), 'asked for');
  const loaded = loadNative();
  if (loaded.native === null) return createPortableNodePlane(init, `the native one does not load: ${loaded.reason}`);
  return createNativeNodePlane(init, loaded.native, 'the machine has it');
}

function kindFrom(text: string | undefined): PlaneKind | null {
  if (text === undefined || text === '') return null;
  if (text === 'native' || text === 'portable') return text;
  throw new KithError('CONFIG_INVALID', `KITH_PLANE is ${JSON.stringify(text)}: set it to native or portable`);
}
