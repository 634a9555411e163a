/**
 * The contract between the mesh, which decides, and a data plane, which moves packets. Two implementations in
 * `@kith/dataplane` (native and portable) pass one conformance suite against it.
 *
 * The mesh programs sessions, prefixes, paths and next hops. The plane seals, opens, keeps replay windows, forwards
 * relay frames and counts, all without asking. Up comes only what it cannot decide: handshake messages, control
 * payloads, relay frames without a next hop, packets for a peer without a session.
 *
 * Wire layout of the one UDP port, by first byte:
 *   1..4  a WireGuard message (white paper, section 5.4)
 *   5     relay frame: type(1)=5 ttl(1) flags(2)=0 dst(8) src(8), then one message of types 1..4 or 6
 *   6     a transport message as 4 is, but for its type and its cipher: AES-256-GCM with the session's keys for it, and
 *         the same nonce. Both types share the session's counter and replay window; a plane opens either at any time.
 * Inside a transport message: an empty plaintext is a keep-alive; a first nibble of 4 or 6 is an IP packet; a first
 * nibble of 0 is a control payload: type(1, 0x01..0x0f) length(2, big endian, of the body) body, then zero padding to
 * a multiple of 16 as WireGuard demands. Stock WireGuard pads less where its MTU leaves no room, so a receiver takes
 * plaintexts of any length. Counters stay below REJECT_AFTER_MESSAGES of `@kith/wireguard`; a received one that does not
 * counts as replayed.
 */
import type { Endpoint, NodeId, Prefix } from '@kith/core';

declare const brand: unique symbol;
/** Number by which mesh and plane call a peer; chosen by the mesh, positive, never used again in one run. */
export type PeerHandle = number & { readonly [brand]: 'PeerHandle' };

/** Where a datagram goes. A relay path hands a frame for `dst` to the neighbour at `hop`. */
export type Path =
  | { readonly kind: 'direct'; readonly endpoint: Endpoint }
  | { readonly kind: 'relay'; readonly hop: Endpoint; readonly dst: NodeId };

/** Where a datagram came from. `src` is what a relay frame claims: a hint, proved only by what is sealed inside. */
export type Origin =
  | { readonly kind: 'direct'; readonly endpoint: Endpoint }
  | { readonly kind: 'relay'; readonly hop: Endpoint; readonly src: NodeId };

/** What seals a transport message: type 4 or 6. */
export type Cipher = 'chacha20-poly1305' | 'aes-256-gcm';

/** One WireGuard keypair after a handshake. Indices are WireGuard's receiver/sender indices (uint32). */
export interface PlaneSession {
  readonly peer: PeerHandle;
  readonly localIndex: number;
  readonly remoteIndex: number;
  /** Keys of ChaCha20-Poly1305, and others of AES-256-GCM; 32 bytes each. */
  readonly sendKey: Uint8Array;
  readonly receiveKey: Uint8Array;
  readonly aesSendKey: Uint8Array;
  readonly aesReceiveKey: Uint8Array;
  /**
   * A responder may not send with a session before a first authenticated message has come in on it (white paper 5.4.6):
   * the plane keeps it as `next` and promotes it then. An initiator's session is current at once. As in WireGuard the
   * session replaced as current stays as `previous`, which only receives; a pending `next` becomes `previous` when an
   * initiator's session arrives, and a new `next` drops the old `next` and `previous`.
   */
  readonly role: 'initiator' | 'responder';
  /** Reject-after-time: the plane drops the session by itself at this monotonic time in ms. */
  readonly expiresAt: number;
}

/** All of a peer that the plane has to know. Setting a peer again replaces prefixes, path and gate, not its sessions. */
export interface PlanePeer {
  readonly peer: PeerHandle;
  /**
   * Destinations that lead to this peer and sources accepted from it (cryptokey routing); longest prefix wins. A prefix
   * belongs to the peer that was set with it last.
   */
  readonly allowed: readonly Prefix[];
  /** Null while no path is known: packets wait. */
  readonly path: Path | null;
  /** While closed, IP packets wait on the way out and are dropped on the way in; control payloads always pass. */
  readonly gate: 'open' | 'closed';
  /**
   * Seals IP packets for the peer. Control payloads and keep-alives go by ChaCha20-Poly1305 whatever it is: what agrees
   * on a cipher does not depend on it. A plane that runs on threads of its own may seal a packet so as well, where that
   * is sooner.
   */
  readonly cipher: Cipher;
  /** Seconds between keep-alives that the plane sends by itself when nothing else was sent; 0 for none. */
  readonly keepAlive: number;
}

/** What the plane counted for a peer since it was set up. Times are monotonic ms, 0 for never. */
export interface PeerCounters {
  /** Packets are authenticated transport messages of every kind, bytes their length from type to tag. */
  readonly sentBytes: number;
  readonly sentPackets: number;
  readonly receivedBytes: number;
  readonly receivedPackets: number;
  /** Last IP packet sealed and sent. */
  readonly lastDataSent: number;
  /** Last authenticated non-empty message received that carried an IP packet. */
  readonly lastDataReceived: number;
  /** Last authenticated message of any kind received: keep-alive, control or data. */
  readonly lastReceived: number;
  /** Last message of any kind sent under a session. */
  readonly lastSent: number;
  /** Send counter of the current session: rekey-after-messages is decided on it. */
  readonly currentSendCounter: number;
  /** Local index of the session that sends now; 0 for none. */
  readonly currentIndex: number;
  /** Packets that wait for a session, a path or the gate. */
  readonly queued: number;
}

