/** `kith traffic`: what came through the gateway's interfaces, by minutes, hours, days or months. */
import { type Grain, trafficText } from '@kith/host';
import { neededKeeper } from '../../gateway/connect.ts';
import { gatewayFolders } from '../../gateway/folders.ts';
import type { Context } from '../context.ts';
import type { Result } from '../output.ts';

export async function traffic(_context: Context, name: string | undefined, grain: Grain): Promise<Result> {
  const report = await (await neededKeeper(gatewayFolders())).traffic(name, grain);
  const text = trafficText(report.rows, Date.now());
  return { json: report, text: text === '' ? 'nothing was counted yet' : text };
}
