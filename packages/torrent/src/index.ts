/** BitTorrent v1, v2 and hybrid without a platform: formats, wire, swarm, trackers and DHT as pure state machines. */
export * as bencode from './bencode.ts';
export type { Geometry, Metainfo, TorrentFile } from './metainfo/metainfo.ts';
export type { CommitResult, PieceBuffer, PieceCheck, PieceStore } from './storage/piece-store.ts';
export { judge } from './storage/judge.ts';
export { Layout, piecesOf, type Segment } from './storage/layout.ts';
export { MemoryStore } from './storage/memory-store.ts';
export { pieceCheck } from './storage/piece-check.ts';
export type { Duplex, DuplexHandler, PeerAddress } from './wire/duplex.ts';
export type { ExtensionMessage, PexPeer } from './wire/extension.ts';
export type { HashRange, WireHandler } from './wire/handler.ts';
export type { Handshake } from './wire/handshake.ts';
export { BLOCK, type Hashes } from './hashes.ts';
