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
export {
  type FastdCounter,
  type FastdPeer,
  fastdStatus,
  type FastdStatus,
  type FastdTraffic,
} from './tunnels/fastd-status.ts';
export { KeyBroker, type KeyBrokerOptions } from './broker/key-broker.ts';
export { KeyServer, type KeyServerOptions } from './broker/key-server.ts';
export { admittedRouters } from './broker/router-file.ts';
export { type DaemonReport, type Daemons, type DaemonState } from './supervisor/daemons.ts';
export { isDaemonValue } from './supervisor/record.ts';
export { Supervisor, type SupervisorOptions } from './supervisor/supervisor.ts';
export { observe } from './observe/observe.ts';
export { type Loaded } from './map/book-file.ts';
export {
  type MapEvent,
  type MapOptions,
  MapService,
  type MapSnapshot,
  type NewsItem,
  type Served,
} from './map/map-service.ts';
export { type CollectorEvent, type CollectorSnapshot, type Complaint } from './respondd/collector.ts';
export { type Refusal } from './respondd/intake.ts';
export { type Segment } from './respondd/links.ts';
export { OwnDocuments, type OwnOptions } from './respondd/own-documents.ts';
export {
  type Ignored,
  Responder,
  type ResponderLimits,
  type ResponderOptions,
  type ResponderSnapshot,
} from './respondd/responder.ts';
export type { KeptBan } from './bans/ban-book.ts';
export { BanKeeper, type BanKeeperOptions } from './bans/ban-keeper.ts';
export type { InForce } from './apply/ownership.ts';
export type { Progress, Tell } from './apply/progress.ts';
export {
  type Applied,
  type Order,
  type Pending,
  type Recovery,
  Transactions,
  type TransactionsOptions,
} from './apply/transactions.ts';
export { setDeadEnd } from './exit/dead-end.ts';
export { hostFacts, hostOn, type HostOptions } from './facts/host.ts';
export { hasWayOut } from './facts/way-out.ts';
export { identityIn } from './identity/identity.ts';
export { fix, type Hands } from './doctor/fix.ts';
export { type Examination, examine, type ExamineOptions, type Patient } from './doctor/examine.ts';
export {
  type BanFigures,
  type DomainFigures,
  gatherGateway,
  type GatewayFigures,
  type GatewaySources,
  leasesIn,
} from './metrics/gateway-figures.ts';
export { type Lease } from './metrics/leases.ts';
export { type MemberFigures, type MeshFigures } from './metrics/mesh-figures.ts';
export { type Figures, METRICS_TYPE, metricsText } from './metrics/metrics.ts';
export { type RuleCount } from './metrics/rule-counters.ts';
export { type ShareFigures } from './metrics/share-figures.ts';
export { type InterfaceCounts } from './proc.ts';
export type { Grain } from './traffic/slot.ts';
export { trafficText } from './traffic/text.ts';
export {
  TrafficHistory,
  type TrafficHistoryOptions,
  type TrafficRate,
  type TrafficRow,
} from './traffic/traffic-history.ts';
