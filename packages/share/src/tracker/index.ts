/** Trackers on sockets: the server with its three faces, and the clients. */
export { Announcer, type AnnouncerOptions, type AnnounceState, trackerClient, trackerProblem } from './announcer.ts';
export { HttpTracker } from './http-tracker.ts';
export { SERVER_LIMITS, type ServerLimits, type TrackerServerOptions } from './server-options.ts';
export type { TrackerStats } from './stats.ts';
export type { TrackerClient, TrackerClientOptions } from './tracker-client.ts';
export { TrackerServer } from './tracker-server.ts';
export { UdpTracker, type UdpTrackerOptions } from './udp-tracker.ts';
export {
  type RemoteDescription,
  type Signalling,
  WebSocketTracker,
  type WebSocketTrackerOptions,
} from './websocket-tracker.ts';
