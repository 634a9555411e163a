/** The torrent engine on Node: sockets, disks, workers and timers around the pure parts of `@kith/torrent`. */
export { nodeDiffieHellman } from './net/node-diffie-hellman.ts';
export { EVERYBODY, LOOPBACK_ONLY, within, type PeerFilter } from './net/peer-filter.ts';
export { DialError, TcpDialer, type DialOptions, type TcpDialerOptions } from './net/tcp-dialer.ts';
export type { Clock, TcpDuplex } from './net/tcp-duplex.ts';
export { LISTENER_LIMITS, TcpListener } from './net/tcp-listener.ts';
export type { ListenerLimits, Refusals, TcpListenerOptions } from './net/tcp-listener.ts';
export { createTorrent, type Created, type CreateOptions, type CreateProgress } from './create/create-torrent.ts';
export { nodeHashes } from './node-hashes.ts';
export * from './tracker/index.ts';
