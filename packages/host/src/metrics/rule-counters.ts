/** What the rules of kith's tables have counted, from `nft -j -t list table`; terse, as there may be thousands of bans. */
import { BANS_TABLE, ruleIdOf, TABLE } from '@kith/gateway';
import { Answer } from '../answer.ts';
import { run } from '../command.ts';

export interface RuleCount {
  readonly table: string;
  readonly chain: string;
  /** {@link ruleIdOf} its comment. */
  readonly rule: string;
  readonly packets: number;
  readonly bytes: number;
}

const MOST = 1 << 14;
const LONGEST = 512;

/** @throws KithError HOST_PROGRAM_MISSING, HOST_ANSWER_INVALID; a table that is not there counts nothing */
export async function ruleCounts(): Promise<readonly RuleCount[]> {
  const tables = await Promise.all(
    [TABLE, BANS_TABLE].map(async (name) => {
      const { code, stdout } = await run(['nft', '-j', '-t', 'list', 'table', 'inet', name]);
      return code === 0 ? parseRuleCounts(stdout) : [];
    }),
  );
  return tables.flat();
}

/**
 * Rules that kith wrote and that count, in their order.
 *
 * @throws KithError HOST_ANSWER_INVALID
 */
export function parseRuleCounts(json: string): readonly RuleCount[] {
  const entries = Answer.parse(json, 'nft').field('nftables').list(MOST);
  return entries.flatMap((entry): RuleCount[] => {
    const from = entry.optional('rule');
    const rule = ruleIdOf(from?.optional('comment')?.text(LONGEST) ?? '');
    if (from === null || rule === null) return [];
    const counter = from
      .field('expr')
      .list(MOST)
      .find((each) => each.has('counter'))
      ?.field('counter');
    if (counter === undefined) return [];
    return [
      {
        table: from.field('table').text(LONGEST),
        chain: from.field('chain').text(LONGEST),
        rule,
        packets: counter.field('packets').count(),
        bytes: counter.field('bytes').count(),
      },
    ];
  });
}
