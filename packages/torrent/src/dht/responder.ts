/** Answers what other nodes ask. An answer fits into a datagram that goes everywhere, whatever was asked for. */
import type { Crypto } from '@kith/core';
import type { Encodable } from '../bencode.ts';
import type { Hashes } from '../hashes.ts';
import { type Contact, type Family, ID_LENGTH, type NodeAddress, packNodes, packPeer, peerLength } from './contact.ts';
import { DhtError, ERROR_CODE } from './error.ts';
import { checkItem, isMutable, itemTarget } from './item.ts';
import type { ItemStore } from './item-store.ts';
import { embedded, encodeAnswer, type Query } from './krpc.ts';
import type { DhtLimits } from './limits.ts';
import type { PeerStore } from './peer-store.ts';
import type { Tokens } from './tokens.ts';

export interface ResponderParts {
  readonly family: Family;
  readonly limits: DhtLimits;
  readonly hashes: Hashes;
  readonly crypto: Pick<Crypto, 'ed25519Verify'>;
  readonly peers: PeerStore;
  readonly items: ItemStore;
  readonly tokens: Tokens;
  readonly id: () => Uint8Array;
  /** The closest nodes of a family to a target, as far as it is served. */
  readonly closest: (target: Uint8Array, family: Family) => readonly Contact[];
}

type Results = Record<string, Encodable>;

/** What an answer weighs besides values: keys, id, token, version, transaction, endpoint. */
const SKELETON = 200;

export class Responder {
  readonly #parts: ResponderParts;

  constructor(parts: ResponderParts) {
    this.#parts = parts;
  }

  /** @throws DhtError with what the sender is told instead */
  answer(query: Query, from: NodeAddress, now: number): Uint8Array {
    const results = { id: this.#parts.id(), ...this.#results(query, from, now) };
    const encode = (): Uint8Array => encodeAnswer(query.transaction, results, packPeer(from));
    const encoded = encode();
    if (encoded.length <= this.#parts.limits.reply) return encoded;
    // A value matters more than the way to others.
    const { nodes: _, nodes6: __, ...rest } = results as Results;
    return encodeAnswer(query.transaction, rest, packPeer(from));
  }

  #results(query: Query, from: NodeAddress, now: number): Results {
    switch (query.method) {
      case 'ping':
        return {};
      case 'find_node':
        return this.#nodes(query.target, query.want);
      case 'get_peers':
        return this.#getPeers(query, from, now);
      case 'sample_infohashes':
        return this.#sample(query, now);
      case 'get':
        return this.#get(query, from, now);
      case 'announce_peer':
        return this.#announce(query, from, now);
      case 'put':
        return this.#put(query, from, now);
    }
  }

  #nodes(target: Uint8Array, want: readonly Family[] | undefined): Results {
    const { family, closest } = this.#parts;
    const results: Results = {};
    for (const wanted of want ?? [family]) {
      results[wanted === 4 ? 'nodes' : 'nodes6'] = packNodes(closest(target, wanted), wanted);
    }
    return results;
  }

  #getPeers(
    query: Extract<Query, { method: 'find_node' | 'get_peers' | 'sample_infohashes' }>,
    from: NodeAddress,
    now: number,
  ): Results {
    const { family, limits, peers, tokens } = this.#parts;
    const results: Results = {
      ...this.#nodes(query.target, query.want),
      token: tokens.issue(from.ip, query.target, now),
    };
    const taken = SKELETON + bytesOf(results['nodes']) + bytesOf(results['nodes6']);
    const most = Math.floor((limits.reply - taken) / (peerLength(family) + 3));
    const values = peers.get(query.target, most, now).map((peer) => packPeer(peer));
    if (values.length > 0) results['values'] = values;
    return results;
  }

  #sample(query: Extract<Query, { method: 'find_node' | 'get_peers' | 'sample_infohashes' }>, now: number): Results {
    const { limits, peers } = this.#parts;
    const hashes = peers.sample(now);
    const samples = new Uint8Array(ID_LENGTH * hashes.length);
    for (const [i, hash] of hashes.entries()) samples.set(hash, i * ID_LENGTH);
    const interval = Math.ceil(limits.sampleInterval / 1000);
    return { ...this.#nodes(query.target, query.want), interval, num: peers.size, samples };
  }

  #get(query: Extract<Query, { method: 'get' }>, from: NodeAddress, now: number): Results {
    const { items, tokens } = this.#parts;
    const results: Results = {
      ...this.#nodes(query.target, query.want),
      token: tokens.issue(from.ip, query.target, now),
    };
    const item = items.get(query.target, now);
    if (item === undefined) return results;
    if (!isMutable(item)) return { ...results, v: embedded(item.value) };
    results['seq'] = item.sequence;
    if (query.sequence !== undefined && item.sequence <= query.sequence) return results;
    return { ...results, v: embedded(item.value), k: item.key, sig: item.signature };
  }

  #announce(query: Extract<Query, { method: 'announce_peer' }>, from: NodeAddress, now: number): Results {
    const { peers, tokens } = this.#parts;
    if (!tokens.check(query.token, from.ip, query.target, now)) throw badToken();
    if (!peers.add(query.target, { ip: from.ip, port: query.port ?? from.port }, now)) {
      throw new DhtError(ERROR_CODE.server, 'too many announces of one address');
    }
    return {};
  }

  #put(query: Extract<Query, { method: 'put' }>, from: NodeAddress, now: number): Results {
    const { crypto, hashes, items, tokens } = this.#parts;
    const target = itemTarget(query.item, hashes);
    // The token first: it costs a hundredth of a signature.
    if (!tokens.check(query.token, from.ip, target, now)) throw badToken();
    checkItem(query.item, crypto);
    items.put(target, query.item, query.cas, from.ip, now);
    return {};
  }
}

function bytesOf(value: Encodable | undefined): number {
  return value instanceof Uint8Array ? value.length + 8 : 0;
}

function badToken(): DhtError {
  return new DhtError(ERROR_CODE.protocol, 'the token is not valid');
}
