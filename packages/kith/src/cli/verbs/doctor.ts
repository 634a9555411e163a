/** `kith doctor`: what is wrong with this machine in its networks, and with its gateway where it is one. */
import { readFileSync } from 'node:fs';
import type { FindingView, StatusReport } from '@kith/api';
import { KithError } from '@kith/core';
import { diagnoseMember } from '@kith/gateway';
import { Transactions } from '@kith/host';
import { Client } from '../../api/client.ts';
import { NO_KEEPER } from '../../gateway/connect.ts';
import { gatewayFolders } from '../../gateway/folders.ts';
import { findingView } from '../../gateway/inspect.ts';
import type { ExaminationReport } from '../../gateway/reports.ts';
import { folderOf, listNetworks } from '../../state/networks.ts';
import { fileIn } from '../../state/paths.ts';
import type { Context } from '../context.ts';
import type { Result } from '../output.ts';
import { examination, findingText } from './gateway/doctor.ts';
import { defaultExit } from './gateway/init.ts';

/** Ends with 1 where something is wrong. */
export async function doctor(context: Context, mend: boolean): Promise<Result> {
  const labels = context.network === undefined ? listNetworks() : [context.network];
  const networks: { readonly network: string; readonly findings: readonly FindingView[] }[] = [];
  for (const network of labels) networks.push({ network, findings: await lookAt(network) });
  const gateway = await gatewayHere(context, mend);
  if (networks.length === 0 && gateway === null)
    throw new KithError(
      'NETWORK_UNKNOWN',
      'this machine is in no network and is no gateway: there is nothing to look at',
    );
  const all = [...networks.flatMap(({ findings }) => findings), ...(gateway?.findings ?? [])];
  const wrong = all.some(({ severity }) => severity !== 'info');
  return {
    json: { networks, gateway },
    text: all.length === 0 ? 'nothing is wrong' : all.map(findingText).join('\n\n'),
    ...(wrong ? { exit: 1 } : {}),
  };
}

async function lookAt(label: string): Promise<FindingView[]> {
  const status = await statusOf(label);
  // Nobody outside is asked for the time: a member asks no server on the internet unless its owner says so.
  return diagnoseMember({ status, clockAhead: null, underlayMtu: underlayMtu() }).map(findingView);
}

async function statusOf(label: string): Promise<StatusReport | null> {
  try {
    return await new Client(fileIn(folderOf(label), 'socket')).status();
  } catch (error) {
    if (error instanceof KithError && error.code === 'NOT_RUNNING') return null;
    throw error;
  }
}

function underlayMtu(): number | null {
  const name = defaultExit();
  return name === undefined ? null : Number(readFileSync(`/sys/class/net/${name}/mtu`, 'utf8'));
}

/** Null where this machine is no gateway, or where the one who asks may not look. */
async function gatewayHere(context: Context, mend: boolean): Promise<ExaminationReport | null> {
  if (process.geteuid?.() !== 0) return null;
  const inForce = new Transactions({ folders: gatewayFolders(), daemons: NO_KEEPER }).inForce();
  if (inForce === null) return null;
  context.progress('looking at the gateway as its clients see it, which takes some ten seconds');
  return examination(mend);
}
