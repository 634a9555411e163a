/** This machine's places in its networks, as the interfaces show them: whoever may share may see these. */
import type { Address, Prefix } from '@kith/core';
import { readConfig } from '../config/config.ts';
import { interfaceName } from '../config/schema.ts';
import { localAddresses } from '../daemon/addresses.ts';
import { folderOf, listNetworks } from '../state/networks.ts';
import { fileIn } from '../state/paths.ts';

export interface MeshPlaces {
  readonly prefixes: readonly Prefix[];
  readonly addresses: readonly Address[];
}

/** Names of interfaces that the networks of this user were given in their configuration. */
export async function meshInterfaces(): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for (const label of listNetworks()) {
    const config = await readConfig(fileIn(folderOf(label), 'config')).catch(() => undefined);
    if (config !== undefined) names.add(interfaceName({ interface: config.interface }, label));
  }
  return names;
}

/** @param named interfaces besides those that are called `kith…` */
export function meshPlaces(named: ReadonlySet<string>): MeshPlaces {
  const own = localAddresses().filter((local) => local.interface.startsWith('kith') || named.has(local.interface));
  return { prefixes: own.map(({ prefix }) => prefix), addresses: own.map(({ address }) => address) };
}
