/** `kith gateway confirm` and `rollback`: what becomes of the change that waits for a word. */
import { Transactions } from '@kith/host';
import { connectKeeper } from '../../../gateway/connect.ts';
import { gatewayFolders } from '../../../gateway/folders.ts';
import type { Context } from '../../context.ts';
import type { Result } from '../../output.ts';
import { tell } from './apply.ts';

/** @throws KithError GATEWAY_NOT_PENDING */
export async function confirm(context: Context): Promise<Result> {
  await settled(context, (transactions) => transactions.confirm());
  return { json: { done: true }, text: 'confirmed: the gateway is in force' };
}

/** @throws KithError GATEWAY_NOT_PENDING, GATEWAY_ROLLBACK_FAILED */
export async function rollback(context: Context): Promise<Result> {
  await settled(context, (transactions) => transactions.revert());
  return { json: { done: true }, text: 'taken back: the machine is as it was before the last change' };
}

async function settled(context: Context, work: (transactions: Transactions) => Promise<void>): Promise<void> {
  const folders = gatewayFolders();
  const keeper = await connectKeeper(folders);
  await work(new Transactions({ folders, daemons: keeper, tell: (progress) => tell(context, progress) }));
  await keeper.applied();
}
