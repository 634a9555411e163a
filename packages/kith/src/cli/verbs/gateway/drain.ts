/** `kith gateway drain` and `undrain`: out of the community without cutting leases short, and back. */
import { KithError } from '@kith/core';
import { Transactions } from '@kith/host';
import { connectKeeper } from '../../../gateway/connect.ts';
import { parseGatewayFile } from '../../../gateway/file.ts';
import { gatewayFolders } from '../../../gateway/folders.ts';
import { prospectOf } from '../../../gateway/prospect.ts';
import type { Context } from '../../context.ts';
import { duration, type Result } from '../../output.ts';
import { putInForce } from './apply.ts';

export async function drain(context: Context, draining: boolean): Promise<Result> {
  const folders = gatewayFolders();
  const daemons = await connectKeeper(folders);
  const inForce = new Transactions({ folders, daemons }).inForce();
  if (inForce === null) throw new KithError('GATEWAY_NOT_APPLIED', 'no gateway is in force on this machine');
  const file = parseGatewayFile(inForce.text, inForce.file);
  const prospect = await prospectOf(file, { folders, as: inForce.as, draining });
  await putInForce(context, folders, { prospect, draining, as: inForce.as });
  const longest = Math.max(...prospect.gateway.domains.map(({ lease }) => lease));
  const json = { draining, longestLease: longest };
  return draining
    ? {
        json,
        text: `draining: routers choose other gateways, clients keep their leases; the last of them ends in ${duration(longest * 1000)}, then "kith gateway remove"`,
      }
    : { json, text: 'in full service again' };
}
