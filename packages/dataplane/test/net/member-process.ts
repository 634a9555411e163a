/**
 * A member in a process of its own: a data plane with real WireGuard handshakes above it, as the mesh has them, but with
 * somebody outside to decide. It does what lines of JSON on its input say, answers each with one, and ends with its input.
 */
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  endpointBytes,
  fromHex,
  parseAddress,
  parseEndpoint,
  parsePrefix,
  parseTunnelKey,
  SecretKey,
  type NodeId,
} from '@kith/core';
import type { Cipher, Origin, Path, PeerCounters, PeerHandle, PlaneCounters } from '@kith/mesh';
import { Device } from '@kith/wireguard';
import { nodeCrypto } from '../../src/node-crypto.ts';
import { createNodePlane } from '../../src/node-plane.ts';
import { direct, keyOf, peerHandle } from '../rig.ts';

export interface MemberProcess {
  /** Of the tunnel, as hexadecimal digits. */
  readonly secret: string;
  readonly id: string;
  readonly port: number;
  readonly offloads: boolean;
  /** Seals its packets for everybody. */
  readonly cipher: Cipher;
  /** Absent: it only relays. */
  readonly tun?: { readonly name: string; readonly addresses: readonly (readonly [address: string, length: number])[] };
}

/** Where datagrams to a peer go: straight, or through a relay. */
export type MemberPath = { readonly endpoint: string } | { readonly hop: string; readonly dst: string };

export type MemberCommand =
  | {
      readonly do: 'peer';
      readonly peer: number;
      readonly key: string;
      readonly allowed: readonly string[];
      readonly path: MemberPath;
    }
  | { readonly do: 'path'; readonly peer: number; readonly path: MemberPath }
  | { readonly do: 'remove'; readonly peer: number }
  | { readonly do: 'rekey'; readonly peer: number }
  | {
      readonly do: 'relay';
      readonly sources: readonly string[];
      readonly nextHops: readonly (readonly [dst: string, hop: string])[];
    }
  /** Peers that nobody is come, get sessions and go. */
  | { readonly do: 'haunt'; readonly ghosts: number }
  | { readonly do: 'status' }
  /** A defect, to see that it is found: memory that is kept, a session that the plane loses. */
  | { readonly do: 'spoil'; readonly what: 'memory'; readonly bytes: number }
  | { readonly do: 'spoil'; readonly what: 'session'; readonly peer: number };

export interface MemberStatus {
  readonly peers: readonly {
    readonly peer: number;
    readonly counters: PeerCounters;
    readonly asInitiator: number;
    readonly asResponder: number;
    /** Times that a packet found no session, in ms since the process began. */
    readonly lost: readonly number[];
  }[];
  readonly counters: PlaneCounters;
  readonly io: { readonly sendErrors: number; readonly unanswerable: number; readonly writeErrors: number };
  /** Bytes after a collection of garbage. */
  readonly rss: number;
  readonly descriptors: number;
  readonly threads: number;
  readonly tunLost: boolean;
}

const GHOST = 1_000_000;
/** How often timers of WireGuard are driven; ms. */
const ACTIVITY_EVERY = 200;

interface Known {
  readonly key: string;
  readonly allowed: readonly string[];
  path: Path;
  asInitiator: number;
  asResponder: number;
  lost: number[];
}

const init: MemberProcess = JSON.parse(process.argv[2] as string);
setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');
const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);
const peers = new Map<PeerHandle, Known>();
const kept: Buffer[] = [];
let tunLost = false;
let ghosts = 0;

const crypto = nodeCrypto();
const node = await createNodePlane({
  kind: 'native',
  crypto,
  port: init.port,
  offloads: init.offloads,
  onTunLost: () => {
    tunLost = true;
  },
  events: {
    handshake: (message, origin, now) => device.handleMessage(message, origin, now),
    control: () => undefined,
    roamed: () => undefined,
    confirmed: (_peer, localIndex, now) => device.handleConfirmed(localIndex, now),
    noSession: (peer, now) => {
      const known = peers.get(peer);
      if (known === undefined) return;
      known.lost.push(now);
      device.initiate(peer, now);
    },
    noNextHop: () => undefined,
  },
  ...(init.tun === undefined
    ? {}
    : {
        tun: {
          name: init.tun.name,
          addresses: init.tun.addresses.map(([address, length]) => ({ address: parseAddress(address), length })),
          routes: [],
        },
      }),
});
const { plane } = node;

const back = (origin: Origin): Path =>
  origin.kind === 'direct' ? origin : { kind: 'relay', hop: origin.hop, dst: origin.src };
