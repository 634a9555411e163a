/** The network of kith that a gateway's clients leave through, or that may leave through the gateway. */
import type { StatusReport } from '@kith/api';
import type { MeshFacts } from '@kith/gateway';
import { type Address, KithError, type Label } from '@kith/core';
import { Client } from '../api/client.ts';
import { folderOf, listNetworks } from '../state/networks.ts';
import { fileIn } from '../state/paths.ts';

export interface FoundMesh {
  readonly client: Client;
  readonly interface: string;
  /** Addresses of the members that were asked for: exits answer names there. */
  readonly resolvers: readonly Address[];
  readonly facts: MeshFacts;
}

/** The first network that is up here and has one of these members; with none of them any network. Null without one. */
export async function findMesh(members: readonly Label[]): Promise<FoundMesh | null> {
  for (const label of listNetworks()) {
    const client = new Client(fileIn(folderOf(label), 'socket'));
    const status = await statusOf(client);
    if (status === null || status.interface === null) continue;
    const found = members.flatMap((name) => status.members.find((each) => each.name === name) ?? []);
    if (members.length > 0 && found.length === 0) continue;
    const resolvers = found.map(({ address4 }) => address4);
    return { client, interface: status.interface.name, resolvers, facts: factsOf(status) };
  }
  return null;
}

function factsOf({ exit, members }: StatusReport): MeshFacts {
  return { leaves: exit, standing: members.find(({ self }) => self)?.exit ?? 'none' };
}

async function statusOf(client: Client): Promise<StatusReport | null> {
  try {
    return await client.status();
  } catch (error) {
    if (error instanceof KithError && error.code === 'NOT_RUNNING') return null;
    throw error;
  }
}
