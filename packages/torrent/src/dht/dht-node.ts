/**
 * A node of the DHT for one family of addresses (BEP 5, 32, 42, 43, 44, 51), without sockets, clock and randomness: datagrams go
 * in by `handle`, come out by `pollSend`, and `tick` is called when `nextWake` comes. All times are monotonic ms.
 */
import { type Address, type Crypto, equalBytes, parseAddress } from '@kith/core';
import type { Encodable } from '../bencode.ts';
import type { Hashes } from '../hashes.ts';
import type { PeerAddress } from '../wire/duplex.ts';
import { AnnounceSchedule, type Tracked } from './announce-schedule.ts';
import { type Contact, endpointKey, type Family, familyOf, ID_LENGTH, isLocal, type NodeAddress } from './contact.ts';
import { DhtError } from './error.ts';
import { ExternalIp } from './external-ip.ts';
import { type DhtItem, isItemOf, isMutable, itemTarget } from './item.ts';
import { ItemStore } from './item-store.ts';
import {
  type Answer,
  embedded,
  encodeQuery,
  encodeRefusal,
  type Message,
  parseMessage,
  type Query,
  wantOf,
} from './krpc.ts';
import { DHT_LIMITS, type DhtLimits } from './limits.ts';
import { PeerStore } from './peer-store.ts';
import { type Asker, Questions } from './questions.ts';
import { Responder } from './responder.ts';
import { RoutingTable } from './routing-table.ts';
import type { NextQuestion, SearchOutcome, SearchPurpose } from './search.ts';
import { Searches } from './searches.ts';
import { isSecureId, secureId } from './secure-id.ts';
import { SourceLimits } from './source-limits.ts';
import type { NodeState } from './state.ts';
import { Tokens } from './tokens.ts';
import { Upkeep } from './upkeep.ts';

export interface DhtNodeOptions {
  readonly family: Family;
  /** That many fresh bytes, from a generator nobody can foresee: tokens and transactions hang on it. */
  readonly random: (length: number) => Uint8Array;
  readonly hashes: Hashes;
  readonly crypto: Pick<Crypto, 'ed25519Verify'>;
  /** Of an earlier run: its id, and nodes to begin with. */
  readonly state?: NodeState;
  /** The address that others see, where it is known: the id is bound to it (BEP 42). Otherwise they vote. */
  readonly externalIp?: Address;
  /** Asks and does not answer (BEP 43): for nodes that nobody can reach. Default false. */
  readonly readOnly?: boolean;
  /** Nodes whose id is wrong for their address are never talked to (BEP 42). Default false: they count less. */
  readonly onlySecure?: boolean;
  /** Local addresses may have as many nodes as they like: tests, networks of one's own. Default false. */
  readonly exemptLocal?: boolean;
  /** Who may be talked to and heard of, asked for every address. Default everybody. */
  readonly permits?: (ip: Address) => boolean;
  readonly limits?: Partial<DhtLimits>;
  /** It may call the node. */
  readonly listener?: (event: DhtEvent, now: number) => void;
}

export type DhtEvent =
  /** The neighbourhood is known. */
  | { readonly kind: 'ready' }
  /** Somebody said that these have the torrent; each once per lookup. */
  | { readonly kind: 'peers'; readonly infoHash: Uint8Array; readonly peers: readonly PeerAddress[] }
  /** A lookup for a torrent ended; `stored` nodes took the announce. */
  | ({ readonly kind: 'searched'; readonly infoHash: Uint8Array } & SearchOutcome)
  /** Others agree on how they see this node. */
  | { readonly kind: 'external-ip'; readonly ip: Address };

export interface Datagram {
  readonly to: PeerAddress;
  readonly bytes: Uint8Array;
}

/** What came and was not taken. */
export interface DhtCounts {
  malformed: number;
  /** Beyond the rates of a source or of all. */
  limited: number;
  /** Answers to what was not asked. */
  unasked: number;
  queriesSent: number;
  queriesAnswered: number;
  bytesSent: number;
}

