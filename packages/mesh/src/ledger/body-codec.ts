/**
 * Bodies in CBOR: a map with `k` and exactly these keys. Keys have 32 bytes, `a4` is an address of 4 bytes, prefixes are
 * [address bytes, length], heads [n, hash(32)]; `?` marks what may be null.
 *   found      k net p4 tk name a4
 *   invite     k key tk uses exp? name? a4? tags
 *   join       k node tk name a4? proof(64)
 *   admit      k node tk name a4? tags
 *   set        k node name? a4? tags? routes? relay?
 *   grant      k node
 *   withdraw   k node head?
 *   revoke     k node head?
 *   close      k key keep(8 each, ascending)          the revocation of an invite
 *   rekey      k tk
 *   policy     k sec rules                            rule: [from, to, protocol, [[from, to]…]]
 * A selector is `*`, `tag:LABEL` or `LABEL`.
 */
import {
  addressBytes,
  addressFrom,
  concat,
  fromHex,
  isIPv4,
  keyBytes,
  KithError,
  nodeIdFrom,
  nodeKeyFrom,
  parseLabel,
  prefixOf,
  prefixParts,
  toHex,
  tunnelKeyFrom,
} from '@kith/core';
import type { Address, Cbor, Label, NodeKey, Prefix, TunnelKey } from '@kith/core';
import { BODY_LIMITS } from './body.ts';
import type { Body, Head, PolicyProtocol, PolicyRule, PortRange, Selector } from './body.ts';
import { isHost } from './hosts.ts';

/** Times are below this: 8,900 years, so that sums of a time and a number stay exact. */
export const TIME_LIMIT: number = 2 ** 48;
const NUMBER_LIMIT = 2 ** 32;
const PROTOCOLS: readonly PolicyProtocol[] = ['any', 'tcp', 'udp', 'icmp'];

type CborMap = { readonly [key: string]: Cbor };

export function invalid(why: string): KithError {
  return new KithError('STATEMENT_INVALID', `not a statement: ${why}`);
}

export function encodeBody(body: Body): Cbor {
  switch (body.kind) {
    case 'found':
      return {
        k: 'found',
        net: body.network,
        p4: prefixCbor(body.prefix4),
        tk: keyBytes(body.tunnelKey),
        name: body.name,
        a4: addressBytes(body.address),
      };
    case 'invite':
      return {
        k: 'invite',
        key: keyBytes(body.key),
        tk: keyBytes(body.tunnelKey),
        uses: body.uses,
        exp: body.expires,
        name: body.name,
        a4: addressCbor(body.address),
        tags: body.tags,
      };
    case 'join':
      return { k: 'join', ...encodeJoinFields(body), proof: body.proof };
    case 'admit':
      return { k: 'admit', ...encodeJoinFields(body), tags: body.tags };
    case 'set':
      return {
        k: 'set',
        node: keyBytes(body.nodeKey),
        name: body.name,
        a4: addressCbor(body.address),
        tags: body.tags,
        routes: body.routes === null ? null : body.routes.map(prefixCbor),
        relay: body.mayRelay,
      };
    case 'grant':
      return { k: 'grant', node: keyBytes(body.nodeKey) };
    case 'withdraw':
      return { k: 'withdraw', node: keyBytes(body.nodeKey), head: headCbor(body.head) };
    case 'revoke-node':
      return { k: 'revoke', node: keyBytes(body.nodeKey), head: headCbor(body.head) };
    case 'revoke-invite':
      return { k: 'close', key: keyBytes(body.key), keep: concat(...body.keep.map(fromHex)) };
    case 'rekey':
      return { k: 'rekey', tk: keyBytes(body.tunnelKey) };
    case 'policy':
      return { k: 'policy', sec: body.section, rules: body.rules.map(ruleCbor) };
  }
}

/** The fields of a join that its proof covers. */
export function encodeJoinFields(join: {
  readonly nodeKey: NodeKey;
  readonly tunnelKey: TunnelKey;
  readonly name: Label;
  readonly address: Address | null;
}): { readonly node: Uint8Array; readonly tk: Uint8Array; readonly name: string; readonly a4: Uint8Array | null } {
  return {
    node: keyBytes(join.nodeKey),
    tk: keyBytes(join.tunnelKey),
    name: join.name,
    a4: addressCbor(join.address),
  };
}

