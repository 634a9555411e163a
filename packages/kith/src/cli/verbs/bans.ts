/** `kith bans`: who is kept out, for how long, and why. */
import { KithError, parseAddress, parsePrefix, prefixParts } from '@kith/core';
import type { BanView } from '@kith/api';
import { neededKeeper } from '../../gateway/connect.ts';
import { gatewayFolders } from '../../gateway/folders.ts';
import type { Context } from '../context.ts';
import { duration, parseDuration, plain, type Result, table } from '../output.ts';

export async function listBans(_context: Context): Promise<Result> {
  const report = await (await neededKeeper(gatewayFolders())).bans();
  const now = Date.now();
  const rows = report.bans.map((ban) => [ban.address, leftOf(ban, now), duration(now - ban.since), plain(ban.reason)]);
  const text = rows.length === 0 ? 'nobody is banned' : table(['ADDRESS', 'LEFT', 'SINCE', 'WHY'], rows);
  return { json: report, text: report.inForce ? text : `${text}\nwarning: the firewall does not hold them now` };
}

export async function addBan(
  _context: Context,
  addresses: readonly string[],
  time: string | undefined,
): Promise<Result> {
  const ms = time === undefined ? null : parseDuration(time, '--for');
  if (time !== undefined && ms === null) throw new KithError('USAGE', '--for never: a ban lasts a year at most');
  const seconds = ms === null ? null : Math.ceil(ms / 1000);
  const own = await neededKeeper(gatewayFolders());
  const bans: BanView[] = [];
  for (const address of addresses.map(addressIn)) bans.push((await own.ban({ address, seconds })).ban);
  return {
    json: { bans },
    text: bans.map((ban) => `${ban.address} is banned for ${leftOf(ban, ban.since)}`).join('\n'),
  };
}

export async function liftBan(_context: Context, addresses: readonly string[]): Promise<Result> {
  const own = await neededKeeper(gatewayFolders());
  const lifted: { readonly address: string; readonly was: boolean }[] = [];
  for (const address of addresses.map(addressIn)) lifted.push({ address, was: (await own.lift({ address })).was });
  return {
    json: { lifted },
    text: lifted.map(({ address, was }) => `${address} ${was ? 'is no longer banned' : 'was not banned'}`).join('\n'),
  };
}

/** An address as it is, or as the list shows it, with the length of its prefix. */
function addressIn(text: string): ReturnType<typeof parseAddress> {
  return parseAddress(/\/(?:32|64)$/.test(text) ? prefixParts(parsePrefix(text)).address : text);
}

function leftOf({ until }: BanView, now: number): string {
  return until === null ? 'for good' : duration(Math.max(0, until - now));
}
