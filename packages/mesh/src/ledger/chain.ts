/** The statements of each issuer as a chain: what is complete, in which order, and who signed two with one number. */
import type { NodeKey } from '@kith/core';
import type { Head } from './body.ts';
import type { Statement } from './statement.ts';

export interface Equivocation {
  readonly issuer: NodeKey;
  readonly n: number;
  /** Sorted; two or more. */
  readonly hashes: readonly string[];
}

export interface Chains {
  readonly byHash: ReadonlyMap<string, Statement>;
  /** Statements that lead back to number 0 without a gap, by hash, with their time. The others wait. */
  readonly times: ReadonlyMap<string, number>;
  /** Tip of each chain; where it forks, of the branch whose statements came first in the order of the input. */
  readonly heads: ReadonlyMap<NodeKey, Head>;
  readonly equivocations: readonly Equivocation[];
}

/**
 * The time of a statement is what it says itself, but always later than the one before it in its chain: so an issuer's
 * later word beats its earlier one whatever its clock did. Joins stand alone; they belong to no chain.
 */
export function arrange(statements: Iterable<Statement>): Chains {
  const byHash = new Map<string, Statement>();
  const chained = new Map<NodeKey, Statement[]>();
  const times = new Map<string, number>();
  for (const statement of statements) {
    if (byHash.has(statement.hash)) continue;
    byHash.set(statement.hash, statement);
    if (statement.body.kind === 'join') {
      times.set(statement.hash, statement.at);
      continue;
    }
    const chain = chained.get(statement.by);
    if (chain === undefined) chained.set(statement.by, [statement]);
    else chain.push(statement);
  }
  const heads = new Map<NodeKey, Head>();
  const equivocations: Equivocation[] = [];
  for (const [issuer, arrived] of chained) {
    const chain = [...arrived].sort(byNumber);
    for (const [i, { hash, n, prev, at, by }] of chain.entries()) {
      if (chain[i - 1]?.n !== n && chain[i + 1]?.n === n) {
        const hashes = chain.filter((other) => other.n === n).map((other) => other.hash);
        equivocations.push({ issuer, n, hashes });
      }
      const before = prev === null ? undefined : byHash.get(prev);
      const reached = before === undefined ? undefined : times.get(before.hash);
      if (prev === null) times.set(hash, at);
      else if (before?.by === by && before.n === n - 1 && reached !== undefined && before.body.kind !== 'join') {
        times.set(hash, Math.max(at, reached + 1));
      }
    }
    const head = tipOf(arrived, times);
    if (head !== null) heads.set(issuer, head);
  }
  equivocations.sort((a, b) => (a.issuer === b.issuer ? a.n - b.n : a.issuer < b.issuer ? -1 : 1));
  return { byHash, times, heads, equivocations };
}

/** Who signed two statements with one number must not choose by the second where the others cut it off. */
function tipOf(arrived: readonly Statement[], times: ReadonlyMap<string, number>): Head | null {
  const following = new Map<string | null, Statement>();
  for (const statement of arrived) {
    if (times.has(statement.hash) && !following.has(statement.prev)) following.set(statement.prev, statement);
  }
  let tip: Statement | null = null;
  for (let next = following.get(null); next !== undefined; next = following.get(next.hash)) tip = next;
  return tip === null ? null : { n: tip.n, hash: tip.hash };
}

/** A head and all before it. Empty while the head is not here or its chain has a gap. */
export function pathOf(chains: Chains, issuer: NodeKey, head: Head | null): ReadonlySet<string> {
  const path = new Set<string>();
  let hash = head?.hash ?? null;
  if (hash === null || !chains.times.has(hash)) return path;
  if (chains.byHash.get(hash)?.by !== issuer) return path;
  while (hash !== null) {
    path.add(hash);
    hash = chains.byHash.get(hash)?.prev ?? null;
  }
  return path;
}

function byNumber(a: Statement, b: Statement): number {
  return a.n - b.n || (a.hash < b.hash ? -1 : 1);
}
