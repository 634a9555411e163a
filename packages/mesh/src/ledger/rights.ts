/**
 * Who is an admin and which statements a revocation takes out. Pure in the set of statements: no order of arrival, no
 * clock. The rules, in full in docs/protocol/ledger.md:
 *  1. The founder is an admin, and so is whoever an admin granted it.
 *  2. A revocation or withdrawal takes out what its target issued and what is not up to the pinned head.
 *  3. One that would take out all that its own issuer's right rests on is void: nobody undoes what made him an admin.
 *  4. A statement that is taken out takes out nothing and grants nothing.
 * Rule 4 makes this a system of equations with negation. Its solution is the well-founded one (Van Gelder, Ross,
 * Schlipf 1991): least and greatest estimates that close in on each other. What stays open are revocations that hang on
 * each other in a circle; of such a circle that hangs on no other one, every revocation counts, and the rest follows.
 */
import type { NodeKey } from '@kith/core';
import { pathOf } from './chain.ts';
import type { Chains } from './chain.ts';
import { RIGHTS } from './body.ts';
import type { RevokeNodeBody, WithdrawBody } from './body.ts';
import type { Statement } from './statement.ts';

export interface Rights {
  /** Keys with an admin's right that still has an effect somewhere; may include keys that were taken out later. */
  readonly admins: ReadonlySet<NodeKey>;
  /** Revocations and withdrawals of nodes that are in effect, by target. */
  readonly limits: ReadonlyMap<NodeKey, readonly Limit[]>;
  /** Whether the issuer had the right to make this statement and it was not taken out. Not for joins. */
  has(statement: Statement): boolean;
}

/** A revocation (`scope` all) or withdrawal (`scope` admin) of a node, with what it leaves in effect. */
export interface Limit {
  readonly statement: Statement;
  readonly target: NodeKey;
  readonly scope: 'all' | 'admin';
  readonly keeps: ReadonlySet<string>;
}

type LimitStatement = Statement & { readonly body: RevokeNodeBody | WithdrawBody };

/** A grant or limit whose effect depends on other grants and limits. */
interface Atom {
  readonly statement: Statement;
  readonly needsAdmin: boolean;
  readonly limit: Limit | null;
  readonly grants: NodeKey | null;
  /** Places of the limits that would take it out. */
  attackers: readonly number[];
}

export function judge(chains: Chains, founder: NodeKey): Rights {
  const connected = [...chains.byHash.values()].filter((s) => chains.times.has(s.hash) && s.body.kind !== 'join');
  const candidates = possibleAdmins(connected, founder, null);
  const limitStatements = connected.filter(isLimit);
  const atoms = collectAtoms(chains, connected, limitStatements, candidates, founder);
  const effective = solve(atoms, founder);
  const admins = new Set([founder]);
  const limits = new Map<NodeKey, Limit[]>();
  for (const [i, atom] of atoms.entries()) {
    if (effective[i] !== true) continue;
    if (atom.grants !== null) admins.add(atom.grants);
    if (atom.limit !== null) push(limits, atom.limit.target, atom.limit);
  }
  const has = (statement: Statement): boolean =>
    chains.times.has(statement.hash) &&
    (!needsAdmin(statement) || admins.has(statement.by)) &&
    !(limits.get(statement.by) ?? []).some((limit) => takesOut(limit, statement));
  // Limits of keys that can never be admins take out nothing that the others depend on: they follow in one step.
  const others = limitStatements.filter((s) => !candidates.has(s.body.nodeKey) && has(s));
  for (const statement of others) push(limits, statement.body.nodeKey, limitOf(chains, statement));
  return { admins, limits, has };
}

export function needsAdmin(statement: Statement): boolean {
  const { body, by } = statement;
  const right = RIGHTS[body.kind];
  if (right !== 'admin-or-self') return right === 'admin';
  return !('nodeKey' in body) || body.nodeKey !== by;
}

function takesOut(limit: Limit, statement: Statement): boolean {
  if (statement.by !== limit.target || statement === limit.statement || statement.body.kind === 'found') return false;
  return (limit.scope === 'all' || needsAdmin(statement)) && !limit.keeps.has(statement.hash);
}

function isLimit(statement: Statement): statement is LimitStatement {
  return statement.body.kind === 'revoke-node' || statement.body.kind === 'withdraw';
}

/** Everybody who would be an admin if there were no revocations, or only this one. */
function possibleAdmins(grants: readonly Statement[], founder: NodeKey, only: Limit | null): ReadonlySet<NodeKey> {
  const granted = new Map<NodeKey, NodeKey[]>();
  for (const statement of grants) {
    const { by, body } = statement;
    if (body.kind === 'grant' && (only === null || !takesOut(only, statement))) push(granted, by, body.nodeKey);
  }
  const found = new Set([founder]);
  for (const key of found) for (const next of granted.get(key) ?? []) found.add(next);
  return found;
}

