/** `kith up`: the daemon in the foreground, or detached, with its first words brought back to the person who started it. */
import { findFolder } from '../../state/networks.ts';
import { fileIn } from '../../state/paths.ts';
import type { StatusReport } from '@kith/api';
import { launch } from '../../daemon/launch.ts';
import type { Context } from '../context.ts';
import { plain, type Result } from '../output.ts';
import { summary } from './status.ts';

export interface UpOptions {
  readonly foreground: boolean;
  readonly tun: boolean;
}

async function background(folder: string, tun: boolean): Promise<Result> {
  const words = ['--state', folder, 'up', '--foreground', ...(tun ? [] : ['--no-tun'])];
  const report = await launch<StatusReport>({ words, errors: fileIn(folder, 'stderr'), what: 'the daemon' });
  return { json: report, text: `up: ${plain(summary(report))}` };
}

export async function up(context: Context, options: UpOptions): Promise<Result> {
  const folder = findFolder(context);
  if (!options.foreground) return background(folder, options.tun);
  const { runHere } = await import('../../daemon/background.ts');
  await runHere(folder, options.tun, context);
  return { json: { done: true }, text: '' };
}
