/** Rights of this process (capabilities(7)): kith keeps those it works with and gives up the rest. */
import { KithError } from '@kith/core';
import { requireNative } from './native.ts';

/** Numbers of linux/capability.h. */
const CAPABILITIES = { dac_override: 1, net_bind_service: 10, net_admin: 12, net_raw: 13 } as const;

export type Capability = keyof typeof CAPABILITIES;

/**
 * Every thread of this process keeps the named capabilities and no other: effective, permitted, inheritable, ambient
 * and, where the process may change it, the bounding set. Programs started later get no more than these.
 *
 * @throws KithError NATIVE_MISSING; CAPABILITIES_KEPT where the process does not have one of them or a thread resists
 */
export function setCapabilities(keep: readonly Capability[]): void {
  const native = requireNative();
  try {
    native.setCapabilities(keep.map((name) => CAPABILITIES[name]));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new KithError('CAPABILITIES_KEPT', `cannot reduce the rights to ${keep.join(', ') || 'none'}: ${why}`, {
      cause,
    });
  }
}