/** @throws KithError STATEMENT_INVALID or the code of the field that is malformed */
export function decodeBody(value: Cbor | undefined): Body {
  if (!isMap(value)) throw invalid('the body is no map');
  switch (value['k']) {
    case 'found': {
      const [net, p4, tk, name, a4] = fields(value, ['net', 'p4', 'tk', 'name', 'a4']);
      const prefix4 = prefix(p4);
      const { address: base, length } = prefixParts(prefix4);
      if (!isIPv4(base) || length < 8 || length > 30) throw invalid(`${prefix4} is no IPv4 prefix of length 8 to 30`);
      const member = address(a4);
      if (!isHost(prefix4, member)) throw invalid(`the founder's address ${member} is no host of ${prefix4}`);
      return {
        kind: 'found',
        network: label(net),
        prefix4,
        tunnelKey: tunnelKey(tk),
        name: label(name),
        address: member,
      };
    }
    case 'invite': {
      const [key, tk, uses, exp, name, a4, tags] = fields(value, ['key', 'tk', 'uses', 'exp', 'name', 'a4', 'tags']);
      const body = {
        kind: 'invite',
        key: nodeKey(key),
        tunnelKey: tunnelKey(tk),
        uses: integer(uses, 1, BODY_LIMITS.uses + 1),
        expires: exp === null ? null : integer(exp, 0, TIME_LIMIT),
        name: name === null ? null : label(name),
        address: a4 === null ? null : address(a4),
        tags: labels(tags),
      } as const;
      if (body.uses > 1 && (body.name !== null || body.address !== null)) {
        throw invalid('an invite for several nodes fixes a name or an address');
      }
      return body;
    }
    case 'join': {
      const [node, tk, name, a4, proof] = fields(value, ['node', 'tk', 'name', 'a4', 'proof']);
      return {
        kind: 'join',
        nodeKey: nodeKey(node),
        tunnelKey: tunnelKey(tk),
        name: label(name),
        address: a4 === null ? null : address(a4),
        proof: octets(proof, 64),
      };
    }
    case 'admit': {
      const [node, tk, name, a4, tags] = fields(value, ['node', 'tk', 'name', 'a4', 'tags']);
      return {
        kind: 'admit',
        nodeKey: nodeKey(node),
        tunnelKey: tunnelKey(tk),
        name: label(name),
        address: a4 === null ? null : address(a4),
        tags: labels(tags),
      };
    }
    case 'set': {
      const [node, name, a4, tags, routes, relay] = fields(value, ['node', 'name', 'a4', 'tags', 'routes', 'relay']);
      if (relay !== null && typeof relay !== 'boolean') throw invalid('the relay permission is no boolean');
      return {
        kind: 'set',
        nodeKey: nodeKey(node),
        name: name === null ? null : label(name),
        address: a4 === null ? null : address(a4),
        tags: tags === null ? null : labels(tags),
        routes: routes === null ? null : list(routes, BODY_LIMITS.routes).map(prefix),
        mayRelay: relay,
      };
    }
    case 'grant': {
      const [node] = fields(value, ['node']);
      return { kind: 'grant', nodeKey: nodeKey(node) };
    }
    case 'withdraw': {
      const [node, pin] = fields(value, ['node', 'head']);
      return { kind: 'withdraw', nodeKey: nodeKey(node), head: head(pin) };
    }
    case 'revoke': {
      const [node, pin] = fields(value, ['node', 'head']);
      return { kind: 'revoke-node', nodeKey: nodeKey(node), head: head(pin) };
    }
    case 'close': {
      const [key, keep] = fields(value, ['key', 'keep']);
      return { kind: 'revoke-invite', key: nodeKey(key), keep: ids(keep) };
    }
    case 'rekey': {
      const [tk] = fields(value, ['tk']);
      return { kind: 'rekey', tunnelKey: tunnelKey(tk) };
    }
    case 'policy': {
      const [sec, rules] = fields(value, ['sec', 'rules']);
      return { kind: 'policy', section: label(sec), rules: list(rules, BODY_LIMITS.rules).map(rule) };
    }
    default:
      throw invalid('the body is of a kind that this version does not know');
  }
}

export function isMap(value: Cbor | undefined): value is CborMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

export function octets(value: Cbor | undefined, length: number): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length !== length) throw invalid(`a field has not ${length} bytes`);
  return value;
}

export function integer(value: Cbor | undefined, from: number, below: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < from || value >= below) {
    throw invalid(`a number is no integer of ${from} to ${below - 1}`);
  }
  return value;
}

export function nodeKey(value: Cbor | undefined): NodeKey {
  return nodeKeyFrom(octets(value, 32));
}

export function chainNumber(value: Cbor | undefined): number {
  return integer(value, 0, NUMBER_LIMIT);
}

