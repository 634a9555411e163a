/** A data plane on the workbench: what it sends, writes and reports is recorded; messages for it are made by hand. */
import {
  addressBytes,
  concat,
  fromHex,
  parseAddress,
  parseEndpoint,
  parsePrefix,
  portableCrypto,
  writeUint16BE,
  writeUint32LE,
  type Crypto,
  type Endpoint,
  type NodeId,
} from '@kith/core';
import type {
  DataPlane,
  Origin,
  Path,
  PeerHandle,
  PLANE_LIMITS,
  PlaneEvents,
  PlanePeer,
  PlaneSession,
} from '@kith/mesh';

/** What an implementation shows to the conformance suite: the contract, and its two inlets. */
export interface PlaneUnderTest extends DataPlane {
  handleDatagram(bytes: Uint8Array, from: Endpoint, now: number): void;
  handlePacket(packet: Uint8Array, now: number): void;
  wakeAt(): number | null;
  tick(now: number): void;
}

export interface MakePlaneInit {
  readonly events: PlaneEvents;
  readonly io: { sendDatagram(bytes: Uint8Array, to: Endpoint): void; writePacket(packet: Uint8Array): void };
  readonly limits?: Partial<typeof PLANE_LIMITS>;
}

export type MakePlane = (init: MakePlaneInit) => PlaneUnderTest;

/** Independent of what the plane under test uses. It draws nothing at random. */
export const oracle: Crypto = portableCrypto((length) => new Uint8Array(length));

export const peerHandle = (n: number): PeerHandle => n as PeerHandle;
export const nodeId = (n: number): NodeId => n.toString(16).padStart(16, '0') as NodeId;
export const endpoint = (n: number): Endpoint => parseEndpoint(`192.0.2.${n}:6550`);
export const direct = (n: number): Path => ({ kind: 'direct', endpoint: endpoint(n) });
export const viaHop = (hop: number, dst: NodeId): Path => ({ kind: 'relay', hop: endpoint(hop), dst });
export const keyOf = (n: number): Uint8Array => new Uint8Array(32).fill(n);

/** An IPv4 packet with its lengths right, `size` bytes in all. */
export function ipv4(source: string, destination: string, size = 40): Uint8Array {
  const packet = new Uint8Array(size);
  packet[0] = 0x45;
  writeUint16BE(packet, 2, size);
  packet.set(addressBytes(parseAddress(source)), 12);
  packet.set(addressBytes(parseAddress(destination)), 16);
  for (let i = 20; i < size; i++) packet[i] = i;
  return packet;
}

export function ipv6(source: string, destination: string, size = 60): Uint8Array {
  const packet = new Uint8Array(size);
  packet[0] = 0x60;
  writeUint16BE(packet, 4, size - 40);
  packet.set(addressBytes(parseAddress(source)), 8);
  packet.set(addressBytes(parseAddress(destination)), 24);
  for (let i = 40; i < size; i++) packet[i] = i;
  return packet;
}

export function peerSpec(n: number, over: Partial<PlanePeer> = {}): PlanePeer {
  return {
    peer: peerHandle(n),
    allowed: [parsePrefix(`10.0.0.${n}/32`), parsePrefix(`fd00::${n}/128`)],
    path: direct(n),
    gate: 'open',
    cipher: 'chacha20-poly1305',
    keepAlive: 0,
    ...over,
  };
}

/** A session of peer `n`: the plane sends with keys 1 and 11 and receives with keys 2 and 12 unless told otherwise. */
export function session(n: number, localIndex: number, over: Partial<PlaneSession> = {}): PlaneSession {
  return {
    peer: peerHandle(n),
    localIndex,
    remoteIndex: localIndex + 1000,
    sendKey: keyOf(1),
    receiveKey: keyOf(2),
    aesSendKey: keyOf(11),
    aesReceiveKey: keyOf(12),
    role: 'initiator',
    expiresAt: 1_000_000,
    ...over,
  };
}

/** A transport message as the white paper has it, with exactly this plaintext. `counter` may be any 64 bits. */
export function sealed(key: Uint8Array, receiver: number, counter: number | bigint, plaintext: Uint8Array): Uint8Array {
  const { header, nonce } = transportHeader(4, receiver, counter);
  return concat(header, oracle.seal(key, nonce, plaintext, new Uint8Array(0)));
}

