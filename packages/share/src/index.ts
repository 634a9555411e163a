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
export { Disk, type DiskOptions } from './storage/disk.ts';
export { SwarmDriver, type SwarmDriverOptions } from './engine/swarm-driver.ts';
export type { Space, Stamps } from './storage/disk-messages.ts';
export { DiskStore, type DiskStoreOptions } from './storage/disk-store.ts';
export { clearBit, hasBit, recheck, type RecheckOptions, setBit } from './storage/recheck.ts';
export { ProgressLog, reopen, sample, type Trust } from './storage/resume.ts';
export { ResumeFile, type TorrentProgress, type TorrentRecord, type TorrentSettings } from './storage/resume-file.ts';
