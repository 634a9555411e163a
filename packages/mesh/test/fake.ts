/** Stand-ins for what the parts of a node are handed: members of a made ledger, a context, a plane that remembers. */
import { endpointOf, nodeIdOf, parseAddress, parseEndpoint } from '@kith/core';
import type { Address, Crypto, Endpoint, NodeId } from '@kith/core';
import type { DataPlane, MeshConfig } from '@kith/mesh';
import type { Context } from '../src/context.ts';
import { NatObserver } from '../src/nat.ts';
import { directKey } from '../src/peer.ts';
import type { Candidate, Peer } from '../src/peer.ts';
import { PeerTable } from '../src/peer-table.ts';
import { PresenceBook } from '../src/presence-book.ts';
import { signPresence } from '../src/presence.ts';
import type { Presence } from '../src/presence.ts';
import { Graph } from '../src/routes.ts';
import { cheap, World } from './ledger/world.ts';

export const PORT = 6550;

export const endpoint = (text: string): Endpoint => parseEndpoint(text);
export const address = (text: string): Address => parseAddress(text);

/** A network of `size` members: actor 0 founded it, the others were admitted. */
export function network(size: number, crypto: Crypto = cheap): World {
  const world = new World(crypto);
  for (let i = 1; i < size; i++) world.admit(i);
  return world;
}

export function idOf(world: World, actor: number): NodeId {
  return nodeIdOf(world.crypto, world.actor(actor).key);
}

export function presence(id: NodeId, more: Partial<Presence> = {}): Presence {
  return {
    id,
    seq: 1,
    ttl: 90,
    endpoints: [],
    nat: 'unknown',
    reachable: false,
    relay: true,
    exit: false,
    links: [],
    version: '0.1.0',
    goodbye: false,
    down: [],
    location: null,
    ...more,
  };
}

export function record(world: World, actor: number, more: Partial<Presence> = {}): Uint8Array {
  return signPresence(world.crypto, world.network, world.actor(actor).seed, presence(idOf(world, actor), more));
}

/** The plane's calls that the tested parts make, by name. */
export interface FakePlane extends DataPlane {
  readonly hops: Map<NodeId, Endpoint | null>;
  readonly calls: string[];
  sources: readonly Endpoint[];
}

function fakePlane(): FakePlane {
  const plane: FakePlane = {
    prefersAes: false,
    hops: new Map(),
    calls: [],
    sources: [],
    setSelf: () => undefined,
    setPeer: () => undefined,
    removePeer: () => undefined,
    setSession: () => undefined,
    removeSession: () => undefined,
    setNextHop: (dst, hop) => {
      plane.calls.push(`hop ${dst} ${hop ?? 'none'}`);
      plane.hops.set(dst, hop);
    },
    setRelaySources: (sources) => {
      plane.calls.push('sources');
      plane.sources = sources;
    },
    sendMessage: () => undefined,
    sendControl: () => true,
    sendKeepAlive: () => true,
    peerCounters: () => null,
    counters: () => {
      throw new Error('not part of this test');
    },
  };
  return plane;
}

export interface Bench {
  readonly world: World;
  readonly context: Context;
  readonly table: PeerTable;
  readonly plane: FakePlane;
  readonly config: { -readonly [K in keyof MeshConfig]: MeshConfig[K] };
  /** What {@link Context.neighbours} says. */
  neighbours: Peer[];
  graph: Graph;
  readonly remembered: Map<NodeId, readonly Endpoint[]>;
  readonly presenceChanges: number[];
  peer(actor: number): Peer;
  /** Takes in a presence of a member. */
  hear(actor: number, more?: Partial<Presence>, now?: number): void;
}

/** Everything around a part of actor 0's node. */
export function bench(size: number, world: World = network(size)): Bench {
  const self = idOf(world, 0);
  const plane = fakePlane();
  const config = {
    staticEndpoints: [],
    port: PORT,
    relay: true,
    location: null,
    remembered: [],
    version: '0.1.0',
    localAddresses: [],
  } satisfies MeshConfig;
  const table = new PeerTable(world.crypto, self);
  table.update(world.ledger.roster());
  const presences = new PresenceBook(
    world.crypto,
    world.network,
    (id) => world.ledger.roster().members.get(id)?.nodeKey ?? null,
  );
  const made: Bench = {
    world,
    table,
    plane,
    config,
    neighbours: [],
    graph: new Graph([], []),
    remembered: new Map(),
    presenceChanges: [],
    peer: (actor) => {
      const peer = table.get(idOf(world, actor));
      if (peer === null) throw new Error(`actor ${actor} is no peer`);
      return peer;
    },
    hear: (actor, more = {}, now = 0) => {
      const id = idOf(world, actor);
      const seq = more.seq ?? presences.highest(id) + 1;
      const came = presences.accept({ id, seq, age: 0, record: record(world, actor, { ...more, seq }) }, now);
      if (came !== 'new') throw new Error(`the presence of actor ${actor} is ${came}`);
    },
    context: {
      init: {
        crypto: world.crypto,
        plane,
        identity: { node: world.actor(0).seed, tunnel: world.actor(0).seed },
        config,
        events: {
          statement: () => undefined,
          rosterChanged: () => undefined,
          log: () => undefined,
          remember: () => undefined,
          revoked: () => undefined,
        },
        wall: (now) => 1_700_000_000_000 + now,
      },
      network: world.network,
      self,
      ledger: world.ledger,
      presences,
      nat: new NatObserver(PORT),
      localAddresses: [],
      servesAsExit: false,
      attendedUntil: 0,
      roster: () => world.ledger.roster(),
      peers: () => table.all(),
      peer: (id) => table.get(id),
      met: () => [...table.all()].filter((peer) => peer.hasSession),
      neighbours: () => made.neighbours,
      graph: () => made.graph,
      send: () => true,
      initiate: () => undefined,
      ping: () => undefined,
      fingerprints: () => ({ ledger: '0'.repeat(16), presence: '0'.repeat(16) }),
      presenceChanged: (now) => void made.presenceChanges.push(now),
      remembered: (id) => made.remembered.get(id) ?? [],
      log: () => undefined,
    },
  };
  return made;
}

/** Gives a peer a proved direct way and makes it current. */
export function connect(peer: Peer, at: Endpoint | string, now: number, rtt: number = 10): Candidate {
  const where = typeof at === 'string' ? parseEndpoint(at) : at;
  const candidate: Candidate = {
    key: directKey(where),
    path: { kind: 'direct', endpoint: where },
    hop: null,
    rtt,
    loss: 0,
    lastPing: now,
    lastHeard: now,
    misses: 0,
  };
  peer.candidates.set(candidate.key, candidate);
  peer.current = candidate;
  peer.sessions.add(peer.handle);
  peer.lastHeard = now;
  return candidate;
}

export function publicEndpoint(host: number): Endpoint {
  return endpointOf(parseAddress(`203.0.113.${host}`), PORT);
}
