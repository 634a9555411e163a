/** `kith peers`: the members in detail. Without a daemon, what the ledger on disk says of them. */
import type { MemberView } from '@kith/mesh';
import { KithError } from '@kith/core';
import { Client } from '../../api/client.ts';
import { findFolder } from '../../state/networks.ts';
import { fileIn } from '../../state/paths.ts';
import type { Context } from '../context.ts';
import { plain, type Result, table } from '../output.ts';

function role(member: MemberView): string {
  return [member.self ? 'self' : '', member.admin ? 'admin' : '', member.relay ? 'relay' : '']
    .filter((word) => word !== '')
    .join(', ');
}

function live(members: readonly MemberView[]): string {
  const rows = members.map((member) => [
    member.name,
    member.id,
    member.address4,
    member.address6,
    role(member),
    member.nat,
    plain(member.version ?? '-'),
    member.endpoints.join(' '),
  ]);
  return table(['NAME', 'ID', 'IPV4', 'IPV6', 'ROLE', 'NAT', 'VERSION', 'ENDPOINTS'], rows);
}

export async function peers(context: Context): Promise<Result> {
  const folder = findFolder(context);
  try {
    const { members } = await new Client(fileIn(folder, 'socket')).members();
    return { json: { running: true, members }, text: live(members) };
  } catch (error) {
    if (!(error instanceof KithError && error.code === 'NOT_RUNNING')) throw error;
  }
  const { offline } = await import('../../membership/offline.ts');
  const members = await offline(folder, 'peers', (membership) => membership.members());
  const rows = members.map((member) => [
    member.name,
    member.id,
    member.address4,
    member.address6,
    [member.self ? 'self' : '', member.admin ? 'admin' : ''].filter((word) => word !== '').join(', '),
  ]);
  const text = `${table(['NAME', 'ID', 'IPV4', 'IPV6', 'ROLE'], rows)}\n(not running: this is what the ledger says)`;
  return { json: { running: false, members }, text };
}
