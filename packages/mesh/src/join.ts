/**
 * Joining: redeems an invite at any member. The invite's own key serves as tunnel key for one short session, over which
 * the joiner reads the ledger, checks it against the network id in the invite, adds its join statement and waits until
 * the member's ledger is seen to hold it. Nothing is kept by the joiner before that.
 */
import { endpointBytes, fromHex, KithError, nodeIdOf, nodeKeyOf, toHex, tunnelKeyOf } from '@kith/core';
import type { Address, Crypto, Endpoint, Label, NodeId } from '@kith/core';
import { Device } from '@kith/wireguard';
import type { Keypair } from '@kith/wireguard';
import type { MeshIdentity, RememberedEndpoint } from './api.ts';
import type { Context } from './context.ts';
import { decodeControl, encodeControl } from './control.ts';
import type { Control, Refusal } from './control.ts';
import { Gossip } from './gossip.ts';
import {
  checkInvite,
  inviteIssuer,
  inviteTunnel,
  join,
  Ledger,
  prospectiveAddress,
  prospectiveName,
} from './ledger/index.ts';
import type { InviteToken } from './ledger/index.ts';
import { NatObserver } from './nat.ts';
import { directKey, Peer, reversePath } from './peer.ts';
import type { DataPlane, Origin, Path, PeerHandle, PlaneEvents } from './plane.ts';
import { PresenceBook } from './presence-book.ts';
import { Graph } from './routes.ts';

/** ms */
const TICK = 200;
const HANDSHAKE = { retry: 1000, giveUp: 60_000 };

export interface JoinResult {
  /** The ledger, own join included, in an order in which an empty ledger can take it. */
  readonly statements: readonly Uint8Array[];
  readonly member: NodeId;
  /** Ways in for the first start. */
  readonly remembered: readonly RememberedEndpoint[];
}

export interface JoinInit {
  readonly crypto: Crypto;
  readonly plane: DataPlane;
  readonly token: InviteToken;
  readonly identity: MeshIdentity;
  /** Wished name; the invite's own wins. */
  readonly name: string;
  /** Wished address; the invite's own wins; null for the lowest free one. */
  readonly address: Address | null;
  readonly wall: (now: number) => number;
  /** ms after which the attempt ends, 20 s if absent. */
  readonly timeout?: number;
  readonly done: (result: JoinResult) => void;
  readonly failed: (error: KithError) => void;
}

export class Joiner implements PlaneEvents {
  readonly #init: JoinInit;
  readonly #peers = new Map<number, Peer>();
  readonly #endpoints = new Map<Peer, readonly Endpoint[]>();
  readonly #met = new Set<Peer>();
  readonly #device: Device<Origin>;
  readonly #ledger: Ledger;
  readonly #gossip: Gossip;
  readonly #context: Context;
  #joinHash: string | null = null;
  #tickAt = 0;
  #deadline = Number.POSITIVE_INFINITY;
  #over = false;

