/** The native addon: loaded once, absent where it was not built. */
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

export interface NativeBinding {
  /**
   * Throws an `Error` whose `code` is the name of the system's error and whose `syscall` is what failed.
   *
   * @param onPackets called with up to 64 packets at a time; `ended` says that no more will come, because the interface
   *   was removed
   */
  openTun(name: string, mtu: number, onPackets: (packets: readonly Uint8Array[], ended: boolean) => void): NativeTun;
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
  return typeof value === 'object' && value !== null && 'openTun' in value && 'setCapabilities' in value;
}

/** @param folder the package's folder, with `build/` or `prebuilds/` in it */
export function load(folder: string): NativeLoad {
  const require = createRequire(import.meta.url);
  try {
    const find: (folder: string) => unknown = require('node-gyp-build');
    const native = find(folder);
    if (isBinding(native)) return { native };
    return { native: null, reason: `the addon below ${folder} is of another version` };
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    return { native: null, reason: text.split('\n', 1)[0] as string };
  }
}

/** @throws KithError NATIVE_MISSING */
export function requireNative(): NativeBinding {
  const result = loadNative();
  if (result.native !== null) return result.native;
  throw new KithError('NATIVE_MISSING', `the native part of the data plane does not load: ${result.reason}`);
}
