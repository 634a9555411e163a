/** Makes the changes of a plan, one after the other, each of them with the journal's word. */
import { type Change, type ItemKey, owning, type Plan } from '@kith/gateway';
import { drawnAlong, isDrawnBy, putBack } from './change/kernel.ts';
import { make, type Means } from './change/change.ts';
import type { Journal } from './journal.ts';
import type { Tell } from './progress.ts';

export interface Performance {
  readonly journal: Journal;
  readonly means: Omit<Means, 'rulesets'>;
  readonly tell: Tell;
  /** Takes back: what fails is told and left, the rest is done. */
  readonly reverting: boolean;
  readonly signal?: AbortSignal;
}

/** A change that failed; what is behind it in the plan was not begun. */
export class ChangeError extends Error {
  readonly change: Change;

  constructor(change: Change, cause: unknown) {
    super(messageOf(cause), { cause });
    this.change = change;
  }
}

/**
 * @returns changes that failed, when it takes back
 * @throws ChangeError otherwise, at the first
 */
export async function perform(plan: Plan, { journal, means, tell, reverting, signal }: Performance): Promise<Change[]> {
  await forget(journal, plan);
  const all = { ...means, rulesets: plan.rulesets };
  const left: Change[] = [];
  for (const [i, change] of plan.changes.entries()) {
    const progress = { step: 'change', change, place: i + 1, of: plan.changes.length, reverting } as const;
    tell({ ...progress, state: 'begin' });
    try {
      signal?.throwIfAborted();
      await one(change, journal, all);
    } catch (error) {
      if (!reverting) throw new ChangeError(change, error);
      tell({ step: 'left', change, why: messageOf(error) });
      left.push(change);
      continue;
    }
    tell({ ...progress, state: 'done' });
  }
  return left;
}

/** Strikes what is gone already, and takes up the texts of tables. */
async function forget(journal: Journal, { forgotten, rulesets }: Plan): Promise<void> {
  for (const key of forgotten) await restoreAside(journal, key);
  const owned = new Map(journal.state.owned);
  for (const key of forgotten) owned.delete(key);
  journal.write({ owned, rulesets: { ...journal.state.rulesets, ...rulesets } });
}

async function one(change: Change, journal: Journal, means: Means): Promise<void> {
  const leaves = change.operation === 'remove' || change.operation === 'restore';
  if (leaves) {
    await make(change, means);
    await restoreAside(journal, change.key);
    journal.write({ owned: owning(journal.state.owned, change) });
    return;
  }
  const aside =
    change.after?.kind === 'sysctl' && !journal.state.owned.has(change.key) ? await drawnAlong(change.after.name) : {};
  journal.write({ owned: owning(journal.state.owned, change), aside: { ...journal.state.aside, ...aside } });
  await make(change, means);
}

/** What a switch drew along goes back with it. */
async function restoreAside(journal: Journal, key: ItemKey): Promise<void> {
  const name = key.slice('sysctl '.length);
  if (!key.startsWith('sysctl ')) return;
  const entries = Object.entries(journal.state.aside);
  const own = entries.filter(([sysctl]) => isDrawnBy(name, sysctl));
  if (own.length === 0) return;
  await putBack(Object.fromEntries(own));
  journal.write({ aside: Object.fromEntries(entries.filter(([sysctl]) => !isDrawnBy(name, sysctl))) });
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