/** The values of exactly these keys besides `k`, in this order. */
function fields(map: CborMap, keys: readonly string[]): readonly (Cbor | undefined)[] {
  const present = Object.keys(map);
  if (present.length !== keys.length + 1) throw invalid('the body has missing or foreign fields');
  return keys.map((key) => {
    if (!Object.hasOwn(map, key)) throw invalid(`the body lacks "${key}"`);
    return map[key];
  });
}

function list(value: Cbor | undefined, most: number): readonly Cbor[] {
  if (!isList(value)) throw invalid('a field is no list');
  if (value.length > most) throw invalid(`a list has more than ${most} entries`);
  return value;
}

function isList(value: Cbor | undefined): value is readonly Cbor[] {
  return Array.isArray(value);
}

function tunnelKey(value: Cbor | undefined): TunnelKey {
  return tunnelKeyFrom(octets(value, 32));
}

function label(value: Cbor | undefined): Label {
  if (typeof value !== 'string') throw invalid('a name is no text');
  const parsed = parseLabel(value, 'name');
  if (parsed !== value) throw invalid('a name has capital letters');
  return parsed;
}

function labels(value: Cbor | undefined): readonly Label[] {
  const all = list(value, BODY_LIMITS.tags).map(label);
  if (all.some((tag, i) => i > 0 && tag <= (all[i - 1] as Label))) throw invalid('tags are not sorted');
  return all;
}

function address(value: Cbor | undefined): Address {
  return addressFrom(octets(value, 4));
}

function addressCbor(value: Address | null): Uint8Array | null {
  return value === null ? null : addressBytes(value);
}

function prefix(value: Cbor | undefined): Prefix {
  const [bytes, length] = list(value, 2);
  if (!(bytes instanceof Uint8Array) || (bytes.length !== 4 && bytes.length !== 16))
    throw invalid('a prefix is malformed');
  const base = addressFrom(bytes);
  const parsed = prefixOf(base, integer(length, 0, bytes.length * 8 + 1));
  if (prefixParts(parsed).address !== base) throw invalid('a prefix has host bits');
  return parsed;
}

function prefixCbor(value: Prefix): Cbor {
  const { address: base, length } = prefixParts(value);
  return [addressBytes(base), length];
}

function head(value: Cbor | undefined): Head | null {
  if (value === null) return null;
  const pair = list(value, 2);
  if (pair.length !== 2) throw invalid('a head is no pair');
  return { n: chainNumber(pair[0]), hash: toHex(octets(pair[1], 32)) };
}

function headCbor(value: Head | null): Cbor {
  return value === null ? null : [value.n, fromHex(value.hash)];
}

function ids(value: Cbor | undefined): Extract<Body, { kind: 'revoke-invite' }>['keep'] {
  if (!(value instanceof Uint8Array) || value.length % 8 !== 0 || value.length > 8 * BODY_LIMITS.uses) {
    throw invalid('the kept nodes are no list of ids');
  }
  const all = Array.from({ length: value.length / 8 }, (_, i) => nodeIdFrom(value.subarray(8 * i, 8 * i + 8)));
  if (all.some((id, i) => i > 0 && id <= (all[i - 1] as string))) throw invalid('the kept nodes are not sorted');
  return all;
}

function selector(value: Cbor | undefined): Selector {
  if (value === '*') return { kind: 'any' };
  if (typeof value === 'string' && value.startsWith('tag:')) return { kind: 'tag', tag: label(value.slice(4)) };
  return { kind: 'name', name: label(value) };
}

function selectorText(value: Selector): string {
  switch (value.kind) {
    case 'any':
      return '*';
    case 'tag':
      return `tag:${value.tag}`;
    case 'name':
      return value.name;
  }
}

function ruleCbor(value: PolicyRule): Cbor {
  const ports = value.ports.map(({ from, to }) => [from, to]);
  return [selectorText(value.from), selectorText(value.to), value.protocol, ports];
}

function rule(value: Cbor): PolicyRule {
  const parts = list(value, 4);
  if (parts.length !== 4) throw invalid('a rule has not four parts');
  const protocol = PROTOCOLS.find((known) => known === parts[2]);
  if (protocol === undefined) throw invalid('a rule names an unknown protocol');
  const ports = list(parts[3], BODY_LIMITS.portRanges).map(portRange);
  if (ports.length > 0 && protocol !== 'tcp' && protocol !== 'udp') throw invalid(`ports do not go with ${protocol}`);
  return { from: selector(parts[0]), to: selector(parts[1]), protocol, ports };
}

function portRange(value: Cbor): PortRange {
  const pair = list(value, 2);
  const from = integer(pair[0], 1, 65536);
  return { from, to: integer(pair[1], from, 65536) };
}
