/** What a member says through its ledger: invites, revocations, leaving. The same with and without a daemon. */
import {
  addressBytes,
  type Address,
  type Crypto,
  DEFAULT_ROUTES,
  type Endpoint,
  endpointParts,
  generateSecret,
  isDefaultRoute,
  KithError,
  type Label,
  type NodeId,
  nodeIdOf,
  type NodeKey,
  nodeKeyOf,
  parseAddress,
  parseLabel,
  type Prefix,
  scopeOf,
  nearest,
} from '@kith/core';
import {
  type BootstrapMember,
  encodeInvite,
  grant,
  invite,
  inviteIssuer,
  inviteTunnel,
  type InviteState,
  isOpen,
  type Ledger,
  leave,
  type Member,
  type MeshIdentity,
  prospectiveAddress,
  prospectiveName,
  requireAdmin,
  revoke,
  revokeInvite,
  set,
  withdraw,
} from '@kith/mesh';
import type {
  ChangeReport,
  ChangeRequest,
  InviteReport,
  InviteRequest,
  InvitesReport,
  InviteView,
  RevokeReport,
  RevokeRequest,
} from '@kith/api';

/** Members and endpoints that a token names unless told otherwise: few, so that its QR code stays readable. */
const WAYS = 4;
const ENDPOINTS = 4;

/** A member that a token may name, with where it is reached; the best first. */
export interface WayIn {
  readonly id: NodeId;
  readonly endpoints: readonly Endpoint[];
}

export interface MembershipInit {
  readonly crypto: Crypto;
  readonly ledger: Ledger;
  readonly identity: MeshIdentity;
  /** Wall-clock ms since 1970. */
  readonly wall: () => number;
  /** Puts a statement of this node into the ledger, durably. @throws KithError */
  readonly publish: (statement: Uint8Array) => void;
  readonly waysIn: () => readonly WayIn[];
}

/** A member as the ledger knows it. */
export interface KnownMember {
  readonly id: NodeId;
  readonly name: Label;
  readonly address4: Address;
  readonly address6: Address;
  readonly self: boolean;
  readonly admin: boolean;
  readonly tags: readonly Label[];
}

function sameAddress(text: string): Address | null {
  try {
    return parseAddress(text);
  } catch {
    return null;
  }
}

/** Endpoints that strangers can reach come first, those of a LAN after them. */
function byReach(a: Endpoint, b: Endpoint): number {
  const rank = (endpoint: Endpoint) => (scopeOf(endpointParts(endpoint).address) === 'global' ? 0 : 1);
  return (
    rank(a) - rank(b) || addressBytes(endpointParts(a).address).length - addressBytes(endpointParts(b).address).length
  );
}

export class Membership {
  readonly #init: MembershipInit;
  readonly #key: NodeKey;

  constructor(init: MembershipInit) {
    this.#init = init;
    this.#key = nodeKeyOf(init.crypto, init.identity.node);
  }