  constructor(init: JoinInit) {
    this.#init = init;
    const { crypto, token } = init;
    this.#ledger = new Ledger({ crypto, network: token.network });
    const tunnel = inviteTunnel(crypto, token.seed);
    const self = nodeIdOf(crypto, inviteIssuer(crypto, token.seed).key);
    for (const [i, member] of token.bootstrap.entries()) {
      const peer = new Peer((i + 1) as PeerHandle, {
        kind: 'member',
        id: member.id,
        nodeKey: nodeKeyOf(crypto, token.seed), // not known yet, and not used before the ledger is here
        tunnelKey: member.tunnelKey,
        name: token.networkName,
        allowed: [],
        mayRelay: false,
      });
      this.#peers.set(peer.handle, peer);
      this.#endpoints.set(peer, member.endpoints);
    }
    this.#context = this.#makeContext(self);
    this.#gossip = new Gossip(this.#context, { presence: () => undefined, statement: () => undefined });
    this.#device = new Device<Origin>({
      crypto,
      secret: tunnel.secret,
      wall: init.wall,
      sourceBytes: (origin) =>
        origin.kind === 'direct' ? endpointBytes(origin.endpoint).subarray(0, 4) : fromHex(origin.src),
      lookup: () => null,
      events: {
        send: (handle, message, now) => this.#sendInitiation(handle, message, now),
        reply: (message, origin, now) => this.#reply(message, origin, now),
        session: (keypair, now) => this.#sessionBegins(keypair, now),
        drop: (localIndex) => init.plane.removeSession(localIndex),
        keepAlive: (handle, now) => void init.plane.sendKeepAlive(handle as PeerHandle, now),
        failed: () => undefined,
        authenticated: (handle, origin, now) => this.#authenticated(handle, origin, now),
      },
    });
  }

  start(now: number): void {
    const { plane, token } = this.#init;
    this.#deadline = now + (this.#init.timeout ?? 20_000);
    if (token.bootstrap.every(({ endpoints }) => endpoints.length === 0)) {
      this.#fail(new KithError('NO_WAY_IN', `the invite to ${token.networkName} names no address to go to`));
      return;
    }
    plane.setSelf(this.#context.self);
    for (const peer of this.#peers.values()) {
      const endpoint = this.#endpoints.get(peer)?.[0];
      if (endpoint === undefined) continue;
      this.#setPath(peer, { kind: 'direct', endpoint }, now);
      this.#device.setPeer(peer.handle, { publicKey: peer.identity.tunnelKey, ...HANDSHAKE });
      this.#device.initiate(peer.handle, now);
    }
    this.tick(now);
  }

  wakeAt(): number | null {
    if (this.#over) return null;
    return Math.min(
      this.#device.wakeAt() ?? Number.POSITIVE_INFINITY,
      this.#gossip.wakeAt() ?? Number.POSITIVE_INFINITY,
      this.#tickAt,
    );
  }

  tick(now: number): void {
    if (this.#over) return;
    this.#device.tick(now);
    this.#gossip.tick(now);
    if (now < this.#tickAt) return;
    this.#tickAt = now + TICK;
    if (now >= this.#deadline) {
      this.#fail(this.#timeoutError());
      return;
    }
    for (const peer of this.#met) {
      // Only the fingerprints matter here: the answer need not be told apart.
      this.#send(peer, { kind: 'ping', txid: 0, flags: 0, ...this.#context.fingerprints() }, null, now);
    }
    this.#proceed(now);
  }

  // What the plane reports.

  handshake(message: Uint8Array, origin: Origin, now: number): void {
    if (!this.#over) this.#device.handleMessage(message, origin, now);
  }

  control(handle: PeerHandle, payload: Uint8Array, _origin: Origin, now: number): void {
    const peer = this.#peers.get(handle);
    const message = decodeControl(payload);
    if (this.#over || peer === undefined || message === null || !peer.messages.take(now)) return;
    if (message.kind === 'refused') {
      this.#fail(refusedError(message.reason, this.#init.token));
      return;
    }
    if (message.kind === 'pong' || message.kind === 'ping') {
      peer.ledger = message.ledger;
      this.#gossip.reconcile(peer, now);
    } else {
      this.#gossip.handle(peer, message, now);
    }
    this.#proceed(now);
  }

  roamed(): void {
    // One short session: the member's first address serves to its end.
  }

  confirmed(_handle: PeerHandle, localIndex: number, now: number): void {
    this.#device.handleConfirmed(localIndex, now);
  }

  noSession(): void {
    // A joiner carries no data.
  }

  noNextHop(): void {
    // A joiner relays nothing.
  }

  /** Goes on as far as what is known allows: ledger read → join made → join seen in a member's ledger. */
  #proceed(now: number): void {
    const synced = [...this.#met].find((peer) => peer.ledger === this.#gossip.ledgerFingerprint());
    if (synced === undefined || !this.#ledger.founded) return;
    if (this.#joinHash === null) {
      try {
        this.#makeJoin(now);
      } catch (error) {
        if (!(error instanceof KithError)) throw error;
        this.#fail(error);
      }
      return;
    }
    this.#finish(synced);
  }

  #makeJoin(now: number): void {
    const { crypto, token, identity, wall } = this.#init;
    const roster = this.#ledger.roster();
    const problem = checkInvite(crypto, roster, token, wall(now));
    if (problem !== null) throw problem;
    const invite = inviteIssuer(crypto, token.seed);
    const joiner = { invite: invite.key, wallMs: wall(now) };
    const state = roster.invites.get(invite.key);
    const name: Label = prospectiveName(roster, state?.name ?? this.#init.name, joiner);
    const address = prospectiveAddress(roster, state?.address ?? this.#init.address, joiner);
    const bytes = join({
      ...this.#ledger.context(invite, wall(now)),
      invite,
      node: { seed: identity.node, key: nodeKeyOf(crypto, identity.node) },
      tunnelKey: tunnelKeyOf(crypto, identity.tunnel),
      name,
      address,
    });
    this.#joinHash = toHex(crypto.sha256(bytes));
    const refused = this.#gossip.addStatement(bytes, null, now);
    if (refused !== null) throw new KithError('STATEMENT_INVALID', `the join was refused: ${refused}`);
    this.#tickAt = now;
  }

  #finish(witness: Peer): void {
    const { crypto, identity, token } = this.#init;
    const member = nodeIdOf(crypto, nodeKeyOf(crypto, identity.node));
    if (!this.#ledger.roster().members.has(member)) {
      this.#fail(refusedError('used', token));
      return;
    }
    this.#over = true;
    const first = witness.current?.path;
    const remembered = token.bootstrap.map(({ id, endpoints }) => ({
      id,
      endpoints:
        id === witness.id && first?.kind === 'direct' ? [...new Set([first.endpoint, ...endpoints])] : endpoints,
    }));
    const statements = [...this.#ledger.hashes()].flatMap((hash) => this.#ledger.get(hash) ?? []);
    this.#init.done({ statements, member, remembered });
  }

  #fail(error: KithError): void {
    if (this.#over) return;
    this.#over = true;
    this.#init.failed(error);
  }

  #timeoutError(): KithError {
    const { token } = this.#init;
    const tried = token.bootstrap.flatMap(({ endpoints }) => endpoints);
    if (this.#met.size > 0) {
      return new KithError(
        'JOIN_TIMEOUT',
        `a member of ${token.networkName} answered, but the join was not taken in time`,
      );
    }
    return new KithError('JOIN_TIMEOUT', `no member of ${token.networkName} answered at ${tried.join(', ')}`);
  }

  #sendInitiation(handle: number, message: Uint8Array, now: number): void {
    const peer = this.#peers.get(handle);
    if (peer === undefined) return;
    for (const endpoint of this.#endpoints.get(peer) ?? []) {
      this.#init.plane.sendMessage(message, { kind: 'direct', endpoint }, now);
    }
  }

  #reply(message: Uint8Array, origin: Origin, now: number): void {
    if (origin.kind === 'direct') this.#init.plane.sendMessage(message, origin, now);
  }

  #authenticated(handle: number, origin: Origin, now: number): void {
    const peer = this.#peers.get(handle);
    if (peer !== undefined) this.#setPath(peer, reversePath(origin, peer.id), now);
  }

  #sessionBegins(keypair: Keypair, now: number): void {
    const peer = this.#peers.get(keypair.peer);
    if (peer === undefined) return;
    this.#init.plane.setSession({ ...keypair, peer: peer.handle }, now);
    peer.sessions.add(keypair.localIndex);
    this.#met.add(peer);
    this.#tickAt = now;
  }

  #setPath(peer: Peer, path: Path, now: number): void {
    const key = path.kind === 'direct' ? directKey(path.endpoint) : peer.id;
    peer.current = { key, path, hop: null, rtt: null, loss: 0, lastPing: 0, lastHeard: now, misses: 0 };
    const { handle, cipher } = peer;
    this.#init.plane.setPeer({ peer: handle, allowed: [], path, gate: 'closed', cipher, keepAlive: 0 }, now);
  }

  #send(peer: Peer, message: Control, path: Path | null, now: number): boolean {
    const { type, body } = encodeControl(message);
    return this.#init.plane.sendControl(peer.handle, type, body, path, now);
  }

  /** A joiner gossips the ledger as a member does; of the rest of a node it has nothing. */
  #makeContext(self: NodeId): Context {
    const { crypto, plane, token, identity, wall } = this.#init;
    const presences = new PresenceBook(crypto, token.network, () => null);
    return {
      init: {
        crypto,
        plane,
        identity,
        wall,
        config: {
          ...{ staticEndpoints: [], port: 0, relay: false, location: null },
          remembered: [],
          version: '',
          localAddresses: [],
        },
        events: {
          statement: () => undefined,
          rosterChanged: () => undefined,
          log: () => undefined,
          remember: () => undefined,
          revoked: () => undefined,
        },
      },
      network: token.network,
      self,
      ledger: this.#ledger,
      presences,
      nat: new NatObserver(0),
      localAddresses: [],
      servesAsExit: false,
      attendedUntil: 0,
      roster: () => this.#ledger.roster(),
      peers: () => this.#peers.values(),
      peer: () => null,
      met: () => this.#met,
      neighbours: () => [],
      graph: () => new Graph([], []),
      send: (peer, message, path, now) => this.#send(peer, message, path, now),
      ping: () => undefined,
      initiate: () => undefined,
      fingerprints: () => ({ ledger: this.#gossip.ledgerFingerprint(), presence: presences.trie.fingerprint() }),
      presenceChanged: () => undefined,
      remembered: () => [],
      log: () => undefined,
    };
  }
}

function refusedError(reason: Refusal, token: InviteToken): KithError {
  const to = `the invite to ${token.networkName}`;
  switch (reason) {
    case 'expired':
      return new KithError('INVITE_EXPIRED', `${to} has expired`);
    case 'used':
      return new KithError('INVITE_USED', `${to} is used up`);
    case 'revoked':
      return new KithError('INVITE_REVOKED', `${to} was revoked`);
  }
}
