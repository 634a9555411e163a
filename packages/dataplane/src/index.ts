/** The data plane below the contract of `@kith/mesh`: UDP port, TUN device, packets; and the primitives of OpenSSL. */
export { setCapabilities, type Capability } from './capabilities.ts';
export {
  configureInterface,
  DEFAULT_MTU,
  mtuFor,
  readUsedPrefixes,
  refuseOverlap,
  type InterfaceSettings,
  type UsedPrefix,
} from './interface.ts';
export { loadNative, type NativeBinding, type NativeLoad, type NativeTun } from './native.ts';
export { nodeCrypto } from './node-crypto.ts';
export { NativePlane, type NativePlaneInit, type NativePlaneRun } from './native-plane.ts';
export { createNodePlane, type NodePlane, type NodePlaneInit, type PlaneKind, type TunSettings } from './node-plane.ts';
export { PortablePlane, type PlaneIo, type PortablePlaneInit } from './portable/index.ts';
export { openTun, type TunDevice, type TunOptions } from './tun.ts';
export { UdpPort, type UdpCounters, type UdpOptions } from './udp.ts';
