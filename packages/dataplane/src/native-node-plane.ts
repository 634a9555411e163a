/** The native plane on this machine: a device with offloads and sockets, handed to threads of its own. */
import { codeOf, KithError } from '@kith/core';
import { choosesAes } from './cipher-choice.ts';
import { configureInterface, DEFAULT_MTU } from './interface.ts';
import { NativePlane } from './native-plane.ts';
import type { NativeBinding } from './native.ts';
import type { NodePlane, NodePlaneInit } from './node-plane.ts';
import { explainTunError } from './tun.ts';
import { BIND_ATTEMPTS, explainPortError, NO_IPV6 } from './udp.ts';

interface Sockets {
  readonly v4: number;
  /** -1 where the machine has no IPv6. */
  readonly v6: number;
  readonly port: number;
  /** Bytes of the receive buffer. */
  readonly buffer: number;
}

/** Asked for, see native/port.cc; less makes bursts get lost where traffic is fast. */
const SOCKET_BUFFER = 7 * 1024 * 1024;

/** One port for both families, as `UdpPort` has it. @throws KithError PORT_IN_USE, PORT_REFUSED */
function openSockets(native: NativeBinding, port: number, loopback: boolean, offloads: boolean): Sockets {
  for (let attempt = 1; ; attempt++) {
    const v4 = ((): ReturnType<NativeBinding['openUdp']> => {
      try {
        return native.openUdp(4, port, loopback, offloads);
      } catch (cause) {
        throw explainPortError(cause, port);
      }
    })();
    try {
      return { v4: v4.fd, v6: native.openUdp(6, v4.port, loopback, offloads).fd, port: v4.port, buffer: v4.buffer };
    } catch (cause) {
      if (NO_IPV6.has(codeOf(cause))) return { v4: v4.fd, v6: -1, port: v4.port, buffer: v4.buffer };
      native.closeDescriptor(v4.fd);
      if (port !== 0 || codeOf(cause) !== 'EADDRINUSE' || attempt >= BIND_ATTEMPTS) throw explainPortError(cause, port);
    }
  }
}

function openDevice(
  native: NativeBinding,
  name: string,
  mtu: number,
  offloads: boolean,
): ReturnType<NativeBinding['openOffloadTun']> {
  try {
    return native.openOffloadTun(name, mtu, offloads);
  } catch (cause) {
    throw explainTunError(cause, name);
  }
}

function offloadsFrom(text: string | undefined): boolean {
  if (text === undefined || text === '' || text === 'on') return true;
  if (text === 'off') return false;
  throw new KithError('CONFIG_INVALID', `KITH_OFFLOADS is ${JSON.stringify(text)}: set it to on or off`);
}

/** See `createNodePlane`. @param reason why it is this plane */
export async function createNativeNodePlane(
  init: NodePlaneInit,
  native: NativeBinding,
  reason: string,
): Promise<NodePlane> {
  const open: number[] = [];
  const offloads = init.offloads ?? offloadsFrom(process.env['KITH_OFFLOADS']);
  try {
    const sockets = openSockets(native, init.port, init.loopback === true, offloads);
    open.push(...[sockets.v4, sockets.v6].filter((fd) => fd >= 0));
    let device: ReturnType<NativeBinding['openOffloadTun']> | null = null;
    if (init.tun !== undefined) {
      const settings = { ...init.tun, mtu: init.tun.mtu ?? DEFAULT_MTU };
      device = openDevice(native, settings.name, settings.mtu, offloads);
      open.push(device.fd);
      await configureInterface({ ...settings, name: device.name });
    }
    const plane = new NativePlane({
      native,
      events: init.events,
      prefersAes: choosesAes(() => native.prefersAes()),
      ...(init.limits === undefined ? {} : { limits: init.limits }),
      ...(init.onTunLost === undefined ? {} : { onTunLost: init.onTunLost }),
    });
    plane.start({ tun: device?.fd ?? -1, udp4: sockets.v4, udp6: sockets.v6, offloads, uso: device?.uso ?? false });
    return {
      plane,
      kind: 'native',
      reason: offloads ? reason : `${reason}, without offloads`,
      hints:
        sockets.buffer >= SOCKET_BUFFER
          ? []
          : [
              `the system caps socket buffers at ${sockets.buffer} bytes, which loses fast traffic: ` +
                `\`sysctl -w net.core.rmem_max=${SOCKET_BUFFER} net.core.wmem_max=${SOCKET_BUFFER}\``,
            ],
      port: sockets.port,
      interfaceName: device?.name ?? null,
      now: () => performance.now(),
      udp: () => plane.ioCounters(),
      writeErrors: () => plane.ioCounters().writeErrors,
      stop: async () => plane.stop(),
    };
  } catch (error) {
    for (const fd of open) native.closeDescriptor(fd);
    throw error;
  }
}