/** Datagrams that wait to be polled; more are lost, as in any full buffer. */
const MOST_QUEUED = 4096;
/** `d` and `e` of bencoding. */
const DICTIONARY = 0x64;
const END = 0x65;
const EXPIRE_EVERY = 60_000;
/** Without any answer for so long the network is gone, not the nodes. */
const CUT_OFF = 60_000;

export class DhtNode {
  readonly family: Family;
  readonly counts: DhtCounts = {
    malformed: 0,
    limited: 0,
    unasked: 0,
    queriesSent: 0,
    queriesAnswered: 0,
    bytesSent: 0,
  };
  readonly #options: DhtNodeOptions;
  readonly #limits: DhtLimits;
  #table: RoutingTable;
  readonly #questions: Questions;
  readonly #searches: Searches;
  readonly #schedule: AnnounceSchedule;
  readonly #upkeep: Upkeep;
  readonly #responder: Responder;
  readonly #sources: SourceLimits;
  readonly #peers: PeerStore;
  readonly #items: ItemStore;
  readonly #externalIp = new ExternalIp();
  readonly #out: Datagram[] = [];
  #sibling: DhtNode | undefined;
  #seenAs: Address | undefined;
  #heardAt: number = Number.NEGATIVE_INFINITY;
  #expireAt: number;

