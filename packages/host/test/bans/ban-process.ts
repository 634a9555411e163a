/** A keeper of bans in a process of its own, which follows the file `log` of its folder. */
import type { Address } from '@kith/core';
import type { Bans } from '@kith/gateway';
import { BanKeeper, type KeptBan } from '@kith/host';
import { FileSource } from '../../src/bans/login-source.ts';
import { Remote, serve } from '../remote.ts';

interface Request {
  readonly ban?: string;
  readonly many?: readonly string[];
  readonly seconds?: number;
  readonly unban?: string;
  readonly refill?: true;
}

export interface BanAnswer {
  readonly bans: readonly KeptBan[];
  readonly inForce: boolean;
  /** What was told, and who was banned, since the last answer. */
  readonly told: readonly string[];
  readonly heard: readonly string[];
}

export type RemoteBans = Remote<Request, BanAnswer>;

export function remoteBans(folder: string, settings: Bans, namespace: string, check: number = 60_000): RemoteBans {
  return new Remote(new URL(import.meta.url), [folder, JSON.stringify({ settings, check })], namespace);
}

if (import.meta.main) {
  const [folder = '', options = '{}'] = process.argv.slice(2);
  const told: string[] = [];
  const heard: string[] = [];
  const keeper = new BanKeeper({
    ...JSON.parse(options),
    book: `${folder}/bans.sqlite`,
    sources: [new FileSource(`${folder}/log`, 20)],
    tell: (text) => told.push(text),
  });
  keeper.onBan(({ target }) => heard.push(target));
  await keeper.start();
  await serve(async ({ ban, many = [], seconds, unban, refill }: Request) => {
    if (ban !== undefined) await keeper.ban(ban as Address, seconds);
    await Promise.all(many.map((each) => keeper.ban(each as Address, seconds)));
    if (unban !== undefined) await keeper.unban(unban as Address);
    if (refill === true) await keeper.refill();
    return { bans: keeper.list(), inForce: keeper.inForce, told: told.splice(0), heard: heard.splice(0) };
  });
  await keeper.stop();
}