  members(): KnownMember[] {
    return [...this.#init.ledger.roster().members.values()]
      .map(({ id, name, address4, address6, admin, tags, nodeKey }) => {
        return { id, name, address4, address6, self: nodeKey === this.#key, admin, tags };
      })
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The member of a name, an id or an address. @throws KithError MEMBER_UNKNOWN with the nearest name */
  find(text: string): Member {
    const found = this.known(text);
    if (found !== null) return found;
    const roster = this.#init.ledger.roster();
    const guess = nearest(text, [...roster.byName.keys()]);
    const hint = guess === null ? '' : `, did you mean ${JSON.stringify(guess)}?`;
    throw new KithError('MEMBER_UNKNOWN', `${roster.name} has no member ${JSON.stringify(text)}${hint}`);
  }

  /** @throws KithError NOT_ADMIN, NAME_INVALID, NAME_TAKEN, ADDRESS_*, MEMBER_UNKNOWN, USAGE, NO_WAY_IN */
  invite(request: InviteRequest): InviteReport {
    const { crypto, ledger, publish } = this.#init;
    const roster = ledger.roster();
    requireAdmin(roster, this.#key);
    if (request.uses > 1 && (request.name !== null || request.address !== null)) {
      throw new KithError('USAGE', `a name or an address is for one machine, the invite is for ${request.uses}`);
    }
    const wall = this.#init.wall();
    const joiner = { invite: null, wallMs: wall };
    const name = request.name === null ? null : prospectiveName(roster, request.name, joiner);
    const wish = request.address === null ? null : parseAddress(request.address);
    const address = wish === null ? null : prospectiveAddress(roster, wish, joiner);
    const tags = request.tags.map((tag) => parseLabel(tag, 'tag'));
    const bootstrap = this.#bootstrap(request.via);
    const seed = generateSecret(crypto);
    const { key } = inviteIssuer(crypto, seed);
    const expires = request.expiresIn === null ? null : wall + request.expiresIn;
    const fields = { key, tunnelKey: inviteTunnel(crypto, seed).key, uses: request.uses, expires, name, address, tags };
    publish(invite(this.#context(), fields));
    const { network, name: networkName } = roster;
    const token = encodeInvite(crypto, { network, networkName, seed, expires, name, address, bootstrap });
    const via = bootstrap.map(({ id }) => roster.members.get(id)?.name ?? id);
    return { token, id: this.#inviteId(key), via, expires, uses: request.uses };
  }

  invites(): InvitesReport {
    const states = [...this.#init.ledger.roster().invites.values()].toSorted((a, b) => a.madeAt - b.madeAt);
    return { invites: states.map((state) => this.#inviteView(state)) };
  }

  /** @throws KithError NOT_ADMIN, MEMBER_UNKNOWN, USAGE for this node itself */
  revoke(request: RevokeRequest): RevokeReport {
    const { ledger, publish } = this.#init;
    const roster = ledger.roster();
    const member = this.known(request.target);
    const known = member === null ? this.#findInvite(request.target) : null;
    if (member === null && known === null) this.find(request.target);
    requireAdmin(roster, this.#key);
    if (known !== null) {
      publish(revokeInvite(this.#context(), known.key, known.joined));
      const id = this.#inviteId(known.key);
      return { kind: 'invite', id, name: known.name ?? id };
    }
    const { nodeKey, id, name } = member ?? this.find(request.target);
    if (nodeKey === this.#key)
      throw new KithError('USAGE', `${name} is this node: to give up its membership, use \`kith leave\``);
    publish(revoke(this.#context(), nodeKey, ledger.head(nodeKey)));
    return { kind: 'member', id, name };
  }

  /** @throws KithError NOT_ADMIN, MEMBER_UNKNOWN, USAGE if nothing would change, and for names and addresses not to be had */
  change(request: ChangeRequest): ChangeReport {
    const { ledger, publish } = this.#init;
    const roster = ledger.roster();
    const member = this.find(request.member);
    const { nodeKey, id } = member;
    requireAdmin(roster, this.#key);
    const free = { invite: null, wallMs: this.#init.wall() };
    const changes: string[] = [];
    const name = request.name === null ? null : prospectiveName(roster, request.name, free);
    const address = request.address === null ? null : prospectiveAddress(roster, parseAddress(request.address), free);
    const mayRelay = request.relay === null || request.relay === member.mayRelay ? null : request.relay;
    if (name !== null) changes.push(`is called ${name}`);
    if (address !== null) changes.push(`has the address ${address}`);
    if (mayRelay !== null) changes.push(mayRelay ? 'may relay' : 'may not relay');
    const routes = exitRoutes(member.routes, request.exit);
    if (routes !== null) changes.push(request.exit === true ? 'is an exit' : 'is no exit any more');
    const grants = request.admin === true && !member.admin;
    const withdraws = request.admin === false && member.admin;
    if (withdraws && nodeKey === this.#key) {
      throw new KithError('USAGE', `${member.name} is this node: another admin has to do that`);
    }
    if (grants) changes.push('is an admin');
    if (withdraws) changes.push('is no admin any more, and its key cannot become one again');
    if (changes.length === 0) throw new KithError('USAGE', `nothing to change: ${member.name} is so already`);
    if (name !== null || address !== null || mayRelay !== null || routes !== null) {
      publish(set(this.#context(), nodeKey, { name, address, mayRelay, routes }));
    }
    if (grants) publish(grant(this.#context(), nodeKey));
    if (withdraws) publish(withdraw(this.#context(), nodeKey, ledger.head(nodeKey)));
    return { id, name: name ?? member.name, changes };
  }

  /** Revokes this node. */
  leave(): void {
    this.#init.publish(leave(this.#context()));
  }

  /** Name, or shortened key, of the admin who revoked this node; null while it is a member. */
  revokedBy(): string | null {
    const roster = this.#init.ledger.roster();
    const revocation = roster.revoked.get(nodeIdOf(this.#init.crypto, this.#key));
    if (revocation === undefined) return null;
    if (revocation.by === this.#key) return 'itself';
    const by = roster.byNodeKey.get(revocation.by);
    return (by === undefined ? undefined : roster.members.get(by)?.name) ?? nodeIdOf(this.#init.crypto, revocation.by);
  }

  #context(): ReturnType<Ledger['context']> {
    return this.#init.ledger.context({ seed: this.#init.identity.node, key: this.#key }, this.#init.wall());
  }

  known(text: string): Member | null {
    const wanted = text.toLowerCase();
    const address = sameAddress(text);
    for (const member of this.#init.ledger.roster().members.values()) {
      if (member.name === wanted || member.id === wanted) return member;
      if (address !== null && (member.address4 === address || member.address6 === address)) return member;
    }
    return null;
  }

  #inviteId(key: NodeKey): string {
    return nodeIdOf(this.#init.crypto, key);
  }

  /** By its id, or by the name it reserves while it is open. */
  #findInvite(text: string): InviteState | null {
    const wanted = text.toLowerCase();
    const all = [...this.#init.ledger.roster().invites.values()];
    return (
      all.find((state) => this.#inviteId(state.key) === wanted) ??
      all.find((state) => state.name === wanted && isOpen(state, this.#init.wall())) ??
      null
    );
  }

  #inviteView(state: InviteState): InviteView {
    const { key, by, name, uses, left, expires } = state;
    const roster = this.#init.ledger.roster();
    const maker = roster.byNodeKey.get(by);
    const expired = expires !== null && this.#init.wall() > expires;
    return {
      id: this.#inviteId(key),
      by: (maker === undefined ? undefined : roster.members.get(maker)?.name) ?? nodeIdOf(this.#init.crypto, by),
      name,
      uses,
      used: uses - left,
      expires,
      state: state.revoked ? 'revoked' : left === 0 ? 'used-up' : expired ? 'expired' : 'open',
    };
  }

  #bootstrap(via: readonly string[] | null): BootstrapMember[] {
    const ways = this.#init.waysIn();
    const wanted = via === null ? ways.slice(0, WAYS) : via.map((text) => this.#wayTo(this.find(text), ways));
    const roster = this.#init.ledger.roster();
    const out: BootstrapMember[] = [];
    for (const { id, endpoints } of wanted) {
      const member = roster.members.get(id);
      if (member === undefined || endpoints.length === 0) continue;
      out.push({ id, tunnelKey: member.tunnelKey, endpoints: endpoints.toSorted(byReach).slice(0, ENDPOINTS) });
    }
    if (out.length > 0) return out;
    throw new KithError(
      'NO_WAY_IN',
      'no member that the invite could name has a known address: kith up first, or set `endpoints:`',
    );
  }

  #wayTo(member: Member, ways: readonly WayIn[]): WayIn {
    const way = ways.find(({ id }) => id === member.id);
    if (way !== undefined && way.endpoints.length > 0) return way;
    throw new KithError('NO_WAY_IN', `it is not known where ${member.name} is reached: name another member with --via`);
  }
}

/** A member's routes with or without those of an exit; null where they stay as they are. */
function exitRoutes(routes: readonly Prefix[], exit: boolean | null): readonly Prefix[] | null {
  const others = routes.filter((prefix) => !isDefaultRoute(prefix));
  const isExit = others.length + DEFAULT_ROUTES.length === routes.length;
  if (exit === null || exit === isExit) return null;
  return exit ? [...others, ...DEFAULT_ROUTES] : others;
}
