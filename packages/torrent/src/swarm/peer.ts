import type { PeerAddress } from '../wire/duplex.ts';
import type { ExtensionMessage } from '../wire/extension.ts';
import type { HashRange, WireHandler } from '../wire/handler.ts';
import type { PeerWire } from '../wire/peer-wire.ts';
import { Bits } from './bits.ts';
import type { ChokePeer } from './choker.ts';
import type { HashSource } from './hash-fetch.ts';
import type { MetadataSource } from './metadata-fetch.ts';
import type { PeerNumber } from './partial.ts';
import { PeerMessages } from './peer-messages.ts';
import { PexBook } from './pex-book.ts';
import { Pipeline } from './pipeline.ts';
import { Rate } from './rate.ts';
import { RequestRing } from './request-ring.ts';
import type { Source } from './requester.ts';
import type { Torrent } from './torrent.ts';

type ExtensionHandshake = Extract<ExtensionMessage, { kind: 'handshake' }>;

/** One connected peer of a torrent: what both sides said, what is owed, and how to speak to it. */
export class Peer implements Source, HashSource, MetadataSource, ChokePeer {
  readonly number: PeerNumber;
  readonly torrent: Torrent;
  /** Where it was dialled, or where it comes from. */
  readonly remote: PeerAddress;
  readonly connectedAt: number;
  readonly wire: PeerWire;
  readonly messages: PeerMessages;
  /** Its handshake came. */
  ready = false;
  gone = false;
  /** Its id is known once it is ready. */
  readonly identity: { readonly ip: string; id: Uint8Array };
  fast = false;
  /** The connection is about the v2 hash (BEP 52). */
  v2 = false;
  said: ExtensionHandshake | undefined;
  /** Its pieces are counted, whatever they are. */
  known = false;
  /** We answered its v1 handshake with the v2 hash (BEP 52). */
  upgraded = false;
  /** It broke the protocol. */
  violated = false;

  pieces: Bits = new Bits(0);
  /** Told that it has everything: counted as a seed, however many pieces there are. */
  countedAsSeed = false;
  /** What it said of its pieces before their number was known. */
  early: { bits?: Uint8Array; all?: boolean; have: number[] } | undefined;
  /** Of its pieces, how many are wanted here; unused for seeds. */
  interestingPieces = 0;

  /** It chokes us. */
  choking = true;
  /** We are interested. */
  wanting = false;
  /** It is interested. */
  interested = false;
  /** We do not choke it. */
  unchoked = false;
  unchokedAt = 0;
  sentSinceUnchoke = 0;
  readonly allowedFast: Set<number> = new Set();
  readonly suggested: number[] = [];
  suggestsUntil = 0;
  /** What it gave at most, bytes per second, and the bytes of it at the last look. */
  bestRate = 0;
  lookedBytes = 0;
  /** Pieces that it may have while it is choked (BEP 6). */
  readonly granted: Set<number> = new Set();

  readonly pipeline: Pipeline;
  current = -1;
  idleVersion = -1;
  /** Where a block goes that flows from another peer already. */
  scratch: Uint8Array | undefined;
  /** Payload accounted for by the rate limits. */
  counted = 0;
  /** Stopped reading: for the rate limit, or until it takes what it asked for. */
  pausedForRate = false;
  pausedForOutput = false;

  readonly upload: Rate;
  /** Requests of the peer: (piece, begin, length). */
  readonly asked: RequestRing = new RequestRing();
  /** Bytes being read for it. */
  reading = 0;
  /** Grows when its requests are void: what was read for older ones is not sent. */
  askedEpoch = 0;
  waitsForRate = false;

  haveTold = 0;
  readonly pex: PexBook;
  metadataServed = 0;
  /** When something was last seen to have been sent, and how many bytes by then. */
  lastSentAt: number;
  saidBytes = 0;
  countedSent = 0;
  corruptBytes = 0;
  wastedBytes = 0;

  /** @param connect makes the connection that tells this handler what the peer says */
  constructor(
    torrent: Torrent,
    number: PeerNumber,
    remote: PeerAddress,
    connect: (handler: WireHandler) => PeerWire,
    now: number,
  ) {
    this.torrent = torrent;
    this.number = number;
    this.remote = remote;
    this.identity = { ip: remote.ip, id: new Uint8Array(20) };
    this.connectedAt = now;
    this.lastSentAt = now;
    this.pipeline = new Pipeline(torrent.limits, now);
    this.upload = new Rate(now);
    this.pex = new PexBook(now + 1000);
    this.messages = new PeerMessages(this);
    this.wire = connect(this.messages);
  }

  get downRate(): number {
    return this.pipeline.rate.value;
  }

  get upRate(): number {
    return this.upload.value;
  }

  get snubbed(): boolean {
    return this.pipeline.snubbed;
  }

  get seed(): boolean {
    return this.countedAsSeed || this.pieces.complete;
  }

  /** It takes nothing. Some never take back what they said of that (BEP 21), but show interest. */
  get uploadOnly(): boolean {
    return this.seed || (this.said?.uploadOnly === true && !this.interested);
  }

  get metadataSize(): number {
    return this.said?.metadataSize ?? 0;
  }

  /** Where others can reach it: undefined for an incoming peer that did not say its port. */
  get listensAt(): PeerAddress | undefined {
    if (!this.wire.incoming) return this.remote;
    const port = this.said?.port;
    return port === undefined ? undefined : { ip: this.remote.ip, port };
  }

  /** Ends the connection and forgets the peer at once. */
  close(reason: string, now: number): void {
    this.wire.close(reason);
    this.torrent.peerClosed(this, reason, now);
  }

  flush(): void {
    this.wire.flush();
  }

  sendRequest(piece: number, begin: number, length: number): void {
    this.wire.request(piece, begin, length);
  }

  sendCancel(piece: number, begin: number, length: number): void {
    this.wire.cancel(piece, begin, length);
  }

  skipBlock(): void {
    this.wire.skipBlock();
  }

  sendHashRequest(range: HashRange): void {
    this.wire.hashRequest(range);
  }

  sendMetadataRequest(piece: number): void {
    this.wire.extension({ kind: 'metadata-request', piece });
  }
}
