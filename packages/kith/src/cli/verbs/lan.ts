/** `kith lan`: this machine hands out addresses on an interface and sends its clients through the mesh to an exit. */
import { KithError, parseLabel } from '@kith/core';
import { lanFile } from '@kith/gateway';
import { Transactions } from '@kith/host';
import { NO_KEEPER } from '../../gateway/connect.ts';
import { parseGatewayFile } from '../../gateway/file.ts';
import { gatewayFolders } from '../../gateway/folders.ts';
import { clientOf, type Context } from '../context.ts';
import type { Result } from '../output.ts';
import { applyFile, type ApplyOptions } from './gateway/apply.ts';

export interface LanOptions extends Pick<ApplyOptions, 'confirm' | 'yes'> {
  /** Names of members, the one that is preferred first. */
  readonly via: readonly string[];
}

/** Stands where plans and complaints name a file. */
const NAME = 'kith lan';

export async function lan(context: Context, interfaces: readonly string[], options: LanOptions): Promise<Result> {
  if (options.via.length === 0)
    throw new KithError('USAGE', 'say which members clients leave through, the preferred one first: --via tower');
  const members = options.via.map((name) => parseLabel(name, 'member name'));
  const inForce = new Transactions({ folders: gatewayFolders(), daemons: NO_KEEPER }).inForce();
  if (inForce !== null && inForce.file !== NAME) {
    const message = `this machine is a gateway by ${inForce.file}: write "exit: { members: [${members.join(', ')}] }" there`;
    throw new KithError('GATEWAY_OBJECTION', message);
  }
  const status = await clientOf(context).status();
  const self = status.members.find((member) => member.self)?.name ?? 'this machine';
  const text = lanFile({ community: `${self} of ${status.label}`, clients: interfaces, members });
  const { confirm, yes } = options;
  return applyFile(context, parseGatewayFile(text, NAME), { as: undefined, confirm, confirmByDoctor: false, yes });
}
