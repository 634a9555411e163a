/** Does what the doctor's findings may be mended by without asking. */
import { type Desired, type Finding, type Fix, keyOf } from '@kith/gateway';
import { must } from '../command.ts';
import type { Daemons } from '../supervisor/daemons.ts';

export interface Hands {
  readonly desired: Desired;
  readonly daemons: Pick<Daemons, 'start'>;
  /** Brings the host to what is desired, in a transaction. */
  readonly apply: () => Promise<unknown>;
}

/**
 * Mends what is safe to mend, each thing once.
 *
 * @returns the findings that something was done about
 * @throws KithError of applying or starting; what was mended before stays mended
 */
export async function fix(findings: readonly Finding[], hands: Hands): Promise<Finding[]> {
  const done = findings.filter((finding) => finding.fix !== null);
  const fixes = done.flatMap((finding) => finding.fix ?? []);
  const items = new Set(fixes.flatMap((each) => (each.type === 'apply' ? each.items : [])));
  // A rule that kept its comment and changed its meaning is no difference to a plan: the whole text is loaded again.
  for (const { item } of hands.desired.wanted) {
    if (item.kind !== 'table' || !items.has(keyOf(item))) continue;
    const text = hands.desired.rulesets[item.value.digest];
    if (text !== undefined) await must(['nft', '-f', '-'], { input: text });
  }
  if (items.size > 0) await hands.apply();
  for (const name of new Set(fixes.flatMap(restarted))) {
    const wanted = hands.desired.wanted.find(({ item }) => item.kind === 'daemon' && item.name === name);
    if (wanted?.item.kind === 'daemon') await hands.daemons.start(name, wanted.item.value, true);
  }
  return done;
}

function restarted(each: Fix): string[] {
  return each.type === 'restart' ? [each.daemon] : [];
}
