/**
 * desired − observed = the changes, in an order in which they can be made. What is no more wanted goes first, dependents
 * before what they stand on; then the wanted things come, foundations first.
 *
 * A link that is removed and made again takes along what lives in it: addresses, routes, peers, tunnels over it. They are
 * in the plan as remade, ports that lose their master as changed, and daemons that stood on any of it as restarted.
 */
import { type Desired, inOrder, NOTHING, type Wanted } from './desired.ts';
import {
  type Cause,
  type Item,
  type ItemKey,
  keyOf,
  type Kind,
  type LinkValue,
  needsRebuild,
  sameValue,
} from './item.ts';
import type { Observed, Owned } from './observed.ts';

/**
 * - `rebuild`: a link, removed and made again, because the kernel takes what changes at creation only
 * - `remake`: what goes down with a rebuilt link and comes back
 * - `restart`: a daemon that is as wanted, while the ground it stands on changed
 * - `remove`, `restore`: no line wants it any more; before kith there was nothing, or something that comes back
 */
export type Operation = 'add' | 'change' | 'rebuild' | 'remake' | 'restart' | 'remove' | 'restore';

export interface Change {
  readonly operation: Operation;
  readonly key: ItemKey;
  /** What is there now; null for `add`. */
  readonly before: Item | null;
  /** What is there then; null for `remove`. */
  readonly after: Item | null;
  /** The line that wants it; null for what no line wants, and in a rollback. */
  readonly cause: Cause | null;
  readonly needs: readonly ItemKey[];
}

export interface Plan {
  readonly changes: readonly Change[];
  /** What kith made and somebody else took away since: nothing is left to do but to strike it from the journal. */
  readonly forgotten: readonly ItemKey[];
  /** Texts for `nft -f`, by digest: at least those of the tables in the changes. */
  readonly rulesets: Readonly<Record<string, string>>;
}

/** What vanishes with the link that it needs. Settings of one interface do, and they need it. */
const LIVES_IN_LINK: ReadonlySet<Kind> = new Set<Kind>([
  'address',
  'route',
  'batman',
  'wireguard',
  'forwarding',
  'sysctl',
]);

/** The changes that lead from what was observed to what is wanted; none on a host that is as wanted. */
export function planFor(desired: Desired, observed: Observed): Plan {
  const leaving = departures(desired, observed);
  const gone = new Set<ItemKey>(leaving.changes.filter((each) => each.operation === 'remove').map((each) => each.key));
  const changes: Change[] = [...leaving.changes];
  const rewritten = new Set<ItemKey>();
  for (const wanted of desired.wanted) {
    const change = arrival(wanted, observed.found.get(keyOf(wanted.item)) ?? null, gone, rewritten);
    if (change === null) continue;
    changes.push(change);
    if (change.operation !== 'change' && change.operation !== 'restart') gone.add(change.key);
    if (wanted.item.kind === 'file') rewritten.add(change.key);
  }
  return { changes, forgotten: leaving.forgotten, rulesets: desired.rulesets };
}

/** The plan by which everything of kith's leaves the host and what was there before comes back. */
export function removalFrom(observed: Observed): Plan {
  return planFor(NOTHING, observed);
}

/**
 * The state that a rollback plans for: what kith owned, as it was found. Whatever a plan took into its hands since then
 * goes back to what it was before kith.
 *
 * @param before what was observed before the plan was applied
 * @param rulesets the texts that were in force then, by digest
 */
export function asBefore(before: Observed, rulesets: Readonly<Record<string, string>>): Desired {
  const wanted: Wanted[] = [];
  for (const [key, { needs }] of before.owned) {
    const item = before.found.get(key);
    if (item === undefined) continue;
    wanted.push({ item, cause: null, needs: needs.filter((need) => before.owned.has(need) && before.found.has(need)) });
  }
  return { wanted: inOrder(wanted), rulesets };
}

/**
 * The journal's word on what kith owns when a change is made. It has to be on disk before the change, or after it where
 * the change is `remove` or `restore`: whatever a crash leaves between is then still known as kith's. What was there
 * before kith is remembered from the first change on.
 */
