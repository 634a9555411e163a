/** The gateway of this machine, as its keeper tells. */
import { KithError } from '@kith/core';
import type { GatewaySource } from './sources.ts';

export function keeperSource(): GatewaySource {
  const none = (): Promise<never> =>
    Promise.reject(new KithError('FACE_NO_GATEWAY', 'no gateway is applied on this machine'));
  return {
    report: () => Promise.resolve(null),
    routers: () => Promise.resolve(null),
    examine: none,
    ban: none,
    unban: none,
  };
}
