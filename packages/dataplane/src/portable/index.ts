/** The portable data plane: pure, so that simulations and browsers run it too. Imported as `@kith/dataplane/portable`. */
export { PortablePlane, type PlaneIo, type PortablePlaneInit } from './portable-plane.ts';
export type { PlaneCrypto } from './session.ts';
