/**
 * The WireGuard protocol without I/O, clock or randomness of its own: codecs, handshake, cookies, replay window,
 * timers, and the {@link Device} that ties them together. Source throughout: the WireGuard white paper.
 */
export * from './cookie.ts';
export * from './device.ts';
export * from './messages.ts';
export * from './noise.ts';
export type { PeerOptions } from './peer.ts';
export * from './ratelimit.ts';
export * from './replay.ts';
export * from './sessions.ts';
export * from './tai64n.ts';
export * from './timers.ts';
export * from './transport.ts';
