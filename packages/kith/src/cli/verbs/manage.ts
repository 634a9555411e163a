/** `kith share rm|pause|resume|recheck|limit|start|stop`. */
import { KithError } from '@kith/core';
import { connect, isCode, ownShareFolder, running } from '../../share/connect.ts';
import type { ShareReport } from '@kith/api';
import { fileIn } from '../../state/paths.ts';
import type { Context } from '../context.ts';
import { parseWhole, plain, type Result } from '../output.ts';
import { parseRate } from '../sizes.ts';
import { waitForEnd } from './down.ts';

export async function remove(_context: Context, names: readonly string[], data: boolean): Promise<Result> {
  const client = await connect();
  const shares: ShareReport[] = [];
  for (const name of names) shares.push(await client.change(name, { action: 'remove', data }));
  return { json: { shares }, text: shares.map((share) => `${plain(share.name)} is not shared any more`).join('\n') };
}

export async function change(
  _context: Context,
  names: readonly string[],
  action: 'pause' | 'resume' | 'recheck',
): Promise<Result> {
  const client = await connect();
  const shares: ShareReport[] = [];
  for (const name of names) shares.push(await client.change(name, { action }));
  return { json: { shares }, text: shares.map((share) => `${plain(share.name)}: ${share.state}`).join('\n') };
}

export async function limit(
  _context: Context,
  names: readonly string[],
  rates: { readonly down: string | undefined; readonly up: string | undefined },
): Promise<Result> {
  const down = rates.down === undefined ? null : parseRate(rates.down, '--down');
  const up = rates.up === undefined ? null : parseRate(rates.up, '--up');
  if (down === null && up === null) throw new KithError('USAGE', 'which rate? kith share limit --down RATE --up RATE');
  const client = await connect();
  if (names.length === 0) {
    await client.setRates({ down, up });
    return { json: { down, up }, text: 'set for all shares together' };
  }
  const shares: ShareReport[] = [];
  for (const name of names) shares.push(await client.change(name, { action: 'limit', down, up }));
  return { json: { shares }, text: shares.map((share) => `set for ${plain(share.name)}`).join('\n') };
}

export async function start(
  context: Context,
  options: { readonly foreground: boolean; readonly port: string | undefined },
): Promise<Result> {
  const port = options.port === undefined ? undefined : parseWhole(options.port, 0, 65_535, '--port');
  if (options.foreground) {
    const folder = ownShareFolder();
    const { serveHere } = await import('../../daemon/background.ts');
    const { startShareProcess } = await import('../../share/process.ts');
    const serve = (sink: Parameters<typeof startShareProcess>[0]['sink']): ReturnType<typeof startShareProcess> =>
      startShareProcess({ folder, sink, ...(port === undefined ? {} : { port }) });
    await serveHere(serve, fileIn(folder, 'log'), context);
    return { json: { done: true }, text: '' };
  }
  if (port !== undefined) throw new KithError('USAGE', '--port goes with --foreground only');
  const report = await (await connect()).shares();
  return { json: report, text: `sharing: process ${report.pid}, TCP port ${report.port}` };
}

export async function stop(_context: Context): Promise<Result> {
  try {
    await (await running()).stop();
  } catch (error) {
    if (isCode(error, 'NOT_RUNNING')) return { json: { done: true }, text: 'it does not run' };
    throw error;
  }
  await waitForEnd(ownShareFolder());
  return { json: { done: true }, text: 'stopped' };
}
