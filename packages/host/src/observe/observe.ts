/**
 * Looks at a host for what is wanted or kith's own. One program is asked per kind, however many items there are, and
 * what it says comes back in the very shape of the wanted, so that both can be compared.
 */
import { type Desired, type Item, type ItemKey, keyOf, type Observed, type Owned } from '@kith/gateway';
import type { Daemons } from '../supervisor/daemons.ts';
import { observeDirectories, observeFiles } from './files.ts';
import { Interest } from './interest.ts';
import { observeModules, observeSysctls } from './kernel.ts';
import { linkItem, listLinks } from './links.ts';
import { observeBatman, observeWireGuard } from './mesh.ts';
import { observeAddresses, observeForwarding, observeRoutes, observeRules } from './routing.ts';
import { observeTables } from './tables.ts';

/**
 * Acts on the network namespace that the process is in, and changes nothing.
 *
 * @param owned what the journal says is kith's
 * @param daemons null where no keeper runs: then no daemon does
 * @throws KithError HOST_PROGRAM_MISSING, HOST_COMMAND_FAILED, HOST_ANSWER_INVALID, GATEWAY_IN_THE_WAY
 */
export async function observe(
  desired: Desired,
  owned: ReadonlyMap<ItemKey, Owned>,
  daemons: Pick<Daemons, 'list'> | null,
): Promise<Observed> {
  const interest = new Interest(desired, owned);
  const links = await listLinks();
  const found = await Promise.all([
    Promise.all(interest.names('link').map((name) => linkItem(links.get(name)))),
    observeAddresses(interest),
    observeRoutes(interest),
    observeRules(interest),
    observeForwarding(interest, links),
    observeBatman(interest, links),
    observeWireGuard(interest, links),
    observeSysctls(interest),
    observeModules(interest),
    observeTables(interest),
    observeFiles(interest),
    observeDirectories(interest),
    observeDaemons(interest, daemons),
  ]);
  const items = found.flat().filter((item) => item !== null);
  return { found: new Map(items.map((item) => [keyOf(item), item])), owned };
}

async function observeDaemons(interest: Interest, daemons: Pick<Daemons, 'list'> | null): Promise<Item[]> {
  const names = new Set(interest.names('daemon'));
  if (names.size === 0 || daemons === null) return [];
  const reports = (await daemons.list()).filter(({ name, state }) => names.has(name) && state !== 'stopping');
  return reports.map(({ name, value }) => ({ kind: 'daemon', name, value }));
}