  constructor(options: DhtNodeOptions, now: number) {
    const limits = { ...DHT_LIMITS, ...options.limits };
    const { externalIp, family, hashes, crypto, random, state } = options;
    const flags = { exemptLocal: options.exemptLocal ?? false, onlySecure: options.onlySecure ?? false };
    this.family = family;
    this.#options = options;
    this.#limits = limits;
    this.#seenAs = externalIp;
    const fits = state !== undefined && (externalIp === undefined || isSecureId(state.id, externalIp));
    const fresh = () => (externalIp === undefined ? new Uint8Array(random(ID_LENGTH)) : secureId(externalIp, random));
    this.#table = new RoutingTable(fits ? state.id : fresh(), { ...limits, ...flags }, now);
    this.#questions = new Questions({ ...limits, random });
    this.#sources = new SourceLimits(limits, flags.exemptLocal);
    this.#peers = new PeerStore(limits, random);
    this.#items = new ItemStore(limits);
    this.#expireAt = now + EXPIRE_EVERY;
    this.#responder = new Responder({
      family,
      limits,
      hashes,
      crypto,
      peers: this.#peers,
      items: this.#items,
      tokens: new Tokens(random, now),
      id: () => this.#table.id,
      closest: (target, wanted) => this.#nodeOf(wanted)?.closest(target) ?? [],
    });
    this.#searches = new Searches({
      ...flags,
      limits,
      closest: (target) => this.#table.closest(target, 2 * limits.closest),
      usable: (answer, from) => this.#usable(family === 4 ? answer.nodes : answer.nodes6, from),
      full: () => this.#questions.full,
      ask: (to, question, asker, at) => this.#ask(to, question, asker, at),
    });
    this.#schedule = new AnnounceSchedule({ ...limits, draw: () => (random(1)[0] as number) / 256 });
    this.#upkeep = new Upkeep(
      {
        table: () => this.#table,
        searches: this.#searches,
        random,
        asked: (address) => this.#questions.expects(address),
        ask: (to, method, asker, at) => {
          const args = method === 'ping' ? {} : { target: this.#table.id, want: this.#want() };
          this.#ask(to, { method, args }, asker, at);
        },
        lookAround: (target, finished) => this.#lookAround(target, finished),
        ready: (at) => this.#emit({ kind: 'ready' }, at),
      },
      now,
    );
    if (state !== undefined) this.#upkeep.bootstrap(this.#permitted(state.contacts), false, now);
  }

  /** 20 bytes. It changes when others agree on another external address. */
  get id(): Uint8Array {
    return this.#table.id;
  }

  /** Nodes in the table. */
  get nodes(): number {
    return this.#table.size;
  }

  /** Info-hashes and values that others stored here. */
  get stored(): { readonly torrents: number; readonly items: number } {
    return { torrents: this.#peers.size, items: this.#items.size };
  }

  /** The neighbourhood is known: what is announced gets to where it is looked for. */
  get ready(): boolean {
    return this.#upkeep.ready;
  }

  /** The node of the other family beside this one: they tell each other, and those who ask, of nodes (BEP 32). */
  pair(sibling: DhtNode): void {
    this.#sibling = sibling;
    sibling.#sibling = this;
  }

  /** Nodes to begin with, asked whenever nobody is known. Addresses of the other family are passed over. */
  bootstrap(addresses: readonly PeerAddress[], now: number): void {
    const parsed = addresses.map(({ ip, port }) => ({ ip: parseAddress(ip), port }));
    this.#upkeep.bootstrap(this.#permitted(parsed), true, now);
  }

  /** There may be a node: a peer said so (BEP 5, message `port`). */
  addNode(address: PeerAddress, now: number): void {
    const [known] = this.#permitted([{ ip: parseAddress(address.ip), port: address.port }]);
    if (known === undefined || !this.#searches.mayAsk(now)) return;
    this.#ask(known, { method: 'ping', args: {} }, { answered: () => undefined, failed: () => undefined }, now);
  }

  /** Looks for peers of a torrent, and announces this node as one, from now on and again and again. */
  track(tracked: Tracked, now: number): void {
    this.#schedule.set(tracked, now);
  }

  untrack(infoHash: Uint8Array): void {
    this.#schedule.delete(infoHash);
  }

  /**
   * Looks for a value (BEP 44): the verified one with the highest sequence number, undefined where none was found.
   * False where too much waits already; `done` is not called then.
   * @param salt of a mutable value: answers do not say it
   */
  get(target: Uint8Array, salt: Uint8Array, done: (item: DhtItem | undefined, now: number) => void): boolean {
    let best: DhtItem | undefined;
    return this.#search(target, {
      method: 'get',
      args: { target, want: this.#want() },
      heard: ({ item }) => {
        if (item === undefined) return;
        const salted = isMutable(item) ? { ...item, salt } : item;
        const newer = best === undefined || !isMutable(best) || !isMutable(salted) || salted.sequence > best.sequence;
        if (newer && isItemOf(salted, target, this.#options)) best = salted;
      },
      finished: (_, now) => done(best, now),
    });
  }

  /**
   * Stores a value (BEP 44) with the nodes that are closest to its target. False where too much waits already.
   * @param cas the sequence number that is to be replaced: where another is stored, it stays
   */
  put(item: DhtItem, cas: number | undefined, done: (outcome: SearchOutcome, now: number) => void): boolean {
    const target = itemTarget(item, this.#options.hashes);
    const v = embedded(item.value);
    const signed = isMutable(item)
      ? {
          k: item.key,
          sig: item.signature,
          seq: item.sequence,
          salt: item.salt.length === 0 ? undefined : item.salt,
          cas,
        }
      : {};
    return this.#search(target, {
      method: 'get',
      args: { target, want: this.#want() },
      store: (token) => ({ method: 'put', args: { ...signed, v, token } }),
      finished: done,
    });
  }

  /** Asks nodes around `target` which info-hashes they know of (BEP 51). False where too much waits already. */
  sample(
    target: Uint8Array,
    heard: (samples: readonly Uint8Array[], from: Contact, interval: number | undefined) => void,
    done: (outcome: SearchOutcome, now: number) => void,
  ): boolean {
    return this.#search(target, {
      method: 'sample_infohashes',
      args: { target, want: this.#want() },
      heard: ({ samples, interval }, { contact }) => heard(samples, contact, interval),
      finished: done,
    });
  }

  /** A datagram came. `from.ip` is canonical and has no zone. */
  handle(datagram: Uint8Array, from: PeerAddress, now: number): void {
    const sender: NodeAddress = { ip: parseAddress(from.ip), port: from.port };
    if (this.#permitted([sender]).length === 0) return;
    if (!this.#sources.mayCome(sender, this.#questions.expects(sender), now)) {
      this.counts.limited++;
      return;
    }
    const message = this.#parse(datagram, sender, now);
    if (message === undefined) return;
    if (message.kind === 'query') this.#asked(message, sender, now);
    else {
      const asker = this.#questions.close(message.transaction, sender);
      if (asker === undefined) this.counts.unasked++;
      else if (message.kind === 'answer') this.#answered(message, sender, asker, now);
      else asker.failed(message, now);
    }
    this.#run(now);
  }

  /** The next datagram to send; ask until there is none after every other call. */
  pollSend(): Datagram | undefined {
    return this.#out.shift();
  }

  tick(now: number): void {
    this.#questions.tick(now, (to) => {
      if (now - this.#heardAt < CUT_OFF) this.#table.failed(to);
    });
    this.#upkeep.tick(now);
    if (now >= this.#expireAt) {
      this.#expireAt = now + EXPIRE_EVERY;
      this.#peers.expire(now);
      this.#items.expire(now);
    }
    this.#run(now);
  }

  /** When `tick` is to be called next. */
  nextWake(now: number): number {
    const searching = this.#searches.room && this.ready ? this.#schedule.nextWake() : Number.POSITIVE_INFINITY;
    return Math.max(
      now,
      Math.min(
        this.#questions.nextWake(),
        this.#upkeep.nextWake(now),
        this.#searches.nextWake(now),
        this.#expireAt,
        searching,
      ),
    );
  }

  /** For a quick start of the next run. */
  exportState(): NodeState {
    return { id: this.id, contacts: this.#table.contacts() };
  }

  /** The closest known nodes to a target. */
  closest(target: Uint8Array): readonly Contact[] {
    return this.#table.closest(target, this.#limits.closest);
  }

  #nodeOf(family: Family): DhtNode | undefined {
    return family === this.family ? this : this.#sibling;
  }

  #parse(datagram: Uint8Array, from: NodeAddress, now: number): Message | undefined {
    // What is no dictionary is not worth an error with its stack.
    const framed = datagram[0] === DICTIONARY && datagram[datagram.length - 1] === END;
    if (!framed || datagram.length > this.#limits.datagram) {
      this.counts.malformed++;
      return undefined;
    }
    try {
      return parseMessage(datagram, { nodes: this.#limits.nodesPerAnswer, peers: this.#limits.peersPerAnswer });
    } catch (error) {
      if (!(error instanceof DhtError)) throw error;
      this.counts.malformed++;
      if (error.transaction !== undefined) this.#refuse(error.transaction, error, from, now);
      return undefined;
    }
  }

  #asked(query: Query, from: NodeAddress, now: number): void {
    if (equalBytes(query.id, this.id)) return;
    if (!query.readOnly) this.#upkeep.suggest({ id: query.id, ...from });
    if (this.#options.readOnly === true) return;
    try {
      const answer = this.#responder.answer(query, from, now);
      if (this.#reply(answer, from, now)) this.counts.queriesAnswered++;
    } catch (error) {
      if (!(error instanceof DhtError)) throw error;
      this.#refuse(query.transaction, error, from, now);
    }
  }

  #refuse(transaction: Uint8Array, { code, message }: DhtError, to: NodeAddress, now: number): void {
    if (this.#options.readOnly !== true) this.#reply(encodeRefusal(transaction, code, message), to, now);
  }

  #reply(bytes: Uint8Array, to: NodeAddress, now: number): boolean {
    const may = this.#sources.mayReply(to, bytes.length, now);
    if (may) this.#send(bytes, to);
    else this.counts.limited++;
    return may;
  }

  #answered(answer: Answer, from: NodeAddress, asker: Asker, now: number): void {
    if (equalBytes(answer.id, this.id)) {
      asker.failed(undefined, now);
      return;
    }
    this.#heardAt = now;
    this.#table.answered({ id: answer.id, ...from }, now);
    if (answer.externalIp !== undefined) this.#vote(from.ip, answer.externalIp, now);
    const theirs = this.family === 4 ? answer.nodes6 : answer.nodes;
    const sibling = this.#sibling;
    if (sibling !== undefined) {
      for (const contact of theirs) if (sibling.#isUsable(contact, from)) sibling.#upkeep.suggest(contact);
    }
    this.#upkeep.lookAround(now);
    asker.answered(answer, now);
  }

  #vote(voter: Address, seen: Address, now: number): void {
    if (familyOf(seen) !== this.family) return;
    const ip = this.#externalIp.vote(voter, seen);
    if (ip === undefined || ip === this.#seenAs) return;
    this.#seenAs = ip;
    if (!isSecureId(this.id, ip)) {
      const flags = {
        exemptLocal: this.#options.exemptLocal ?? false,
        onlySecure: this.#options.onlySecure ?? false,
      };
      const known = this.#table.contacts();
      this.#table = new RoutingTable(secureId(ip, this.#options.random), { ...this.#limits, ...flags }, now);
      for (const contact of known) this.#table.answered(contact, now);
      this.#upkeep.moved(now);
    }
    this.#emit({ kind: 'external-ip', ip }, now);
  }

  /** Starts what is due and asks what may be asked. */
  #run(now: number): void {
    while (this.ready && this.#searches.room) {
      const tracked = this.#schedule.next(now);
      if (tracked === undefined) break;
      this.#findPeers(tracked);
      this.#searches.run(now);
    }
    this.#searches.run(now);
    this.#upkeep.askSuggested(now);
  }

  #findPeers(tracked: Tracked): void {
    const { infoHash, port, impliedPort } = tracked;
    const seen = new Set<string>();
    this.#search(infoHash, {
      method: 'get_peers',
      args: { info_hash: infoHash, want: this.#want() },
      heard: (answer, { contact }, now) => {
        const peers = answer.peers.filter((peer) => {
          const key = endpointKey(peer);
          if (seen.size >= this.#limits.peersPerLookup || seen.has(key) || !this.#isUsable(peer, contact)) return false;
          seen.add(key);
          return true;
        });
        if (peers.length > 0 && this.#schedule.has(infoHash)) this.#emit({ kind: 'peers', infoHash, peers }, now);
      },
      store: (token) => {
        // Whoever gave it up meanwhile is not announced any more.
        if (port === undefined || !this.#schedule.has(infoHash)) return undefined;
        const implied = impliedPort === true ? 1 : undefined;
        return { method: 'announce_peer', args: { info_hash: infoHash, port, implied_port: implied, token } };
      },
      finished: (outcome, now) => {
        this.#schedule.done(infoHash, outcome.answered > 0, now);
        this.#emit({ kind: 'searched', infoHash, ...outcome }, now);
      },
    });
  }

  #lookAround(target: Uint8Array, finished: (answered: number, now: number) => void): boolean {
    return this.#search(target, {
      method: 'find_node',
      args: { target, want: this.#want() },
      finished: ({ answered }, now) => finished(answered, now),
    });
  }

  #search(target: Uint8Array, purpose: SearchPurpose): boolean {
    return this.#searches.start(target, purpose);
  }

  #want(): Encodable | undefined {
    return this.#sibling === undefined ? undefined : wantOf([4, 6]);
  }

  #ask(to: NodeAddress, { method, args }: Pick<NextQuestion, 'method' | 'args'>, asker: Asker, now: number): void {
    const transaction = this.#questions.open(to, asker, now);
    this.counts.queriesSent++;
    this.#send(encodeQuery(transaction, method, { ...args, id: this.id }, this.#options.readOnly === true), to);
  }

  #send(bytes: Uint8Array, to: NodeAddress): void {
    if (this.#out.length >= MOST_QUEUED) return;
    this.counts.bytesSent += bytes.length;
    this.#out.push({ to, bytes });
  }

  #usable(contacts: readonly Contact[], toldBy: NodeAddress): readonly Contact[] {
    return contacts.filter((contact) => !equalBytes(contact.id, this.id) && this.#isUsable(contact, toldBy));
  }

  /** Nobody from outside gets to name addresses of the local network: what is sent there would be sent for a stranger. */
  #isUsable(address: NodeAddress, toldBy: NodeAddress): boolean {
    return this.#permitted([address]).length > 0 && (!isLocal(address.ip) || isLocal(toldBy.ip));
  }

  #permitted<T extends NodeAddress>(addresses: readonly T[]): T[] {
    const { permits } = this.#options;
    return addresses.filter(
      ({ ip, port }) => port > 0 && port <= 65_535 && familyOf(ip) === this.family && permits?.(ip) !== false,
    );
  }

  #emit(event: DhtEvent, now: number): void {
    this.#options.listener?.(event, now);
  }
}
