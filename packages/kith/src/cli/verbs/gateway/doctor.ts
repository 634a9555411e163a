/** `kith gateway doctor`: what does not work for whom, why, and what mends it. */
import type { FindingView } from '@kith/api';
import { runningKeeper } from '../../../gateway/connect.ts';
import { gatewayFolders } from '../../../gateway/folders.ts';
import type { ExaminationReport } from '../../../gateway/reports.ts';
import type { Context } from '../../context.ts';
import { plain, type Result } from '../../output.ts';

/** Ends with 1 where something is wrong. @throws KithError GATEWAY_NOT_APPLIED */
export async function doctor(context: Context, mend: boolean): Promise<Result> {
  context.progress('looking at the gateway as its clients see it, which takes some ten seconds');
  const report = await examination(mend);
  const wrong = report.findings.some(({ severity }) => severity !== 'info');
  return { json: report, text: examinationText(report), ...(wrong ? { exit: 1 } : {}) };
}

/** By the keeper, which remembers what was found; without one by this process. */
export async function examination(mend: boolean): Promise<ExaminationReport> {
  const folders = gatewayFolders();
  const keeper = await runningKeeper(folders);
  if (keeper !== null) return keeper.examine({ mend });
  const { inspect } = await import('../../../gateway/inspect.ts');
  return inspect({ folders, daemons: null, mend });
}

function examinationText({ findings, mended }: ExaminationReport): string {
  const parts = [
    ...mended.map(({ what, whom }) => `mended: ${plain(what)}, for ${plain(whom)}`),
    ...findings.map(findingText),
    ...(findings.length === 0 ? ['nothing is wrong'] : []),
  ];
  return parts.join('\n\n');
}

export function findingText({ severity, what, whom, cause, mend, command, line, fixable }: FindingView): string {
  return [
    `${severity}: ${plain(what)}, for ${plain(whom)}`,
    `  why:  ${plain(cause)}`,
    `  mend: ${plain(mend)}${command === null ? '' : `: ${plain(command)}`}`,
    ...(line === null ? [] : [`  line: ${plain(line)}`]),
    ...(fixable ? ['  "kith gateway doctor --fix" does it'] : []),
  ].join('\n');
}
