/** `kith gateway routers`: whose keys asked to be let in, and what becomes of them. */
import { neededKeeper } from '../../../gateway/connect.ts';
import { gatewayFolders } from '../../../gateway/folders.ts';
import type { RouterChange } from '../../../gateway/requests.ts';
import type { Context } from '../../context.ts';
import { duration, plain, type Result, table } from '../../output.ts';

export async function routers(_context: Context): Promise<Result> {
  const report = await (await neededKeeper(gatewayFolders())).routers();
  const now = Date.now();
  const rows = report.routers.map(({ key, domain, name, standing, by, seen }) => [
    ...[key, domain, plain(name ?? '-'), `${standing} by ${by}`, duration(now - seen)],
  ]);
  const text = rows.length === 0 ? 'no router asked yet' : table(['KEY', 'DOMAIN', 'NAME', 'STANDING', 'SEEN'], rows);
  return { json: report, text };
}

export async function changeRouters(
  _context: Context,
  action: RouterChange['action'],
  keys: readonly string[],
  domain: string | undefined,
): Promise<Result> {
  const keeper = await neededKeeper(gatewayFolders());
  const words = { approve: 'is let in', refuse: 'is turned away', forget: 'is forgotten' };
  const done: { readonly key: string; readonly action: string }[] = [];
  for (const key of keys) {
    await keeper.changeRouter({ action, key, domain: domain ?? null });
    done.push({ key, action });
  }
  return { json: { routers: done }, text: done.map(({ key }) => `${key} ${words[action]}`).join('\n') };
}
