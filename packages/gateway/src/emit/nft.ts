/** The text that `nft -f` takes, and what is left of it when the kernel lists it: names of chains, comments of rules. */
import { digestOf } from '../derive/hashes.ts';
import type { TableValue } from '../item.ts';

export interface Rule {
  /** What the doctor knows the rule by, unique in its chain: `dns-udp`. */
  readonly id: string;
  /** Key of the file that wants it. */
  readonly path: string;
  /** The expressions, without counter, verdict and comment. */
  readonly match: string;
  readonly verdict: string;
}

export interface Chain {
  readonly name: string;
  /** Null for a chain that is jumped to. */
  readonly hook: string | null;
  readonly rules: readonly Rule[];
}

export interface SetOf {
  readonly name: string;
  /** `type ipv4_addr; flags interval;` and what else stands in it. */
  readonly properties: readonly string[];
  /** Null: what is in it is not the file's business and stays. */
  readonly elements: readonly string[] | null;
}

export interface Ruleset {
  readonly name: string;
  readonly sets: readonly SetOf[];
  readonly chains: readonly Chain[];
}

/** Comments may have 128 characters, NFTNL_UDATA_COMMENT_MAXLEN. */
const LONGEST_COMMENT = 128;

/** `dns-udp: gateway.dns`; not the line, or each blank line in the file would change the firewall. */
function commentOf(rule: Rule): string {
  return `${rule.id}: ${rule.path}`.slice(0, LONGEST_COMMENT);
}

/** The id of a rule from its comment; null for a rule that kith did not write. */
export function ruleIdOf(comment: string): string | null {
  return /^([a-z0-9-]+): /.exec(comment)?.[1] ?? null;
}

/**
 * One transaction that makes the table as described, whatever it was before: made anew, unless it has sets
 * whose elements are not the file's: then its chains are emptied and filled, and these sets stay as they are.
 */
export function nftText(ruleset: Ruleset): { readonly text: string; readonly value: TableValue } {
  const body = bodyOf(ruleset);
  const digest = digestOf(body);
  const version = tableOf(ruleset.name, [...block('chain version', [`counter comment "${digest}"`])]);
  const keeps = ruleset.sets.some((set) => set.elements === null);
  const text = [
    `add table inet ${ruleset.name}`,
    `${keeps ? 'flush' : 'delete'} table inet ${ruleset.name}`,
    body,
    version,
    '',
  ].join('\n');
  const chains = Object.fromEntries(ruleset.chains.map((chain) => [chain.name, chain.rules.map(commentOf)]));
  return { text, value: { family: 'inet', name: ruleset.name, digest, chains } };
}

function bodyOf({ name, sets, chains }: Ruleset): string {
  const declared = sets.map((set) => block(`set ${set.name}`, set.properties));
  // Sets that the file fills are emptied first: a prefix that is taken out of the file has to go.
  const filled = sets.filter((set) => set.elements !== null);
  const elements = filled.flatMap((set) =>
    set.elements === null || set.elements.length === 0
      ? []
      : [`add element inet ${name} ${set.name} { ${set.elements.join(', ')} }`],
  );
  return [
    tableOf(name, [...declared.flat(), ...chains.flatMap((chain) => block(`chain ${chain.name}`, hookOf(chain)))]),
    ...filled.map((set) => `flush set inet ${name} ${set.name}`),
    ...elements,
    tableOf(
      name,
      chains.flatMap((chain) => block(`chain ${chain.name}`, chain.rules.map(ruleText))),
    ),
  ].join('\n');
}

function hookOf(chain: Chain): string[] {
  return chain.hook === null ? [] : [chain.hook];
}

function ruleText(rule: Rule): string {
  return [rule.match, 'counter', rule.verdict, `comment "${commentOf(rule)}"`].filter((part) => part !== '').join(' ');
}

function tableOf(name: string, lines: readonly string[]): string {
  return block(`table inet ${name}`, lines).join('\n');
}

function block(head: string, lines: readonly string[]): string[] {
  return [`${head} {`, ...lines.map((line) => `  ${line}`), '}'];
}
