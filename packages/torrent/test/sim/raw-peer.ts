import {
  infoHash20,
  PeerWire,
  type Duplex,
  type ExtensionMessage,
  type Handshake,
  type HashRange,
  type Metainfo,
  type WireHandler,
} from '@kith/torrent';
import { drawer, type Network, type SimNode } from './network.ts';

export interface RawPeerOptions {
  /** What it says the metadata is. */
  readonly metadata?: Uint8Array;
  readonly up?: number;
}

/** A peer that does what a test says, and nothing by itself but what its options name. */
export class RawPeer implements WireHandler {
  readonly node: SimNode;
  wire: PeerWire | undefined;
  ready = false;
  ended: string | undefined;
  unchoked = false;
  readonly requests: [piece: number, begin: number, length: number][] = [];
  rejected = 0;
  received = 0;
  /** The block that came last. */
  lastBlock: Uint8Array = new Uint8Array(0);
  readonly heard: string[] = [];
  onReady: () => void = () => undefined;
  onExtensions: () => void = () => undefined;
  onRequest: (piece: number, begin: number, length: number) => void = () => undefined;
  readonly #options: RawPeerOptions;
  readonly #handshake: Handshake;

  /** A node whose incoming connections speak through one such peer each, the last one kept. */
  static listen(network: Network, metainfo: Metainfo, options: RawPeerOptions = {}): RawPeer {
    const node = network.node(options.up === undefined ? {} : { up: options.up });
    const peer = new RawPeer(node, metainfo, options);
    node.onAccept = (duplex: Duplex) => {
      PeerWire.accepted(duplex, {
        findTorrent: () => undefined,
        attach: (wire) => {
          peer.wire = wire;
          return { handler: peer, handshake: peer.#handshake };
        },
        closed: () => undefined,
      });
    };
    return peer;
  }

  /** Connects to a node. */
  static dial(network: Network, metainfo: Metainfo, to: SimNode, from: SimNode = network.node()): RawPeer {
    const peer = new RawPeer(from, metainfo, {});
    const line = from.dial(to);
    network.at(network.now + 2 * from.latency, () => {
      peer.wire = PeerWire.dialed(line, peer, { handshake: peer.#handshake });
    });
    return peer;
  }

  constructor(node: SimNode, metainfo: Metainfo, options: RawPeerOptions) {
    this.node = node;
    this.#options = options;
    this.#handshake = {
      infoHash: infoHash20(metainfo),
      peerId: drawer(`raw/${node.address.ip}`)(20),
      extensions: true,
      fast: true,
      dht: false,
      v2: false,
    };
  }

  handshake(): void {
    this.ready = true;
    const { metadata } = this.#options;
    this.wire?.extension({
      kind: 'handshake',
      ...(metadata === undefined ? {} : { metadataSize: metadata.length }),
      uploadOnly: false,
      speaks: { metadata: true, pex: true, dontHave: true },
    });
    this.onReady();
  }
  choke(): void {
    this.unchoked = false;
  }
  unchoke(): void {
    this.unchoked = true;
  }
  interested(): void {
    this.heard.push('interested');
  }
  notInterested(): void {
    this.heard.push('not interested');
  }
  have(): void {}
  bitfield(): void {}
  haveAll(): void {}
  haveNone(): void {}
  request(piece: number, begin: number, length: number): void {
    this.requests.push([piece, begin, length]);
    this.onRequest(piece, begin, length);
  }
  cancel(): void {
    this.heard.push('cancel');
  }
  reject(): void {
    this.rejected++;
  }
  suggest(): void {}
  allowedFast(): void {
    this.heard.push('allowed fast');
  }
  port(): void {}
  blockStart(_piece: number, _begin: number, length: number): Uint8Array | undefined {
    this.lastBlock = new Uint8Array(length).fill(255);
    return this.lastBlock;
  }
  block(_piece: number, _begin: number, length: number): void {
    this.received += length;
  }
  extension(message: ExtensionMessage): void {
    const { metadata } = this.#options;
    this.heard.push(message.kind);
    if (message.kind === 'handshake') this.onExtensions();
    if (message.kind !== 'metadata-request' || metadata === undefined) return;
    const { piece } = message;
    const bytes = metadata.subarray(piece * 16_384, (piece + 1) * 16_384);
    this.wire?.extension({ kind: 'metadata-data', piece, size: metadata.length, bytes });
  }
  hashRequest(range: HashRange): void {
    this.wire?.hashReject(range);
  }
  hashes(): void {}
  hashReject(): void {}
  settled(): void {}
  drain(): void {}
  closed(reason: string): void {
    this.ended = reason;
  }
}
