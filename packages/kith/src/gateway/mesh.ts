/** The network of kith that a gateway's clients leave through, or that may leave through the gateway. */
import type { StatusReport } from '@kith/api';
import { KithError, type Label } from '@kith/core';
import { Client } from '../api/client.ts';
import { folderOf, listNetworks } from '../state/networks.ts';
import { fileIn } from '../state/paths.ts';

export interface FoundMesh {
  readonly client: Client;
  readonly interface: string;
}

/** The first network that is up here and has all of these members; null without one. */
export async function findMesh(members: readonly Label[]): Promise<FoundMesh | null> {
  for (const label of listNetworks()) {
    const client = new Client(fileIn(folderOf(label), 'socket'));
    const status = await statusOf(client);
    if (status === null || status.interface === null) continue;
    const { name } = status.interface;
    const known = (member: Label): boolean => status.members.some((each) => each.name === member);
    if (members.every(known)) return { client, interface: name };
  }
  return null;
}

/** The members that are exits by the file, the first that is online first; what the network says besides is not asked. */
export function exitAmong(members: readonly Label[], status: StatusReport): StatusReport['members'][number] | null {
  for (const name of members) {
    const found = status.members.find((each) => each.name === name && each.online && !each.self);
    if (found !== undefined) return found;
  }
  return null;
}

async function statusOf(client: Client): Promise<StatusReport | null> {
  try {
    return await client.status();
  } catch (error) {
    if (error instanceof KithError && error.code === 'NOT_RUNNING') return null;
    throw error;
  }
}
