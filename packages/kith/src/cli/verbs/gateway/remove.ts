/** `kith gateway remove`: everything of kith's leaves the machine, and what was there before comes back. */
import { NOTHING, planText } from '@kith/gateway';
import { Transactions } from '@kith/host';
import { KithError } from '@kith/core';
import { connectKeeper } from '../../../gateway/connect.ts';
import { gatewayFolders } from '../../../gateway/folders.ts';
import { clearAway } from '../../../gateway/leftovers.ts';
import { agrees, canAsk } from '../../ask.ts';
import type { Context } from '../../context.ts';
import type { Result } from '../../output.ts';
import { tell } from './apply.ts';
import { planJson } from './plan.ts';

export async function remove(context: Context, yes: boolean): Promise<Result> {
  const folders = gatewayFolders();
  const keeper = await connectKeeper(folders);
  const transactions = new Transactions({ folders, daemons: keeper, tell: (progress) => tell(context, progress) });
  const plan = await transactions.plan(NOTHING);
  if (plan.changes.length > 0) context.progress(planText(plan).trimEnd());
  if (
    plan.changes.length > 0 &&
    !yes &&
    canAsk() &&
    !context.json &&
    !(await agrees('Take the gateway off the machine?'))
  )
    throw new KithError('GATEWAY_DECLINED', 'the answer was no');
  const removed = await transactions.remove();
  await keeper.applied();
  await clearAway(folders, keeper);
  return {
    json: planJson(removed.plan),
    text:
      plan.changes.length === 0
        ? 'no gateway is in force on this machine'
        : 'removed: the machine is as it was before kith',
  };
}