function limitOf(chains: Chains, statement: LimitStatement): Limit {
  const { nodeKey: target, head, kind } = statement.body;
  const self = statement.by === target;
  const keeps = pathOf(chains, target, self ? { n: statement.n, hash: statement.hash } : head);
  return { statement, target, scope: kind === 'withdraw' ? 'admin' : 'all', keeps };
}

function collectAtoms(
  chains: Chains,
  statements: readonly Statement[],
  limits: readonly LimitStatement[],
  candidates: ReadonlySet<NodeKey>,
  founder: NodeKey,
): Atom[] {
  const atoms: Atom[] = [];
  const limitsOf = new Map<NodeKey, number[]>();
  const grants = statements.filter(({ body }) => body.kind === 'grant');
  for (const statement of limits) {
    const { by, body } = statement;
    if (!candidates.has(body.nodeKey) || !candidates.has(by)) continue;
    const limit = limitOf(chains, statement);
    if (needsAdmin(statement) && !possibleAdmins(grants, founder, limit).has(by)) continue;
    push(limitsOf, body.nodeKey, atoms.length);
    atoms.push({ statement, needsAdmin: needsAdmin(statement), limit, grants: null, attackers: [] });
  }
  for (const statement of grants) {
    const { by, body } = statement;
    if (body.kind !== 'grant' || !candidates.has(by)) continue;
    atoms.push({ statement, needsAdmin: true, limit: null, grants: body.nodeKey, attackers: [] });
  }
  for (const atom of atoms) {
    atom.attackers = (limitsOf.get(atom.statement.by) ?? []).filter((at) => {
      const limit = atoms[at]?.limit;
      return limit !== null && limit !== undefined && takesOut(limit, atom.statement);
    });
  }
  return atoms;
}

/** For each atom whether it is in effect. */
function solve(atoms: readonly Atom[], founder: NodeKey): readonly boolean[] {
  const forced = new Set<number>();
  for (;;) {
    let least: readonly boolean[] = atoms.map(() => false);
    let most = estimate(atoms, founder, least, forced);
    for (;;) {
      const nextLeast = estimate(atoms, founder, most, forced);
      const nextMost = estimate(atoms, founder, nextLeast, forced);
      const settled = nextLeast.every((is, i) => is === least[i]) && nextMost.every((is, i) => is === most[i]);
      [least, most] = [nextLeast, nextMost];
      if (settled) break;
    }
    const open = atoms.map((_, i) => i).filter((i) => most[i] === true && least[i] !== true);
    const before = forced.size;
    for (const i of sourceCircles(atoms, open)) if (atoms[i]?.limit !== null) forced.add(i);
    if (forced.size === before) return least;
  }
}

/** The least set that is closed under the rules if exactly the limits in `assumed` took out their targets' statements. */
function estimate(
  atoms: readonly Atom[],
  founder: NodeKey,
  assumed: readonly boolean[],
  forced: ReadonlySet<number>,
): boolean[] {
  const admins = new Set([founder]);
  const waiting = new Map<NodeKey, number[]>();
  const inEffect = atoms.map(() => false);
  const ready: number[] = [];
  for (const [i, atom] of atoms.entries()) {
    if (forced.has(i)) ready.push(i);
    else if (atom.attackers.some((at) => assumed[at] === true)) continue;
    else if (!atom.needsAdmin || admins.has(atom.statement.by)) ready.push(i);
    else push(waiting, atom.statement.by, i);
  }
  for (let i = ready.pop(); i !== undefined; i = ready.pop()) {
    inEffect[i] = true;
    const granted = atoms[i]?.grants ?? null;
    if (granted === null || admins.has(granted)) continue;
    admins.add(granted);
    ready.push(...(waiting.get(granted) ?? []));
  }
  return inEffect;
}

/** The open atoms in circles that hang on no other open atom: source components of the graph of dependence. */
function sourceCircles(atoms: readonly Atom[], open: readonly number[]): readonly number[] {
  const isOpen = new Set(open);
  const grantsOf = new Map<NodeKey, number[]>();
  for (const i of open) {
    const granted = atoms[i]?.grants ?? null;
    if (granted !== null) push(grantsOf, granted, i);
  }
  const dependsOn = new Map<number, readonly number[]>();
  for (const i of open) {
    const atom = atoms[i] as Atom;
    const support = atom.needsAdmin ? (grantsOf.get(atom.statement.by) ?? []) : [];
    dependsOn.set(i, [...atom.attackers.filter((at) => isOpen.has(at)), ...support]);
  }
  // Whoever an atom depends on, directly or not, must depend on it in turn.
  const reach = (from: number): ReadonlySet<number> => {
    const seen = new Set<number>();
    const todo = [from];
    for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
      for (const next of dependsOn.get(at) ?? []) {
        if (seen.has(next)) continue;
        seen.add(next);
        todo.push(next);
      }
    }
    return seen;
  };
  const reached = new Map(open.map((i) => [i, reach(i)]));
  return open.filter((i) => [...(reached.get(i) ?? [])].every((other) => reached.get(other)?.has(i) === true));
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
