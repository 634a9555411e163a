/** The ledger of one network: holds verified statements within bounds and folds them into the roster. */
import { fromHex, KithError, networkIdFrom, nodeIdOf } from '@kith/core';
import type { Crypto, NetworkId, NodeId, NodeKey } from '@kith/core';
import { compareTimes, joinTime } from './admissions.ts';
import type { Head, InviteBody, JoinBody } from './body.ts';
import type { StatementContext } from './build.ts';
import { TIME_LIMIT } from './body-codec.ts';
import { arrange } from './chain.ts';
import type { Chains } from './chain.ts';
import { foldChains } from './fold.ts';
import type { Roster } from './roster.ts';
import { decodeStatement, verifyStatement } from './statement.ts';
import type { Issuer, Statement } from './statement.ts';

export interface LedgerLimits {
  /** Statements in all. */
  readonly total: number;
  /** Statements of one node that no admin granted anything: it has little to say beyond new tunnel keys. */
  readonly perNode: number;
  /** Statements of one admin. */
  readonly perAdmin: number;
  /** Joins of one invite beyond its uses: enough to see that it was redeemed too often. */
  readonly spareJoins: number;
  /** Statements of unknown issuers that wait in memory for theirs to be named; the oldest goes first when full. */
  readonly pen: number;
}

export const LEDGER_LIMITS: LedgerLimits = { total: 65_536, perNode: 128, perAdmin: 16_384, spareJoins: 32, pen: 1024 };

export interface LedgerInit {
  readonly crypto: Crypto;
  readonly network: NetworkId;
  readonly limits?: Partial<LedgerLimits>;
  /** See {@link Ledger.onAdded}. */
  readonly onAdded?: (hash: string, bytes: Uint8Array) => void;
}

export type AddResult =
  /** It is in. Whether it has an effect is for the roster to say. */
  | { readonly kind: 'added'; readonly hash: string }
  | { readonly kind: 'known'; readonly hash: string }
  /** Nobody named its issuer yet: it is in memory, in no list, and comes in by itself once somebody does. */
  | { readonly kind: 'waiting'; readonly hash: string }
  /** `cause` tells broken or forged bytes from bounds that are reached. */
  | { readonly kind: 'refused'; readonly reason: string; readonly cause: 'invalid' | 'limit' };

type InviteStatement = Statement & { readonly body: InviteBody };
type JoinStatement = Statement & { readonly body: JoinBody };

/** The id of the network that a founding statement makes. @throws KithError STATEMENT_INVALID for anything else */
export function networkIdOf(crypto: Crypto, founding: Uint8Array): NetworkId {
  const statement = decodeStatement(crypto, founding);
  if (statement.body.kind === 'found') return networkIdFrom(fromHex(statement.hash));
  throw new KithError('STATEMENT_INVALID', `a statement of kind ${statement.body.kind} founds no network`);
}

export class Ledger {
  /**
   * Called once for each statement that came in, in an order in which another ledger can take them. `get` and `roster`
   * know it by then. What it throws passes through `add`; the statement stays in memory.
   */
  onAdded: ((hash: string, bytes: Uint8Array) => void) | undefined;
  readonly #crypto: Crypto;
  readonly #network: NetworkId;
  readonly #limits: LedgerLimits;
  readonly #statements = new Map<string, Statement>();
  readonly #byIssuer = new Map<NodeKey, Set<string>>();
  readonly #pen = new Map<string, Statement>();
  /** Keys that may issue, with the number of statements that name them. */
  readonly #named = new Map<NodeKey, number>();
  /** Admins, or they were, or they would be without a revocation. Only grows: bounds do not depend on an order. */
  readonly #everAdmins = new Set<NodeKey>();
  readonly #invites = new Map<NodeKey, InviteStatement>();
  readonly #ids = new Map<NodeKey, NodeId>();
  #chains: Chains | null = null;
  #roster: Roster | null = null;

  constructor(init: LedgerInit) {
    this.#crypto = init.crypto;
    this.#network = init.network;
    this.#limits = { ...LEDGER_LIMITS, ...init.limits };
    this.onAdded = init.onAdded;
  }

  /** Statements that are in; those that wait do not count. */
  get size(): number {
    return this.#statements.size;
  }

  /** Whether the founding statement is here: before that there is no roster. */
  get founded(): boolean {
    return this.#statements.has(this.#network);
  }

  /** @param hash 64 hexadecimal digits */
  has(hash: string): boolean {
    return this.#statements.has(hash);
  }

  get(hash: string): Uint8Array | undefined {
    return this.#statements.get(hash)?.bytes;
  }

  /** In the order in which they came in, the founding statement first: an empty ledger can take them one by one. */
  hashes(): Iterable<string> {
    return this.#statements.keys();
  }