export interface PlaneCounters {
  /** Relay frames forwarded for others and their bytes. */
  readonly relayedPackets: number;
  readonly relayedBytes: number;
  /** Dropped datagrams by cause. */
  readonly dropped: {
    /** Not in the wire layout above, outside or inside of a session; also what comes from the TUN and is not IP. */
    readonly malformed: number;
    readonly unknownIndex: number;
    readonly unauthentic: number;
    /** A counter seen before or below the window of 8192: dropped before it is opened. */
    readonly replayed: number;
    /** IP packet from a peer whose allowed prefixes do not hold its source. */
    readonly foreignSource: number;
    /** IP packet that arrived while the peer's gate was closed. */
    readonly gateClosed: number;
    /** IP packet from the TUN whose destination belongs to no peer. */
    readonly noRoute: number;
    readonly queueFull: number;
    /** Relay frame from no relay source, without next hop, at the end of its time to live, or on its way back. */
    readonly relayRefused: number;
  };
}

/**
 * What the plane reports. Called synchronously from `handleDatagram`, `handlePacket` or `tick`; must not throw. It may
 * call back into the plane.
 */
export interface PlaneEvents {
  /** A message of type 1, 2 or 3, at most 148 bytes. The plane does not look into it beyond type and exact length. */
  handshake(message: Uint8Array, origin: Origin, now: number): void;
  /** An authenticated control payload: `payload` is type(1) and body; length and padding are removed. */
  control(peer: PeerHandle, payload: Uint8Array, origin: Origin, now: number): void;
  /**
   * An authenticated message came in by another way than the peer's path (kind, endpoint or hop differ, or there is no
   * path): the mesh may follow it. For the same way at most once a second.
   */
  roamed(peer: PeerHandle, origin: Origin, now: number): void;
  /** First authenticated message on a session: it is confirmed (key confirmation of the white paper). */
  confirmed(peer: PeerHandle, localIndex: number, now: number): void;
  /** A packet waits for this peer and there is no session to send it with. At most once a second and peer. */
  noSession(peer: PeerHandle, now: number): void;
  /**
   * A relay frame for a member without a next hop. At most once a second and dst. The frame waits for that second: if
   * the mesh sets a next hop meanwhile it goes on. Further frames for this dst are dropped.
   */
  noNextHop(dst: NodeId, now: number): void;
}

/**
 * What the mesh calls. `now` is monotonic ms. None of these throws for what a remote party did; they throw `RangeError`
 * for a handle that is not set, or for arguments out of range (defects of the caller).
 */
export interface DataPlane {
  /** Whether AES-256-GCM is clearly faster here than ChaCha20-Poly1305; stays the same for the life of the plane. */
  readonly prefersAes: boolean;
  /** This node's id: relay frames for it are opened, others are forwarded. */
  setSelf(id: NodeId): void;
  /** Packets that waited for what is now there leave at once. */
  setPeer(peer: PlanePeer, now: number): void;
  /** Forgets the peer, its sessions, its queue and its prefixes. Unknown handles are ignored. */
  removePeer(peer: PeerHandle): void;
  /** Throws `RangeError` also for a local index in use. The keys are copied. */
  setSession(session: PlaneSession, now: number): void;
  /** Unknown indices are ignored. */
  removeSession(localIndex: number): void;
  /** Next hop for relay frames to `dst`; null forgets it. A frame that waited for it goes on. */
  setNextHop(dst: NodeId, hop: Endpoint | null): void;
  /** The neighbours whose relay frames are accepted; frames from any other endpoint are dropped unread. */
  setRelaySources(endpoints: readonly Endpoint[]): void;
  /** Sends bytes as they are (handshake messages), framed for a relay where `path` says so. */
  sendMessage(message: Uint8Array, path: Path, now: number): void;
  /**
   * Seals a control payload (type and body, without length or padding: the plane frames it) for a peer and sends it by
   * `path`, or by the peer's own path where `path` is null. False if the peer has no session that may send, or no path.
   */
  sendControl(peer: PeerHandle, type: number, body: Uint8Array, path: Path | null, now: number): boolean;
  /** Sends an empty transport message if there is a session and a path. */
  sendKeepAlive(peer: PeerHandle, now: number): boolean;
  peerCounters(peer: PeerHandle): PeerCounters | null;
  counters(): PlaneCounters;
}

/** Limits that both implementations honour; an option of each, with these defaults. */
export const PLANE_LIMITS: {
  readonly queuePerPeer: number;
  readonly controlBody: number;
  readonly noNextHopMemory: number;
  readonly ttl: number;
} = {
  /** IP packets that wait per peer; the oldest goes first when full. */
  queuePerPeer: 32,
  /** Control body in bytes: with header, padding, tag, relay frame and UDP it fits 1,280 bytes of IPv6. */
  controlBody: 1165,
  /** Remembered destinations for which `noNextHop` was reported within the second. */
  noNextHopMemory: 256,
  /** Relay frames start with this time to live; a forwarded frame that claims more is cut to it. */
  ttl: 8,
};
