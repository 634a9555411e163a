/** `kith gateway plan`: what would be changed, with the line of the file that wants it. Changes nothing. */
import { causeText, type Objection, planText, type Plan } from '@kith/gateway';
import { Transactions } from '@kith/host';
import { NO_KEEPER, runningKeeper } from '../../../gateway/connect.ts';
import { findGatewayFile } from '../../../gateway/file.ts';
import { gatewayFolders } from '../../../gateway/folders.ts';
import { prospectOf } from '../../../gateway/prospect.ts';
import type { Context } from '../../context.ts';
import type { Result } from '../../output.ts';

export interface FileOptions {
  readonly file: string | undefined;
  readonly as: string | undefined;
}

export async function plan(_context: Context, options: FileOptions): Promise<Result> {
  const folders = gatewayFolders();
  const transactions = new Transactions({ folders, daemons: (await runningKeeper(folders)) ?? NO_KEEPER });
  const file = findGatewayFile(options.file);
  const draining = transactions.inForce()?.draining ?? false;
  const { desired, objections } = await prospectOf(file, { folders, as: options.as, draining });
  const found = await transactions.plan(desired);
  const stops = objections.some((objection) => objection.stops);
  return {
    json: { ...planJson(found), objections },
    text: [...objections.map(objectionText), planText(found).trimEnd()].join('\n\n'),
    ...(stops ? { exit: 6 } : {}),
  };
}

export function objectionText({ cause, message, stops }: Objection): string {
  return `${stops ? 'stops' : 'warning'}: ${causeText(cause)}: ${message}`;
}

/** Without the texts of nftables, which are what the changes of tables lead to. */
export function planJson({ changes, forgotten }: Plan): Omit<Plan, 'rulesets'> {
  return { changes, forgotten };
}