/** The same by AES-256-GCM, type 6. */
export function aesSealed(
  key: Uint8Array,
  receiver: number,
  counter: number | bigint,
  plaintext: Uint8Array,
): Uint8Array {
  const { header, nonce } = transportHeader(6, receiver, counter);
  return concat(header, oracle.sealAes(key, nonce, plaintext, new Uint8Array(0)));
}

function transportHeader(type: number, receiver: number, counter: number | bigint) {
  const header = new Uint8Array(16);
  const wide = BigInt(counter);
  header[0] = type;
  writeUint32LE(header, 4, receiver);
  writeUint32LE(header, 8, Number(wide & 0xffffffffn));
  writeUint32LE(header, 12, Number(wide >> 32n));
  return { header, nonce: concat(new Uint8Array(4), header.subarray(8)) };
}

/** The parts of a transport message that a plane sent; the plaintext is null where its type's `key` does not open it. */
export function unsealed(
  key: Uint8Array,
  message: Uint8Array,
): { receiver: number; counter: number; plaintext: Uint8Array | null } {
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  const nonce = concat(new Uint8Array(4), message.subarray(8, 16));
  return {
    receiver: view.getUint32(4, true),
    counter: Number(view.getBigUint64(8, true)),
    plaintext:
      message[0] === 6
        ? oracle.openAes(key, nonce, message.subarray(16), new Uint8Array(0))
        : oracle.open(key, nonce, message.subarray(16), new Uint8Array(0)),
  };
}

export function relayFrame(ttl: number, dst: NodeId, src: NodeId, message: Uint8Array, flags = 0): Uint8Array {
  return concat(Uint8Array.of(5, ttl, flags >> 8, flags & 255), fromHex(dst), fromHex(src), message);
}

/** A control payload as it stands inside a session: type, length, body, zeros. */
export function control(type: number, body: Uint8Array): Uint8Array {
  const out = new Uint8Array(Math.ceil((3 + body.length) / 16) * 16);
  out[0] = type;
  writeUint16BE(out, 1, body.length);
  out.set(body, 3);
  return out;
}

/** A message of the type and length of a handshake message. */
export function handshake(type: 1 | 2 | 3): Uint8Array {
  const out = new Uint8Array([148, 92, 64][type - 1] as number).fill(0xab);
  out.set([type, 0, 0, 0]);
  return out;
}

export function padded(packet: Uint8Array): Uint8Array {
  return concat(packet, new Uint8Array((16 - (packet.length % 16)) % 16));
}

export type Report =
  | readonly ['handshake', message: Uint8Array, origin: Origin, now: number]
  | readonly ['control', peer: number, payload: Uint8Array, origin: Origin, now: number]
  | readonly ['roamed', peer: number, origin: Origin, now: number]
  | readonly ['confirmed', peer: number, localIndex: number, now: number]
  | readonly ['noSession', peer: number, now: number]
  | readonly ['noNextHop', dst: NodeId, now: number];

export interface Sent {
  readonly bytes: Uint8Array;
  readonly to: Endpoint;
}

export class Rig {
  readonly plane: PlaneUnderTest;
  readonly sent: Sent[] = [];
  readonly written: Uint8Array[] = [];
  readonly reports: Report[] = [];
  /** Called after each report: events may call back into the plane. */
  onReport: (report: Report) => void = () => undefined;

  constructor(make: MakePlane, limits?: Partial<typeof PLANE_LIMITS>) {
    const report = (...entry: Report) => {
      this.reports.push(entry);
      this.onReport(entry);
    };
    this.plane = make({
      io: {
        sendDatagram: (bytes, to) => this.sent.push({ bytes, to }),
        writePacket: (packet) => this.written.push(Uint8Array.from(packet)),
      },
      events: {
        handshake: (message, origin, now) => report('handshake', Uint8Array.from(message), origin, now),
        control: (peer, payload, origin, now) => report('control', peer, payload, origin, now),
        roamed: (peer, origin, now) => report('roamed', peer, origin, now),
        confirmed: (peer, localIndex, now) => report('confirmed', peer, localIndex, now),
        noSession: (peer, now) => report('noSession', peer, now),
        noNextHop: (dst, now) => report('noNextHop', dst, now),
      },
      ...(limits === undefined ? {} : { limits }),
    });
  }

  /** What was sent since the last call. */
  takeSent(): readonly Sent[] {
    return this.sent.splice(0);
  }

  takeReports(): readonly Report[] {
    return this.reports.splice(0);
  }

  kinds(): readonly string[] {
    return this.takeReports().map(([kind]) => kind);
  }

  takeWritten(): readonly Uint8Array[] {
    return this.written.splice(0);
  }
}
