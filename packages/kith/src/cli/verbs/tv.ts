/** `kith share tv on|off|status`: televisions in the local network see what is shared. */
import type { TvReport } from '@kith/api';
import { KithError } from '@kith/core';
import { connect } from '../../share/connect.ts';
import type { Context } from '../context.ts';
import { plain, type Result } from '../output.ts';

export interface TvOptions {
  readonly interfaces: readonly string[];
  readonly shares: readonly string[];
  readonly all: boolean;
}

export async function on(_context: Context, { interfaces, shares, all }: TvOptions): Promise<Result> {
  if (all && shares.length > 0) throw new KithError('USAGE', '--all and --share exclude each other');
  const client = await connect();
  return result(await client.setTv({ on: true, interfaces, shares: all || shares.length > 0 ? shares : null }));
}

export async function off(_context: Context): Promise<Result> {
  const client = await connect();
  return result(await client.setTv({ on: false, interfaces: [], shares: null }));
}

export async function status(_context: Context): Promise<Result> {
  const client = await connect();
  return result(await client.tv());
}

function result(report: TvReport): Result {
  if (!report.on) return { json: report, text: 'off: televisions see nothing' };
  const { name, titles, shares, places } = report;
  const which = shares.length === 0 ? 'all shares' : shares.map((id) => id.slice(0, 8)).join(', ');
  const lines = [
    `on: televisions see ${titles} ${titles === 1 ? 'title' : 'titles'} of ${which} as "${plain(name)}"`,
    ...places.map((place) => `${plain(place.interface)}  ${place.url ?? plain(place.problem ?? '')}`),
  ];
  return { json: report, text: lines.join('\n') };
}
