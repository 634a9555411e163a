import { KithError } from '@kith/core';
import { Client } from '../../api/client.ts';
import type { ChangeReport, ChangeRequest } from '@kith/api';
import { findFolder } from '../../state/networks.ts';
import { fileIn } from '../../state/paths.ts';
import type { Context } from '../context.ts';
import { plain, type Result } from '../output.ts';

export interface SetOptions {
  readonly name: string | undefined;
  readonly address: string | undefined;
  readonly admin: string | undefined;
  readonly relay: string | undefined;
  readonly exit: string | undefined;
}

export async function set(context: Context, member: string, options: SetOptions): Promise<Result> {
  const request: ChangeRequest = {
    member,
    name: options.name ?? null,
    address: options.address ?? null,
    admin: yesOrNo('--admin', options.admin),
    relay: yesOrNo('--relay', options.relay),
    exit: yesOrNo('--exit', options.exit),
  };
  if (Object.values(options).every((value) => value === undefined)) {
    throw new KithError('USAGE', 'nothing to change: say --name, --address, --admin, --relay or --exit');
  }
  const { running, report } = await change(findFolder(context), request);
  const when = running ? '' : '; the others learn it when this node is up again: kith up';
  return {
    json: { ...report, spread: running },
    text: `${plain(report.name)} ${report.changes.join(', ')}${when}`,
  };
}

async function change(folder: string, request: ChangeRequest): Promise<{ running: boolean; report: ChangeReport }> {
  try {
    return { running: true, report: await new Client(fileIn(folder, 'socket')).change(request) };
  } catch (error) {
    if (!(error instanceof KithError && error.code === 'NOT_RUNNING')) throw error;
  }
  const { offline } = await import('../../membership/offline.ts');
  return { running: false, report: await offline(folder, 'set', (membership) => membership.change(request)) };
}

function yesOrNo(option: string, value: string | undefined): boolean | null {
  if (value === undefined) return null;
  if (value === 'yes' || value === 'no') return value === 'yes';
  throw new KithError('USAGE', `${option} ${JSON.stringify(value)} is neither "yes" nor "no"`);
}
