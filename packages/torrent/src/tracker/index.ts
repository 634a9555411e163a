/** Trackers, both sides, without sockets: what is said over HTTP, UDP and WebSocket, when to say it, and who is in which swarm. */
export {
  type AnnounceAnswer,
  type AnnounceEvent,
  type AnnounceRequest,
  type ScrapeEntry,
  shown,
  TrackerError,
  type TrackerFailure,
} from './announce.ts';
export { ConnectionIds } from './connection-ids.ts';
export { HashLists } from './hash-lists.ts';
export { ANSWER_LIMITS, announceUrl, parseHttpAnnounce, parseHttpScrape, scrapeUrl } from './http-codec.ts';
export { HttpResponder } from './http-responder.ts';
export { Relay, type RelayLink, type RelayPeer } from './relay.ts';
export { AnnounceSchedule, type DueAnnounce, type ScheduleOptions, type TrackerStatus } from './schedule.ts';
export { type ServiceCounts, type ServiceOptions, TrackerService } from './service.ts';
export type { Family, SwarmLimits } from './swarm-table.ts';
export {
  encodeConnect,
  encodeUdpAnnounce,
  encodeUdpScrape,
  MOST_SCRAPED,
  parseUdpAnswer,
  type UdpAnswer,
} from './udp-codec.ts';
export { MOST_ANSWER, UdpResponder } from './udp-responder.ts';
export {
  formatRelayAnnounce,
  formatRelayAnswer,
  formatRelayScrape,
  type Offer,
  parseRelayMessage,
  parseRelayRequest,
  RELAY_LIMITS,
  type RelayMessage,
} from './ws-codec.ts';
