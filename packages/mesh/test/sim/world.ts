/** A mesh in the simulated network: real nodes, real planes, real cryptography; clock, network and randomness are made. */
import {
  addressBytes,
  endpointOf,
  generateSecret,
  nodeIdOf,
  nodeKeyOf,
  parseAddress,
  parseLabel,
  parsePrefix,
  toHex,
  tunnelKeyOf,
} from '@kith/core';
import type { Address, Crypto, Endpoint, NodeId, NodeKey } from '@kith/core';
import { nodeCrypto, PortablePlane } from '@kith/dataplane';
import {
  admit,
  decodeInvite,
  encodeInvite,
  found,
  grant,
  invite,
  inviteIssuer,
  inviteTunnel,
  Joiner,
  Ledger,
  MeshNode,
  networkIdOf,
} from '@kith/mesh';
import type {
  Cipher,
  Issuer,
  JoinResult,
  Location,
  MemberView,
  MeshIdentity,
  MeshLogEntry,
  PeerHandle,
  PlaneEvents,
  RememberedEndpoint,
} from '@kith/mesh';
import { drive, seedFrom, Simulation } from '@kith/sim';
import type { Drive, Host, HostOptions } from '@kith/sim';

const PORT = 6550;

export interface NodeOptions extends HostOptions {
  /** Its own public endpoint is configured. */
  readonly static?: boolean;
  readonly relay?: boolean;
  readonly location?: Location;
  /** Its processor helps with AES; not, if absent. */
  readonly prefersAes?: boolean;
  /** Name of its machine where two members want one name. */
  readonly as?: string;
  /** ms that its wall clock is ahead. */
  readonly wallOffset?: number;
}

/** One running member. */
export class SimNode {
  readonly world: World;
  readonly name: string;
  readonly host: Host;
  readonly identity: MeshIdentity;
  readonly id: NodeId;
  readonly log: MeshLogEntry[] = [];
  readonly stored: Uint8Array[] = [];
  /** Payloads of IP packets that arrived, with their time. */
  readonly received: { readonly from: string; readonly text: string; readonly at: number }[] = [];
  remembered: readonly RememberedEndpoint[];
  /** From the next start on. */
  prefersAes: boolean;
  /** Datagrams that it sent, or relayed, with a message of type 6. */
  sentByAes = 0;
  mesh!: MeshNode;
  plane!: PortablePlane;
  ledger!: Ledger;
  revoked = false;
  /** Sees control payloads and messages before the node does; false swallows them. */
  intercept: ((kind: 'handshake' | 'control', bytes: Uint8Array) => boolean) | null = null;
  readonly #options: NodeOptions;
  #drives: Drive[] = [];
  #close: (() => void) | null = null;
  /** Kept after a revocation: its kernel goes on with what it had. */
  #address: Address | null = null;

  constructor(
    world: World,
    name: string,
    host: Host,
    identity: MeshIdentity,
    options: NodeOptions,
    remembered: readonly RememberedEndpoint[],
  ) {
    this.world = world;
    this.name = name;
    this.host = host;
    this.identity = identity;
    this.id = nodeIdOf(world.crypto, nodeKeyOf(world.crypto, identity.node));
    this.remembered = remembered;
    this.prefersAes = options.prefersAes ?? false;
    this.#options = options;
  }

  get issuer(): Issuer {
    return { seed: this.identity.node, key: nodeKeyOf(this.world.crypto, this.identity.node) };
  }

  get key(): NodeKey {
    return this.issuer.key;
  }

