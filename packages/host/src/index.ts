/**
 * A gateway's host: what is on it is observed and changed, daemons are supervised, routers asked, services probed from
 * their clients' side. The decisions are `@kith/gateway`'s; here are the hands.
 */
export { must, type Ran, run, type RunOptions } from './command.ts';
export { type BatmanStatus, batmanMesh, batmanStatus } from './batman/status.ts';
export type {
  GatewayMode,
  HardInterface,
  LocalClient,
  BatmanMesh,
  MeshGateway,
  MeshNeighbour,
  Originator,
  Quality,
  RemoteClient,
} from './batman/tables.ts';
export { type DaemonReport, type Daemons, type DaemonState } from './supervisor/daemons.ts';
export { isDaemonValue } from './supervisor/record.ts';
export { Supervisor, type SupervisorOptions } from './supervisor/supervisor.ts';
export { observe } from './observe/observe.ts';
