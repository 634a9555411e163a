import { KithError } from '@kith/core';
import { Client } from '../../api/client.ts';
import type { RevokeReport } from '@kith/api';
import { findFolder } from '../../state/networks.ts';
import { fileIn } from '../../state/paths.ts';
import type { Context } from '../context.ts';
import { plain, type Result } from '../output.ts';

export async function revoke(context: Context, target: string): Promise<Result> {
  const folder = findFolder(context);
  const { running, report } = await revokeIn(folder, target);
  const when = running ? '' : '; the others learn it when this node is up again: kith up';
  return {
    json: { ...report, spread: running },
    text: `revoked ${report.kind} ${plain(report.name)} (${report.id})${when}`,
  };
}

async function revokeIn(folder: string, target: string): Promise<{ running: boolean; report: RevokeReport }> {
  try {
    return { running: true, report: await new Client(fileIn(folder, 'socket')).revoke({ target }) };
  } catch (error) {
    if (!(error instanceof KithError && error.code === 'NOT_RUNNING')) throw error;
  }
  const { offline } = await import('../../membership/offline.ts');
  return { running: false, report: await offline(folder, 'revoke', (membership) => membership.revoke({ target })) };
}