  /** Starts the daemon from what is stored, as after a reboot. */
  up(statements: readonly Uint8Array[] = this.stored): void {
    const { world, host } = this;
    const crypto = world.cryptoFor(`${this.name}@${host.now()}`);
    this.ledger = new Ledger({ crypto, network: world.network });
    for (const bytes of statements) this.ledger.add(bytes);
    if (statements !== this.stored) this.stored.splice(0, this.stored.length, ...statements);
    const socket = host.bind(PORT);
    const late: { target: PlaneEvents | null } = { target: null };
    const events = world.lateEvents(late, this);
    this.plane = new PortablePlane({
      crypto,
      events,
      prefersAes: this.prefersAes,
      io: {
        sendDatagram: (bytes, to) => {
          if (bytes[bytes[0] === 5 ? 20 : 0] === 6) this.sentByAes += 1;
          socket.send(bytes, to);
        },
        writePacket: (packet) => this.#packet(packet),
      },
    });
    this.#handles.clear();
    this.#ciphers.clear();
    const setPeer = this.plane.setPeer.bind(this.plane);
    this.plane.setPeer = (peer, now) => {
      const first = peer.allowed[0];
      const member = [...this.ledger.roster().members.values()].find(({ address4 }) => first === `${address4}/32`);
      if (member !== undefined) {
        this.#handles.set(member.id, peer.peer);
        this.#ciphers.set(member.id, peer.cipher);
      }
      setPeer(peer, now);
    };
    this.mesh = new MeshNode(
      {
        crypto,
        plane: this.plane,
        identity: this.identity,
        config: {
          staticEndpoints: this.#options.static === true ? [this.endpoint] : [],
          port: PORT,
          relay: this.#options.relay ?? true,
          location: this.#options.location ?? null,
          remembered: this.remembered,
          version: 'sim',
          localAddresses: host.localAddresses(),
        },
        wall: (now) => host.wall(now),
        events: {
          statement: (bytes) => void this.stored.push(Uint8Array.from(bytes)),
          rosterChanged: () => undefined,
          log: (entry) => void this.log.push(entry),
          remember: (ways) => {
            this.remembered = ways;
          },
          revoked: () => {
            this.revoked = true;
          },
        },
      },
      this.ledger,
    );
    late.target = this.mesh;
    socket.onDatagram = (bytes, from, now) => this.plane.handleDatagram(bytes, from, now);
    host.onNetworkChange = (now) => this.mesh.handleLocalAddresses(host.localAddresses(), now);
    host.onWake = (now) => this.mesh.handleResume(now);
    this.mesh.start(host.now());
    this.#drives = [drive(host, this.mesh), drive(host, this.plane)];
    this.#close = () => socket.close();
  }

