import { equalBytes } from '@kith/core';
import type { Duplex, PeerAddress } from '../wire/duplex.ts';
import type { WireHandler } from '../wire/handler.ts';
import type { Handshake } from '../wire/handshake.ts';
import type { Encryption } from '../wire/mse.ts';
import { PeerWire, type Attachment } from '../wire/peer-wire.ts';
import { Bits } from './bits.ts';
import { Peer } from './peer.ts';
import type { Torrent } from './torrent.ts';

/** WebRTC encrypts by itself (RFC 8831, section 4), and its other programs know no other encryption. */
export function encryptionFor(duplex: Duplex, encryption: Encryption | undefined): Encryption | undefined {
  return duplex.kind === 'webrtc' ? undefined : encryption;
}

/** Who becomes a peer of a torrent: connections up to the handshake, and what is said first. */
export class Admission {
  readonly #torrent: Torrent;

  constructor(torrent: Torrent) {
    this.#torrent = torrent;
  }

  /** A dial succeeded. */
  dialed(duplex: Duplex, address: PeerAddress, plain: boolean, now: number): void {
    const torrent = this.#torrent;
    const encryption = encryptionFor(duplex, torrent.context.encryption);
    const other = torrent.infoHash === undefined ? undefined : torrent.infoHashV2?.subarray(0, 20);
    const connect = (handler: WireHandler): PeerWire =>
      PeerWire.dialed(duplex, handler, {
        handshake: this.#handshake(torrent.key),
        ...(other === undefined ? {} : { otherInfoHash: other }),
        ...(encryption === undefined ? {} : { encryption: plain ? { ...encryption, policy: 'off' } : encryption }),
      });
    this.#open(new Peer(torrent, torrent.connections.nextNumber(), address, connect, now), now);
  }

  /** Undefined where it is turned away. */
  accepted(wire: PeerWire, handshake: Handshake, now: number): Attachment | undefined {
    const torrent = this.#torrent;
    if (!torrent.active) return undefined;
    if (torrent.connections.size >= torrent.limits.connectionsPerTorrent) return undefined;
    if (torrent.connections.countFrom(wire.remote.ip) >= torrent.limits.connectionsPerAddress) return undefined;
    const peer = new Peer(torrent, torrent.connections.nextNumber(), wire.remote, () => wire, now);
    this.#open(peer, now);
    // A hybrid's v2 side is preferred where the peer knows of it (BEP 52, "upgrade path").
    const upgrade = handshake.v2 && torrent.infoHashV2 !== undefined;
    const infoHash = upgrade ? torrent.infoHashV2.subarray(0, 20) : handshake.infoHash;
    peer.upgraded = upgrade;
    return { handler: peer.messages, handshake: this.#handshake(infoHash) };
  }

  /** The peer's handshake came. */
  ready(peer: Peer, handshake: Handshake, now: number): void {
    const torrent = this.#torrent;
    const { context } = torrent;
    if (equalBytes(handshake.peerId, context.peerId)) {
      torrent.book.refuse(peer.remote);
      // The end that dialled knows the address not to dial again, and has to hear with whom it talks.
      peer.flush();
      peer.close('connected to itself', now);
      return;
    }
    if (context.isBanned(handshake.peerId, now)) {
      peer.close('banned', now);
      return;
    }
    const duplicate = torrent.connections.duplicateOf(peer, context.peerId);
    duplicate?.close('connected twice', now);
    if (duplicate === peer) return;
    if (!peer.wire.incoming) torrent.book.connected(peer.remote);
    if (handshake.extensions) torrent.exchange.introduce(peer);
    if (torrent.have.complete && peer.fast) peer.wire.haveAll();
    else if (torrent.have.count > 0) peer.wire.bitfield(torrent.have.toWire());
    else if (peer.fast) peer.wire.haveNone();
    peer.haveTold = torrent.haveLog.end;
    if (context.dht && handshake.dht && !torrent.private) peer.wire.port(context.port);
    if (torrent.knowsPieces) peer.pieces = new Bits(torrent.pieceCount);
    peer.known = true;
    torrent.download?.addPeer(peer);
    if (peer.v2) torrent.hashFetch?.fill(peer, now);
    torrent.emit({ kind: 'peer-connected', torrent: torrent, address: peer.remote });
  }

  #open(peer: Peer, now: number): void {
    const torrent = this.#torrent;
    torrent.connections.add(peer);
    torrent.context.connectionOpened();
    torrent.wakeAt(now + 1000);
  }

  #handshake(infoHash: Uint8Array): Handshake {
    const torrent = this.#torrent;
    const { peerId, dht } = torrent.context;
    const v2 = torrent.infoHashV2 !== undefined;
    return { infoHash, peerId, extensions: true, fast: true, dht: dht && !torrent.private, v2 };
  }
}
