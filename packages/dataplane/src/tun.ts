/** A TUN device of Linux, with errors for people. */
import { codeOf, KithError } from '@kith/core';
import { requireNative, type NativeTun } from './native.ts';

export interface TunOptions {
  /** Name of the interface, at most 15 bytes; `kith%d` lets the kernel count. */
  readonly name: string;
  /** Bytes of the longest IP packet. */
  readonly mtu: number;
  /** Packets that this machine sends into the mesh, in batches. The arrays are the receiver's to keep. */
  readonly onPackets: (packets: readonly Uint8Array[]) => void;
  /** The interface was removed under us: nothing comes any more. */
  readonly onEnded: () => void;
}

export type TunDevice = NativeTun;

/** What a failed open means for a person. */
export function explainTunError(cause: unknown, name: string): KithError {
  const code = codeOf(cause);
  const syscall: unknown = cause instanceof Error ? Reflect.get(cause, 'syscall') : undefined;
  const why = cause instanceof Error ? cause.message : String(cause);
  if (code === 'EPERM' || code === 'EACCES') {
    return new KithError(
      'TUN_PERMISSION',
      `interface ${name} needs CAP_NET_ADMIN (${why}): run kith as root, or \`setcap cap_net_admin+ep ${process.execPath}\``,
      { cause },
    );
  }
  if (syscall === 'open' && (code === 'ENOENT' || code === 'ENODEV' || code === 'ENXIO')) {
    return new KithError('TUN_UNAVAILABLE', `/dev/net/tun is missing (${why}): load the driver with \`modprobe tun\``, {
      cause,
    });
  }
  if (syscall === 'TUNSETIFF' && (code === 'EBUSY' || code === 'EEXIST' || code === 'EINVAL')) {
    return new KithError('TUN_BUSY', `interface name ${name} is in use (${why}): choose another name`, { cause });
  }
  return new KithError('INTERFACE_FAILED', `interface ${name} cannot be made: ${why}`, { cause });
}

/** @throws KithError NATIVE_MISSING, TUN_PERMISSION, TUN_UNAVAILABLE, TUN_BUSY, INTERFACE_FAILED */
export function openTun(options: TunOptions): TunDevice {
  const native = requireNative();
  try {
    return native.openTun(options.name, options.mtu, (packets, ended) => {
      if (packets.length > 0) options.onPackets(packets);
      if (ended) options.onEnded();
    });
  } catch (cause) {
    throw explainTunError(cause, options.name);
  }
}
