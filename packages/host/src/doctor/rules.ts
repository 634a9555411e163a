/**
 * The rules in force beside those that the same text makes in a network namespace of its own, so that nothing about them
 * has to be guessed: whatever differs was changed by somebody.
 */
import type { Desired, OtherFirewall, RuleFacts, TableFacts } from '@kith/gateway';
import { ruleIdOf, sameValue, type TableValue } from '@kith/gateway';
import { Answer } from '../answer.ts';
import { must, run } from '../command.ts';

/** Lists what it was given, alone in a namespace. */
const TRIED = ['unshare', '--net', '--', 'sh', '-ec', 'nft -f - && exec nft -j -t list ruleset'];
const MOST = 1 << 16;
const LONGEST = 512;
const DIGEST_CHAIN = 'version';
const HOOKS = ['input', 'forward', 'prerouting', 'postrouting'] as const;

interface Listed {
  /** What a chain is, and what a rule does, without numbers that the kernel gives or counts. */
  readonly value: unknown;
  readonly comment: string;
  readonly chain: string;
  readonly packets: number;
}

/** Packets by table, chain and comment, at one moment. */
export type Counts = ReadonlyMap<string, number>;

/** @throws KithError HOST_COMMAND_FAILED, HOST_PROGRAM_MISSING, HOST_ANSWER_INVALID */
export async function countPackets(desired: Desired): Promise<Counts> {
  const out = new Map<string, number>();
  for (const { name } of tablesOf(desired))
    for (const each of (await listTable(name)) ?? []) out.set(placeOf(name, each), each.packets);
  return out;
}

/**
 * @param before packets are told from there on
 * @throws KithError HOST_COMMAND_FAILED, HOST_PROGRAM_MISSING, HOST_ANSWER_INVALID
 */
export async function compareTables(desired: Desired, before: Counts): Promise<TableFacts[]> {
  return Promise.all(
    tablesOf(desired).map(async ({ name, digest }) => {
      const [there, json] = await Promise.all([
        listTable(name),
        must(TRIED, { input: desired.rulesets[digest] ?? '' }),
      ]);
      if (there === null) return { name, isThere: false, rules: [] };
      const since = (each: Listed): number => Math.max(0, each.packets - (before.get(placeOf(name, each)) ?? 0));
      return { name, isThere: true, rules: compared(listed(json, name), there, since) };
    }),
  );
}

/** Chains in the ways of clients' packets that are none of kith's, and whether they drop something. */
export async function otherFirewalls(desired: Desired): Promise<OtherFirewall[]> {
  const own = new Set(tablesOf(desired).map(({ name }) => `inet ${name}`));
  const entries = Answer.parse(await must(['nft', '-j', '-t', 'list', 'ruleset']), 'nft')
    .field('nftables')
    .list(MOST);
  const dropping = new Set<string>();
  for (const entry of entries) {
    const rule = entry.optional('rule');
    if (rule === null) continue;
    const verdicts = rule.field('expr').list(MOST);
    if (verdicts.some((each) => each.has('drop') || each.has('reject'))) {
      dropping.add(`${tableName(rule)} ${rule.field('chain').text(LONGEST)}`);
    }
  }
  return entries.flatMap((entry): OtherFirewall[] => {
    const chain = entry.optional('chain');
    const hook = HOOKS.find((name) => name === chain?.optional('hook')?.text(LONGEST));
    if (chain === null || hook === undefined || own.has(tableName(chain))) return [];
    const name = chain.field('name').text(LONGEST);
    const isStrict = chain.optional('policy')?.text(LONGEST) === 'drop';
    return [
      { table: tableName(chain), chain: name, hook, drops: isStrict || dropping.has(`${tableName(chain)} ${name}`) },
    ];
  });
}

/** Rules of the wanted chains in their order, then what should not be there. */
function compared(wanted: readonly Listed[], there: readonly Listed[], packets: (each: Listed) => number): RuleFacts[] {
  const left = [...there];
  const out = wanted.map((each): RuleFacts => {
    const at = left.findIndex(({ chain, comment }) => chain === each.chain && comment === each.comment);
    const [found] = at < 0 ? [] : left.splice(at, 1);
    const fact = { chain: each.chain, id: ruleIdOf(each.comment) ?? each.comment };
    if (found === undefined) return { ...fact, state: 'missing', packets: 0 };
    const state = sameValue(found.value, each.value) ? 'as-wanted' : 'changed';
    return { ...fact, state, packets: packets(found) };
  });
  const foreign = left.map((each): RuleFacts => {
    return { chain: each.chain, id: each.comment, state: 'foreign', packets: packets(each) };
  });
  return [...out, ...foreign];
}

function tablesOf({ wanted }: Desired): TableValue[] {
  return wanted.flatMap(({ item }) => (item.kind === 'table' ? [item.value] : []));
}

function placeOf(table: string, { chain, comment }: Listed): string {
  return `${table} ${chain} ${comment}`;
}

function tableName(of: Answer): string {
  return `${of.field('family').text(LONGEST)} ${of.field('table').text(LONGEST)}`;
}

/** Null where there is no such table. */
async function listTable(name: string): Promise<Listed[] | null> {
  const { code, stdout } = await run(['nft', '-j', '-t', 'list', 'table', 'inet', name]);
  return code === 0 ? listed(stdout, name) : null;
}

/** Chains stand there as rules of themselves, called `hook`. */
function listed(json: string, table: string): Listed[] {
  const out: Listed[] = [];
  for (const entry of Answer.parse(json, `nft about table ${table}`).field('nftables').list(MOST)) {
    const chain = entry.optional('chain');
    const rule = entry.optional('rule');
    const name = (chain?.field('name') ?? rule?.field('chain'))?.text(LONGEST);
    if (name === undefined || name === DIGEST_CHAIN) continue;
    if (chain !== null) {
      const value = ['type', 'hook', 'prio', 'policy'].map((key) => chain.optional(key)?.raw() ?? null);
      out.push({ chain: name, comment: 'hook', value, packets: 0 });
    }
    if (rule === null) continue;
    const parts = rule.field('expr').list(MOST);
    const counter = parts.find((part) => part.has('counter'))?.field('counter');
    out.push({
      chain: name,
      comment: rule.optional('comment')?.text(LONGEST) ?? `rule ${rule.field('handle').count()}`,
      value: parts.filter((part) => !part.has('counter')).map((part) => part.raw()),
      packets: counter?.field('packets').count() ?? 0,
    });
  }
  return out;
}
