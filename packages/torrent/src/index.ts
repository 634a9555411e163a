/** BitTorrent v1, v2 and hybrid without a platform: formats, wire, swarm, trackers and DHT as pure state machines. */
export * as bencode from './bencode.ts';
export * as dht from './dht/index.ts';
export * as tracker from './tracker/index.ts';
export {
  buildTorrent,
  pieceLengthFor,
  planTorrent,
  type PieceHashes,
  type PlannedFile,
  type PlanOptions,
  type SourceFile,
  type TorrentOptions,
  type TorrentPlan,
} from './metainfo/create.ts';
export { HashTree, type HashTreeOptions } from './metainfo/hash-tree.ts';
export { formatMagnet, magnetOf, parseMagnet, type Magnet, type MagnetPeer } from './metainfo/magnet.ts';
export { leavesOf, merkleRoot, powerOfTwo } from './metainfo/merkle.ts';
export { infoHash20, type Geometry, type Metainfo, type TorrentFile } from './metainfo/metainfo.ts';
export { parseInfo, parseTorrent, type ParseOptions, type TorrentLimits } from './metainfo/parse.ts';
export type { NameRules } from './metainfo/paths.ts';
export type { CommitResult, PieceBuffer, PieceCheck, PieceStore } from './storage/piece-store.ts';
export { judge, judgeLater, type LaterHashes } from './storage/judge.ts';
export { Layout, piecesOf, type Segment } from './storage/layout.ts';
export { MemoryStore } from './storage/memory-store.ts';
export { pieceCheck } from './storage/piece-check.ts';
export { type ByteRange, parseRange } from './stream/range.ts';
export type { StreamFile, StreamFolder, StreamReader } from './stream/stream-file.ts';
export { type StreamSource, TorrentStream, type TorrentStreamOptions } from './stream/torrent-stream.ts';
export { Bits } from './swarm/bits.ts';
export type { SwarmEvent, TorrentState } from './swarm/event.ts';
export { SWARM_LIMITS, type SwarmLimits } from './swarm/limits.ts';
export type { PeerSource } from './swarm/peer-book.ts';
export { HIGHEST_PRIORITY, NORMAL_PRIORITY, type PickOrder } from './swarm/piece-picker.ts';
export { Session, type AddOptions, type Dial, type SessionOptions } from './swarm/session.ts';
export type { FileSnapshot, PeerSnapshot, TorrentSnapshot } from './swarm/snapshot.ts';
export type { Torrent } from './swarm/torrent.ts';
export type { Copy } from './wire/copy.ts';
export type { Duplex, DuplexHandler, PeerAddress } from './wire/duplex.ts';
export type { ExtensionMessage, PexPeer } from './wire/extension.ts';
export type { HashRange, WireHandler } from './wire/handler.ts';
export type { Handshake } from './wire/handshake.ts';
export { KEY_LENGTH, portableDiffieHellman, PRIME_HEX, SECRET_LENGTH } from './wire/diffie-hellman.ts';
export type { DiffieHellman, KeyExchange } from './wire/diffie-hellman.ts';
export { WireError } from './wire/error.ts';
export { WIRE_LIMITS, type WireLimits } from './wire/limits.ts';
export { MemoryDuplex, type MemoryDuplexOptions } from './wire/memory-duplex.ts';
export { torrentKey, type Encryption, type EncryptionPolicy } from './wire/mse.ts';
export { PeerWire } from './wire/peer-wire.ts';
export type { Attachment, DialedOptions, WireLookup, WireOptions } from './wire/peer-wire.ts';
export { PEX_MOST } from './wire/pex.ts';
export { BLOCK, type Hashes } from './hashes.ts';