  /** Power cut: nothing is said to anybody. */
  kill(): void {
    for (const one of this.#drives) one.stop();
    this.#drives = [];
    this.#close?.();
    this.#close = null;
    this.host.onNetworkChange = null;
    this.host.onWake = null;
  }

  get isUp(): boolean {
    return this.#close !== null;
  }

  down(): void {
    this.mesh.stop(this.host.now());
    this.kill();
  }

  get endpoint(): Endpoint {
    return endpointOf(this.host.address, PORT);
  }

  get address(): Address {
    this.#address = this.ledger.roster().members.get(this.id)?.address4 ?? this.#address;
    if (this.#address === null) throw new Error(`${this.name} never was a member`);
    return this.#address;
  }

  view(other: SimNode): MemberView {
    const found = this.mesh.status(this.host.now()).members.find(({ id }) => id === other.id);
    if (found === undefined) throw new Error(`${this.name} does not know ${other.name}`);
    return found;
  }

  /** Sends an IP packet to another member as its kernel would. */
  send(to: SimNode, text: string): void {
    if (!this.isUp) return;
    this.sendOut(to.address, text);
  }

  /** As `send`, to an address that need not be a member's; in the name of another one, if given. */
  sendOut(to: Address, text: string, from: Address = this.address): void {
    this.plane.handlePacket(ipPacket(from, to, text), this.host.now());
    this.poke();
  }

  /** The number by which this node's plane calls another member. */
  handleOf(other: SimNode): PeerHandle {
    const handle = this.#handles.get(other.id);
    if (handle === undefined) throw new Error(`the plane of ${this.name} has no peer ${other.name}`);
    return handle;
  }

  /** What seals this node's data for another member. */
  cipherFor(other: SimNode): Cipher | null {
    return this.#ciphers.get(other.id) ?? null;
  }

  readonly #handles: Map<NodeId, PeerHandle> = new Map();
  readonly #ciphers: Map<NodeId, Cipher> = new Map();

  poke(): void {
    for (const one of this.#drives) one.poke();
  }

  /** Sends `text` every `every` ms until stopped; the other end answers each with `re:` before it. */
  chat(to: SimNode, every: number): { readonly answers: number[]; readonly sent: number[]; stop(): void } {
    const answers: number[] = [];
    const sent: number[] = [];
    let next = 0;
    let running = true;
    const seen = this.received.length;
    const step = () => {
      if (!running) return;
      sent.push(this.host.now());
      this.send(to, `ask ${to.name} ${next++}`);
      this.world.sim.schedule(this.world.sim.now + every, step);
    };
    step();
    this.onReceive.push((text, at) => {
      if (this.received.length > seen && text.startsWith(`re:ask ${to.name}`)) answers.push(at);
    });
    return {
      answers,
      sent,
      stop: () => {
        running = false;
      },
    };
  }

  readonly onReceive: ((text: string, at: number) => void)[] = [];

  #packet(packet: Uint8Array): void {
    const now = this.host.now();
    const source = packet.subarray(12, 16).join('.');
    const text = new TextDecoder().decode(packet.subarray(20));
    this.received.push({ from: source, text, at: now });
    for (const listener of this.onReceive) listener(text, now);
    if (text.startsWith('ask ')) {
      const answer = ipPacket(this.address, source as Address, `re:${text}`);
      this.plane.handlePacket(answer, now);
    }
  }
}

export class World {
  readonly sim: Simulation;
  readonly crypto: Crypto;
  readonly nodes: SimNode[] = [];
  readonly #verified = new Map<string, boolean>();
  #network: ReturnType<typeof networkIdOf> | null = null;

  constructor(fallbackSeed: string, options: { statsInterval?: number } = {}) {
    this.sim = new Simulation({ seed: seedFrom(process.env, fallbackSeed), ...options });
    this.crypto = this.cryptoFor('world');
  }

  get network(): ReturnType<typeof networkIdOf> {
    if (this.#network === null) throw new Error('no network was founded');
    return this.#network;
  }

  /** Real primitives with made randomness; a signature that one node found good is not computed again for the next. */
  cryptoFor(label: string): Crypto {
    const random = this.sim.random.fork(`crypto ${label}`);
    const real = nodeCrypto();
    return {
      ...real,
      random: (length) => random.bytes(length),
      ed25519Verify: (key, message, signature) => {
        const id = toHex(real.sha256(concatAll(key, message, signature)));
        const known = this.#verified.get(id);
        if (known !== undefined) return known;
        const good = real.ed25519Verify(key, message, signature);
        this.#verified.set(id, good);
        return good;
      },
    };
  }

  lateEvents(late: { target: PlaneEvents | null }, node: SimNode): PlaneEvents {
    const target = () => {
      if (late.target === null) throw new Error('the plane spoke before its mesh was there');
      return late.target;
    };
    return {
      handshake: (message, origin, now) => {
        if (node.intercept?.('handshake', message) !== false) target().handshake(message, origin, now);
      },
      control: (peer, payload, origin, now) => {
        if (node.intercept?.('control', payload) !== false) target().control(peer, payload, origin, now);
      },
      roamed: (peer, origin, now) => target().roamed(peer, origin, now),
      confirmed: (peer, index, now) => target().confirmed(peer, index, now),
      noSession: (peer, now) => target().noSession(peer, now),
      noNextHop: (dst, now) => target().noNextHop(dst, now),
    };
  }

  newIdentity(): MeshIdentity {
    return { node: generateSecret(this.crypto), tunnel: generateSecret(this.crypto) };
  }

  /** The first node; it is up when this returns. */
  found(name: string, options: NodeOptions = {}, prefix = '10.0.0.0/16'): SimNode {
    const identity = this.newIdentity();
    const host = this.sim.network.host(name, options);
    const node = new SimNode(this, name, host, identity, options, []);
    const bytes = found({
      crypto: this.crypto,
      issuer: node.issuer,
      at: host.wall(),
      network: parseLabel('test', 'network name'),
      prefix4: parsePrefix(prefix),
      tunnelKey: tunnelKeyOf(this.crypto, identity.tunnel),
      name: parseLabel(name, 'member name'),
      address: parseAddress('10.0.0.1'),
    });
    this.#network = networkIdOf(this.crypto, bytes);
    this.nodes.push(node);
    node.up([bytes]);
    return node;
  }

  grantAdmin(by: SimNode, member: SimNode): void {
    by.mesh.publish(grant(by.ledger.context(by.issuer, by.host.wall()), member.key), by.host.now());
    by.poke();
  }

  /** An admin's invite that names `via` as ways in. */
  invite(
    by: SimNode,
    via: readonly SimNode[],
    fields: { name?: string; uses?: number; expires?: number } = {},
  ): string {
    const seed = generateSecret(this.crypto);
    const now = by.host.now();
    by.mesh.publish(
      invite(by.ledger.context(by.issuer, by.host.wall(now)), {
        key: inviteIssuer(this.crypto, seed).key,
        tunnelKey: inviteTunnel(this.crypto, seed).key,
        uses: fields.uses ?? 1,
        expires: fields.expires ?? null,
        name: fields.name === undefined ? null : parseLabel(fields.name, 'member name'),
        address: null,
        tags: [],
      }),
      now,
    );
    by.poke();
    return encodeInvite(this.crypto, {
      network: this.network,
      networkName: parseLabel('test', 'network name'),
      seed,
      expires: fields.expires ?? null,
      name: fields.name === undefined ? null : parseLabel(fields.name, 'member name'),
      address: null,
      bootstrap: via.map((node) => ({
        id: node.id,
        tunnelKey: tunnelKeyOf(this.crypto, node.identity.tunnel),
        endpoints: [node.endpoint],
      })),
    });
  }

  /** Redeems an invite with the real joiner; the node is up when this returns. */
  join(token: string, name: string, options: NodeOptions = {}): SimNode {
    const host = this.sim.network.host(options.as ?? name, options);
    if (options.wallOffset !== undefined) host.setWall(options.wallOffset);
    const identity = this.newIdentity();
    const result = this.redeem(token, name, host, identity);
    if (result instanceof Error) throw this.sim.failure(`${name} could not join: ${result.message}`, [name], result);
    const node = new SimNode(this, name, host, identity, options, result.remembered);
    this.nodes.push(node);
    node.up([...result.statements]);
    return node;
  }

  redeem(token: string, name: string, host: Host, identity: MeshIdentity): JoinResult | Error {
    const crypto = this.cryptoFor(`join ${name} ${host.now()}`);
    const socket = host.bind(PORT);
    let outcome: JoinResult | Error | null = null;
    const late: { target: PlaneEvents | null } = { target: null };
    const target = () => late.target as PlaneEvents;
    const plane = new PortablePlane({
      crypto,
      io: { sendDatagram: (bytes, to) => socket.send(bytes, to), writePacket: () => undefined },
      events: {
        handshake: (message, origin, now) => target().handshake(message, origin, now),
        control: (peer, payload, origin, now) => target().control(peer, payload, origin, now),
        roamed: (peer, origin, now) => target().roamed(peer, origin, now),
        confirmed: (peer, index, now) => target().confirmed(peer, index, now),
        noSession: (peer, now) => target().noSession(peer, now),
        noNextHop: (dst, now) => target().noNextHop(dst, now),
      },
    });
    const joiner = new Joiner({
      crypto,
      plane,
      token: decodeInvite(crypto, token),
      identity,
      name,
      address: null,
      wall: (now) => host.wall(now),
      done: (result) => {
        outcome = result;
      },
      failed: (error) => {
        outcome = error;
      },
    });
    late.target = joiner;
    socket.onDatagram = (bytes, from, now) => plane.handleDatagram(bytes, from, now);
    joiner.start(host.now());
    const drives = [drive(host, joiner), drive(host, plane)];
    this.sim.runUntil(() => outcome !== null, 30_000);
    for (const one of drives) one.stop();
    socket.close();
    return outcome ?? new Error('the joiner neither finished nor failed');
  }

  /** Makes many members at once without the ceremony: an admin's word takes each in; all start with the whole ledger. */
  admitAll(
    admin: SimNode,
    specs: readonly { name: string; options: NodeOptions }[],
    knows: readonly SimNode[] = [admin],
  ): SimNode[] {
    const fresh: SimNode[] = [];
    const remembered = knows.map((node) => ({ id: node.id, endpoints: [node.endpoint] }));
    for (const { name, options } of specs) {
      const identity = this.newIdentity();
      const host = this.sim.network.host(name, options);
      const node = new SimNode(this, name, host, identity, options, remembered);
      admin.mesh.publish(
        admit(admin.ledger.context(admin.issuer, admin.host.wall()), {
          nodeKey: node.key,
          tunnelKey: tunnelKeyOf(this.crypto, identity.tunnel),
          name: parseLabel(name, 'member name'),
          address: null,
          tags: [],
        }),
        admin.host.now(),
      );
      fresh.push(node);
    }
    const statements = [...admin.ledger.hashes()].map((hash) => admin.ledger.get(hash) as Uint8Array);
    for (const node of fresh) {
      this.nodes.push(node);
      node.up(statements);
    }
    return fresh;
  }

  up(): SimNode[] {
    return this.nodes.filter((node) => node.isUp);
  }

  /** Whether every running node sees every other running node online, and everybody else offline. */
  everybodySeesEverybody(): boolean {
    const up = new Set(this.up().map(({ id }) => id));
    return this.up().every((node) => {
      const { members } = node.mesh.status(node.host.now());
      const online = members.filter((member) => member.online);
      return online.length === up.size && online.every((member) => up.has(member.id));
    });
  }
}

function concatAll(...parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}

/** A minimal IPv4 packet of protocol 253 (RFC 3692: experiments). */
function ipPacket(from: Address, to: Address, text: string): Uint8Array {
  const payload = Buffer.from(text);
  const packet = new Uint8Array(20 + payload.length);
  packet[0] = 0x45;
  packet[2] = packet.length >> 8;
  packet[3] = packet.length & 0xff;
  packet[8] = 64;
  packet[9] = 253;
  packet.set(addressBytes(from), 12);
  packet.set(addressBytes(to), 16);
  packet.set(payload, 20);
  return packet;
}

/** Longest stretch without an answer between two times, in ms. */
export function longestSilence(answers: readonly number[], from: number, to: number): number {
  let longest = 0;
  let last = from;
  for (const at of [...answers.filter((time) => time > from && time < to), to]) {
    longest = Math.max(longest, at - last);
    last = at;
  }
  return longest;
}
