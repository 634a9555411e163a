/** `kith lan`: this machine hands out addresses on an interface and sends its clients through the mesh to an exit. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KithError, parseLabel } from '@kith/core';
import { lanFile, readGatewayFile } from '@kith/gateway';
import { gatewayFolders } from '../../gateway/folders.ts';
import { makeRunFolder } from '../../gateway/connect.ts';
import { clientOf, type Context } from '../context.ts';
import type { Result } from '../output.ts';
import { apply, type ApplyOptions } from './gateway/apply.ts';

export interface LanOptions extends Pick<ApplyOptions, 'confirm' | 'yes'> {
  /** Names of members, the one that is preferred first. */
  readonly via: readonly string[];
}

export async function lan(context: Context, interfaces: readonly string[], options: LanOptions): Promise<Result> {
  if (options.via.length === 0)
    throw new KithError('USAGE', 'say which members clients leave through, the preferred one first: --via tower');
  const members = options.via.map((name) => parseLabel(name, 'member name'));
  const { name, label } = await clientOf(context).status();
  const text = lanFile({ community: `${name} of ${label}`, clients: interfaces, members });
  const folders = gatewayFolders();
  const file = join(folders.state, 'lan.yaml');
  readGatewayFile(text, file);
  makeRunFolder(folders);
  writeFileSync(file, text);
  return apply(context, { file, as: undefined, confirmByDoctor: false, ...options });
}