const device = new Device<Origin>({
  crypto,
  secret: new SecretKey(fromHex(init.secret)),
  wall: () => Date.now(),
  sourceBytes: (origin) => endpointBytes(origin.kind === 'direct' ? origin.endpoint : origin.hop),
  lookup: (key) => [...peers].find(([, known]) => known.key === key)?.[0] ?? null,
  events: {
    send: (peer, message, now) => {
      const known = peers.get(peer as PeerHandle);
      if (known !== undefined) plane.sendMessage(message, known.path, now);
    },
    reply: (message, origin, now) => plane.sendMessage(message, back(origin), now),
    session: (keypair, now) => {
      const peer = keypair.peer as PeerHandle;
      const known = peers.get(peer);
      if (known === undefined) return;
      if (keypair.role === 'initiator') known.asInitiator += 1;
      else known.asResponder += 1;
      plane.setSession({ ...keypair, peer }, now);
    },
    drop: (localIndex) => plane.removeSession(localIndex),
    keepAlive: (peer, now) => void plane.sendKeepAlive(peer as PeerHandle, now),
    failed: () => undefined,
  },
});
plane.setSelf(init.id as NodeId);

const pathOf = (path: MemberPath): Path =>
  'endpoint' in path
    ? { kind: 'direct', endpoint: parseEndpoint(path.endpoint) }
    : { kind: 'relay', hop: parseEndpoint(path.hop), dst: path.dst as NodeId };

function program(handle: PeerHandle): void {
  const known = peers.get(handle);
  if (known === undefined) throw new Error(`no peer ${handle}`);
  const { allowed, path } = known;
  plane.setPeer(
    { peer: handle, allowed: allowed.map(parsePrefix), path, gate: 'open', cipher: init.cipher, keepAlive: 0 },
    node.now(),
  );
}

/** Half of them go at once, half when the same handle comes again. */
function haunt(count: number): void {
  for (let i = 0; i < count; i++, ghosts++) {
    const handle = peerHandle(GHOST + (ghosts % 64));
    const now = node.now();
    const prefix = parsePrefix(`10.66.${ghosts & 255}.${(ghosts >> 8) & 255}/32`);
    plane.removePeer(handle);
    plane.setPeer(
      { peer: handle, allowed: [prefix], path: direct(1), gate: 'open', cipher: init.cipher, keepAlive: 0 },
      now,
    );
    plane.setSession(
      {
        peer: handle,
        localIndex: 0xf000_0000 + (ghosts % 0x100_0000),
        remoteIndex: 1,
        sendKey: keyOf(1),
        receiveKey: keyOf(2),
        aesSendKey: keyOf(3),
        aesReceiveKey: keyOf(4),
        role: ghosts % 3 === 0 ? 'responder' : 'initiator',
        expiresAt: now + (ghosts % 2 === 0 ? 1 : 60_000),
      },
      now,
    );
    if (ghosts % 4 < 2) plane.removePeer(handle);
  }
}

function status(): MemberStatus {
  collect();
  collect();
  return {
    peers: [...peers].map(([peer, { asInitiator, asResponder, lost }]) => {
      const counters = plane.peerCounters(peer);
      if (counters === null) throw new Error(`the plane does not know peer ${peer}`);
      return { peer, counters, asInitiator, asResponder, lost };
    }),
    counters: plane.counters(),
    io: { ...node.udp(), writeErrors: node.writeErrors() },
    rss: process.memoryUsage.rss(),
    descriptors: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
    tunLost,
  };
}

function handle(command: MemberCommand): unknown {
  const now = node.now();
  switch (command.do) {
    case 'peer': {
      const { key, allowed, path } = command;
      const peer = peerHandle(command.peer);
      peers.set(peer, { key, allowed, path: pathOf(path), asInitiator: 0, asResponder: 0, lost: [] });
      device.setPeer(peer, { publicKey: parseTunnelKey(key) });
      program(peer);
      return now;
    }
    case 'path': {
      const peer = peerHandle(command.peer);
      const known = peers.get(peer);
      if (known !== undefined) known.path = pathOf(command.path);
      program(peer);
      return now;
    }
    case 'remove':
      peers.delete(peerHandle(command.peer));
      device.removePeer(command.peer, now);
      plane.removePeer(peerHandle(command.peer));
      return now;
    case 'rekey':
      device.initiate(command.peer, now);
      return now;
    case 'relay':
      plane.setRelaySources(command.sources.map(parseEndpoint));
      for (const [dst, hop] of command.nextHops) plane.setNextHop(dst as NodeId, parseEndpoint(hop));
      return now;
    case 'haunt':
      haunt(command.ghosts);
      return now;
    case 'status':
      return status();
    case 'spoil':
      if (command.what === 'memory') kept.push(Buffer.alloc(command.bytes, 1));
      else plane.removeSession(plane.peerCounters(peerHandle(command.peer))?.currentIndex ?? 0);
      return now;
  }
}

setInterval(() => {
  const now = node.now();
  device.tick(now);
  for (const peer of peers.keys()) {
    const counters = plane.peerCounters(peer);
    if (counters !== null && counters.currentIndex !== 0) device.handleActivity(peer, counters, now);
  }
}, ACTIVITY_EVERY).unref();

say({ up: node.interfaceName, now: node.now() });
const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => say(handle(JSON.parse(line))));
lines.on('close', () => void node.stop());
