/** `kith gateway run`: the keeper, in the foreground; `apply` starts it in the background where none runs. */
import { serveHere } from '../../../daemon/background.ts';
import { makeRunFolder } from '../../../gateway/connect.ts';
import { gatewayFolders, keeperFiles } from '../../../gateway/folders.ts';
import type { Context } from '../../context.ts';
import type { Result } from '../../output.ts';

export async function run(context: Context, idle: boolean): Promise<Result> {
  const folders = gatewayFolders();
  makeRunFolder(folders);
  const { startKeeper } = await import('../../../gateway/keeper.ts');
  await serveHere((sink) => startKeeper({ folders, sink, idle }), keeperFiles(folders).log, context);
  return { json: { done: true }, text: '' };
}
