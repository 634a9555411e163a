import { KithError } from '@kith/core';
import { Client } from '../../api/client.ts';
import type { InvitesReport } from '@kith/api';
import { findFolder } from '../../state/networks.ts';
import { fileIn } from '../../state/paths.ts';
import type { Context } from '../context.ts';
import { plain, type Result, table } from '../output.ts';

async function read(folder: string): Promise<InvitesReport> {
  try {
    return await new Client(fileIn(folder, 'socket')).invites();
  } catch (error) {
    if (!(error instanceof KithError && error.code === 'NOT_RUNNING')) throw error;
  }
  const { offline } = await import('../../membership/offline.ts');
  return offline(folder, 'invites', (membership) => membership.invites());
}

export async function invites(context: Context): Promise<Result> {
  const report = await read(findFolder(context));
  const rows = report.invites.map((invite) => [
    invite.id,
    plain(invite.name ?? '-'),
    `${invite.used} of ${invite.uses}`,
    invite.state,
    invite.expires === null ? 'never' : new Date(invite.expires).toISOString(),
    plain(invite.by),
  ]);
  const text = rows.length === 0 ? 'none' : table(['ID', 'NAME', 'USED', 'STATE', 'EXPIRES', 'BY'], rows);
  return { json: report, text };
}