export function owning(owned: ReadonlyMap<ItemKey, Owned>, change: Change): Map<ItemKey, Owned> {
  const out = new Map(owned);
  if (change.operation === 'remove' || change.operation === 'restore') out.delete(change.key);
  else
    out.set(change.key, {
      original: out.has(change.key) ? (out.get(change.key)?.original ?? null) : change.before,
      needs: change.needs,
    });
  return out;
}

/** What no line wants any more, dependents first. */
function departures(desired: Desired, observed: Observed): { changes: Change[]; forgotten: ItemKey[] } {
  const keep = new Set(desired.wanted.map((wanted) => keyOf(wanted.item)));
  const leaving = new Map([...observed.owned].filter(([key]) => !keep.has(key)));
  const changes: Change[] = [];
  const forgotten: ItemKey[] = [];
  for (const key of foundationsFirst(leaving).reverse()) {
    const { original, needs } = leaving.get(key) ?? { original: null, needs: [] };
    const before = observed.found.get(key) ?? null;
    if (sameValue(before?.value, original?.value)) forgotten.push(key);
    else
      changes.push({
        operation: original === null ? 'remove' : 'restore',
        key,
        before,
        after: original,
        cause: null,
        needs,
      });
  }
  return { changes, forgotten };
}

function foundationsFirst(owned: ReadonlyMap<ItemKey, Owned>): ItemKey[] {
  const out = new Set<ItemKey>();
  const open = new Set<ItemKey>();
  const visit = (key: ItemKey): void => {
    const one = owned.get(key);
    // A circle cannot come from a plan; out of a damaged journal it must not hang the removal.
    if (one === undefined || out.has(key) || open.has(key)) return;
    open.add(key);
    for (const need of one.needs) visit(need);
    out.add(key);
  };
  for (const key of owned.keys()) visit(key);
  return [...out];
}

/**
 * @param gone what was added, rebuilt, remade or removed before in this plan
 * @param rewritten files that somebody else wrote into: a daemon that started since has read that
 */
function arrival(
  wanted: Wanted,
  found: Item | null,
  gone: ReadonlySet<ItemKey>,
  rewritten: ReadonlySet<ItemKey>,
): Change | null {
  const { item, cause, needs } = wanted;
  const key = keyOf(item);
  const change = (operation: Operation): Change => ({ operation, key, before: found, after: item, cause, needs });
  if (found === null) return change('add');
  const shaken = needs.some((need) => gone.has(need) || rewritten.has(need));
  if (item.kind === 'link' && found.kind === 'link') return linkChange(item.value, found.value, gone, change);
  const uprooted = needs.some((need) => need.startsWith('link ') && gone.has(need));
  if (uprooted && LIVES_IN_LINK.has(item.kind)) return change('remake');
  if (!sameValue(item.value, found.value)) return change('change');
  return shaken && item.kind === 'daemon' ? change('restart') : null;
}

function linkChange(
  wanted: LinkValue,
  found: LinkValue,
  gone: ReadonlySet<ItemKey>,
  change: (operation: Operation) => Change,
): Change | null {
  if (wanted.type === 'vxlan' && gone.has(`link ${wanted.underlay}`)) return change('remake');
  if (needsRebuild(found, wanted)) return change('rebuild');
  const orphaned = found.master !== null && gone.has(`link ${found.master}`);
  return orphaned || !agrees(wanted, found) ? change('change') : null;
}

/** Whether a link is as wanted, as far as it is kith's to say. */
function agrees(wanted: LinkValue, found: LinkValue): boolean {
  const { mac, mtu } = { mac: wanted.mac ?? found.mac, mtu: wanted.mtu ?? found.mtu };
  if (wanted.type !== 'adopted') return sameValue({ ...wanted, mac, mtu }, found);
  const { up, master, port } = wanted;
  return sameValue([up, master, port, mac, mtu], [found.up, found.master, found.port, found.mac, found.mtu]);
}