  /** Takes a statement from anywhere, in any order. Never throws for what the bytes are. Costs one verification or two. */
  add(bytes: Uint8Array): AddResult {
    let statement: Statement;
    try {
      statement = decodeStatement(this.#crypto, bytes);
    } catch (error) {
      if (error instanceof KithError) return { kind: 'refused', reason: error.message, cause: 'invalid' };
      throw error;
    }
    const { hash } = statement;
    if (this.#statements.has(hash)) return { kind: 'known', hash };
    if (this.#pen.has(hash)) return { kind: 'waiting', hash };
    if ((statement.net ?? hash) !== this.#network) {
      return { kind: 'refused', reason: 'the statement belongs to another network', cause: 'invalid' };
    }
    const full = this.#fullFor(statement);
    if (full !== null) return { kind: 'refused', reason: full, cause: 'limit' };
    if (!verifyStatement(this.#crypto, statement)) {
      return { kind: 'refused', reason: 'a signature of the statement is wrong', cause: 'invalid' };
    }
    if (!this.#isNamed(statement)) {
      this.#wait(statement);
      return { kind: 'waiting', hash };
    }
    const added: Statement[] = [];
    this.#take(statement, added);
    for (const { hash: each, bytes: own } of added) if (this.#statements.has(each)) this.onAdded?.(each, own);
    return { kind: 'added', hash };
  }

  /**
   * The roster of what is in; folded anew only after something came in. @throws KithError LEDGER_EMPTY before the
   * founding statement is here, see {@link founded}
   */
  roster(): Roster {
    this.#roster ??= foldChains(this.#arranged(), (key) => this.#idOf(key));
    if (this.#roster !== null) return this.#roster;
    throw new KithError('LEDGER_EMPTY', `the founding statement of network ${this.#network} has not arrived yet`);
  }

  /** The last statement of an issuer's own chain: what a revocation pins. */
  head(issuer: NodeKey): Head | null {
    return this.#arranged().heads.get(issuer) ?? null;
  }

  /** Where an issuer's own chain goes on. */
  next(issuer: NodeKey): { readonly n: number; readonly prev: Uint8Array | null } {
    const head = this.head(issuer);
    return head === null ? { n: 0, prev: null } : { n: head.n + 1, prev: fromHex(head.hash) };
  }

  /**
   * All that a maker of statements needs. `at` is `wallMs`, or just later than the latest word of an admin: a new word
   * must beat the ones it was made in knowledge of, also with a clock that is behind.
   */
  context(issuer: Issuer, wallMs: number): StatementContext {
    const latest = this.founded ? this.roster().latest : 0;
    const at = Math.min(Math.max(Math.floor(wallMs), latest + 1), TIME_LIMIT - 1);
    return { crypto: this.#crypto, network: this.#network, issuer, ...this.next(issuer.key), at };
  }

  #arranged(): Chains {
    this.#chains ??= arrange(this.#statements.values());
    return this.#chains;
  }

  #idOf(key: NodeKey): NodeId {
    let id = this.#ids.get(key);
    if (id === undefined) {
      id = nodeIdOf(this.#crypto, key);
      this.#ids.set(key, id);
    }
    return id;
  }

  #isNamed(statement: Statement): boolean {
    return statement.body.kind === 'found' || this.#named.has(statement.by);
  }

  /** Why there is no room for it, or null. A join may push out a later one, so that all ledgers keep the same ones. */
  #fullFor(statement: Statement): string | null {
    const { total, perNode, perAdmin } = this.#limits;
    if (statement.body.kind === 'found') return null;
    if (this.#statements.size >= total) return `the ledger holds ${total} statements, its limit`;
    const held = this.#byIssuer.get(statement.by);
    const invite = this.#invites.get(statement.by);
    if (invite !== undefined && isJoin(statement)) {
      const joins = this.#joinsOf(invite.body.key);
      const full = joins.length >= this.#joinLimit(invite);
      const isLast = full && joins.every((other) => compareJoins(invite, statement, other) > 0);
      return isLast ? 'the invite was redeemed too often' : null;
    }
    const most = this.#everAdmins.has(statement.by) ? perAdmin : perNode;
    return (held?.size ?? 0) >= most ? `the issuer has ${most} statements, its limit` : null;
  }

  #wait(statement: Statement): void {
    if (this.#pen.size >= this.#limits.pen) {
      for (const oldest of this.#pen.keys()) {
        this.#pen.delete(oldest);
        break;
      }
    }
    if (this.#limits.pen > 0) this.#pen.set(statement.hash, statement);
  }

  /** Puts it in, and from the pen whatever is named by it, directly or not. */
  #take(statement: Statement, added: Statement[]): void {
    const todo = [statement];
    for (const next of todo) {
      if (this.#fullFor(next) !== null) continue;
      this.#statements.set(next.hash, next);
      const held = this.#byIssuer.get(next.by);
      if (held === undefined) this.#byIssuer.set(next.by, new Set([next.hash]));
      else held.add(next.hash);
      added.push(next);
      const named = new Set<NodeKey>();
      this.#learn(next, named);
      if (isJoin(next)) this.#trimJoins(next.by);
      else if (isInvite(next)) this.#trimJoins(next.body.key);
      if (named.size === 0 || this.#pen.size === 0) continue;
      for (const [hash, waiting] of this.#pen) {
        if (!named.has(waiting.by)) continue;
        this.#pen.delete(hash);
        todo.push(waiting);
      }
    }
    this.#chains = null;
    this.#roster = null;
  }

  /** Notes the keys that a statement names, if its issuer could have the right; `named` gets those that are new. */
  #learn(statement: Statement, named: Set<NodeKey>): void {
    const { by, body } = statement;
    const byAdmin = this.#everAdmins.has(by);
    switch (body.kind) {
      case 'found':
        this.#name(by, named);
        this.#raise(by, named);
        break;
      case 'join':
        if (this.#invites.has(by)) this.#name(body.nodeKey, named);
        break;
      case 'invite':
        if (!byAdmin) break;
        this.#name(body.key, named);
        if (this.#invites.has(body.key) || !isInvite(statement)) break;
        this.#invites.set(body.key, statement);
        for (const join of this.#joinsOf(body.key)) this.#learn(join, named);
        break;
      case 'admit':
        if (byAdmin) this.#name(body.nodeKey, named);
        break;
      case 'grant':
        if (!byAdmin) break;
        this.#name(body.nodeKey, named);
        this.#raise(body.nodeKey, named);
        break;
      case 'set':
      case 'withdraw':
      case 'revoke-node':
      case 'revoke-invite':
      case 'rekey':
      case 'policy':
        break;
    }
  }

  #name(key: NodeKey, named: Set<NodeKey>): void {
    const times = this.#named.get(key) ?? 0;
    this.#named.set(key, times + 1);
    if (times === 0) named.add(key);
  }

  /** What a new admin said before it was known to be one names keys from now on. */
  #raise(key: NodeKey, named: Set<NodeKey>): void {
    if (this.#everAdmins.has(key)) return;
    this.#everAdmins.add(key);
    for (const hash of this.#byIssuer.get(key) ?? []) {
      const statement = this.#statements.get(hash);
      if (statement !== undefined && statement.body.kind !== 'found') this.#learn(statement, named);
    }
  }

  #joinsOf(key: NodeKey): readonly JoinStatement[] {
    const joins: JoinStatement[] = [];
    for (const hash of this.#byIssuer.get(key) ?? []) {
      const statement = this.#statements.get(hash);
      if (statement !== undefined && isJoin(statement)) joins.push(statement);
    }
    return joins;
  }

  #joinLimit(invite: InviteStatement): number {
    return invite.body.uses + this.#limits.spareJoins;
  }

  /** Keeps the joins that come first, and with the others drops what their nodes said. */
  #trimJoins(key: NodeKey): void {
    const invite = this.#invites.get(key);
    if (invite === undefined) return;
    const joins = this.#joinsOf(key);
    if (joins.length <= this.#joinLimit(invite)) return;
    const surplus = [...joins].sort((a, b) => compareJoins(invite, a, b)).slice(this.#joinLimit(invite));
    for (const join of surplus) {
      this.#drop(join);
      const { nodeKey } = join.body;
      const times = (this.#named.get(nodeKey) ?? 1) - 1;
      if (times > 0) {
        this.#named.set(nodeKey, times);
        continue;
      }
      this.#named.delete(nodeKey);
      for (const hash of [...(this.#byIssuer.get(nodeKey) ?? [])]) {
        const orphan = this.#statements.get(hash);
        if (orphan !== undefined) this.#drop(orphan);
      }
    }
  }

  #drop(statement: Statement): void {
    this.#statements.delete(statement.hash);
    this.#byIssuer.get(statement.by)?.delete(statement.hash);
  }
}

function isInvite(statement: Statement): statement is InviteStatement {
  return statement.body.kind === 'invite';
}

function isJoin(statement: Statement): statement is JoinStatement {
  return statement.body.kind === 'join';
}

/** The order in which the roster lets them in. */
function compareJoins(invite: Statement, a: Statement, b: Statement): number {
  const dated = (join: Statement) => ({ time: joinTime(invite, join), hash: join.hash });
  return compareTimes(dated(a), dated(b));
}
