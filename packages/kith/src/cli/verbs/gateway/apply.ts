/** `kith gateway apply`: brings the machine to what the file wants, wholly or not at all. */
import { KithError } from '@kith/core';
import { type Plan, planText } from '@kith/gateway';
import { type Applied, type Progress, Transactions } from '@kith/host';
import { connectKeeper, NO_KEEPER, runningKeeper } from '../../../gateway/connect.ts';
import { findGatewayFile, type FoundFile } from '../../../gateway/file.ts';
import { type GatewayFolders, gatewayFolders } from '../../../gateway/folders.ts';
import { findingView, look } from '../../../gateway/inspect.ts';
import { type Prospect, prospectOf } from '../../../gateway/prospect.ts';
import { agrees, canAsk } from '../../ask.ts';
import type { Context } from '../../context.ts';
import { parseWhole, type Result } from '../../output.ts';
import { findingText } from './doctor.ts';
import { type FileOptions, objectionText, planJson } from './plan.ts';

export interface ApplyOptions extends FileOptions {
  /** Seconds within which somebody has to confirm. */
  readonly confirm: string | undefined;
  readonly confirmByDoctor: boolean;
  readonly yes: boolean;
}

/** A day. */
const LONGEST = 86_400;
/** Seconds that the doctor's look may take; what is not confirmed by then is taken back. */
const FOR_THE_DOCTOR = 120;

export async function apply(context: Context, options: ApplyOptions): Promise<Result> {
  return applyFile(context, findGatewayFile(options.file), options);
}

/** @throws KithError GATEWAY_OBJECTION, GATEWAY_DECLINED and those of {@link Transactions.apply} */
export async function applyFile(
  context: Context,
  file: FoundFile,
  options: Omit<ApplyOptions, 'file'>,
): Promise<Result> {
  const folders = gatewayFolders();
  const asked = options.confirm === undefined ? null : parseWhole(options.confirm, 5, LONGEST, '--confirm');
  const seconds = asked ?? (options.confirmByDoctor ? FOR_THE_DOCTOR : null);
  const looking = new Transactions({ folders, daemons: (await runningKeeper(folders)) ?? NO_KEEPER });
  const draining = looking.inForce()?.draining ?? false;
  const prospect = await prospectOf(file, { folders, as: options.as, draining });
  refuse(prospect);
  const plan = await looking.plan(prospect.desired);
  if (plan.changes.length > 0) await agreed(context, prospect, plan, options.yes || seconds !== null);
  const order = { prospect, draining, as: options.as, ...(seconds === null ? {} : { confirmWithin: seconds * 1000 }) };
  const applied = await putInForce(context, folders, order);
  if (!options.confirmByDoctor || applied.confirmWithin === null) return outcome(applied, seconds);
  return confirmByDoctor(context, folders, prospect, applied);
}

/** Keeps the change where the doctor finds nothing that fails, and takes it back where something does. */
async function confirmByDoctor(
  context: Context,
  folders: GatewayFolders,
  prospect: Prospect,
  { plan }: Applied,
): Promise<Result> {
  context.progress('the doctor looks at it as its clients see it');
  const keeper = await connectKeeper(folders);
  const transactions = new Transactions({ folders, daemons: keeper, tell: (progress) => tell(context, progress) });
  const findings = (await look(prospect, transactions, keeper)).findings.map(findingView);
  const fails = findings.some(({ severity }) => severity === 'error');
  await (fails ? transactions.revert() : transactions.confirm());
  await keeper.applied();
  const json = { ...planJson(plan), confirmWithin: null, confirmed: !fails, findings };
  const texts = findings.map(findingText);
  if (fails) return { json, text: [...texts, 'taken back: the machine is as it was before'].join('\n\n'), exit: 1 };
  return {
    json,
    text: [...texts, `${plan.changes.length} changes made and confirmed: the gateway is in force`].join('\n\n'),
  };
}

/** @throws KithError GATEWAY_OBJECTION */
function refuse({ objections }: Prospect): void {
  const stops = objections.filter((objection) => objection.stops);
  if (stops.length > 0) throw new KithError('GATEWAY_OBJECTION', stops.map(objectionText).join('\n'));
}

/**
 * Shows what is about to come and asks for a yes, where somebody is there to give it. Where nobody is, a warning stops it:
 * what locks the operator out needs a word or a way back.
 */
async function agreed(context: Context, { objections }: Prospect, plan: Plan, said: boolean): Promise<void> {
  context.progress([...objections.map(objectionText), planText(plan).trimEnd()].join('\n\n'));
  if (said) return;
  if (canAsk() && !context.json) {
    if (await agrees('Change the machine like this?')) return;
    throw new KithError('GATEWAY_DECLINED', 'the answer was no');
  }
  const [warning] = objections;
  if (warning !== undefined)
    throw new KithError(
      'GATEWAY_DECLINED',
      `${objectionText(warning)}; say --yes, or --confirm 120 to have it taken back`,
    );
}

export interface InForceOrder {
  readonly prospect: Prospect;
  readonly draining: boolean;
  readonly as: string | undefined;
  readonly confirmWithin?: number;
}

/** Changes the machine, with the keeper's help, and tells the keeper. */
export async function putInForce(
  context: Context,
  folders: GatewayFolders,
  { prospect, draining, as, confirmWithin }: InForceOrder,
): Promise<Applied> {
  const { desired, file } = prospect;
  const keeper = await connectKeeper(folders);
  const transactions = new Transactions({ folders, daemons: keeper, tell: (progress) => tell(context, progress) });
  const applied = await transactions.apply({
    ...{ desired, inForce: { file: file.name, text: file.text, draining, ...(as === undefined ? {} : { as }) } },
    ...(confirmWithin === undefined ? {} : { confirmWithin }),
  });
  await keeper.applied();
  return applied;
}

/** What goes on, one line for a person at a time. */
export function tell(context: Context, progress: Progress): void {
  const line = lineOf(progress);
  if (line !== null) context.progress(line);
}

function lineOf(progress: Progress): string | null {
  switch (progress.step) {
    case 'check':
      return `checked ${progress.what}`;
    case 'change':
      if (progress.state === 'begin') return null;
      return `${progress.reverting ? 'took back' : 'did'} ${progress.place} of ${progress.of}: ${progress.change.operation} ${progress.change.key}`;
    case 'left':
      return `could not take back ${progress.change.key}: ${progress.why}`;
    case 'revert':
      return `taking everything back: ${progress.why}`;
    case 'record':
      return null;
  }
}

function outcome({ plan, confirmWithin }: Applied, seconds: number | null): Result {
  const json = { ...planJson(plan), confirmWithin };
  if (plan.changes.length === 0) return { json, text: planText(plan).trimEnd() };
  const done = `${plan.changes.length} changes made`;
  return {
    json,
    text:
      confirmWithin === null
        ? `${done}: the gateway is in force`
        : `${done}; they are taken back in ${seconds ?? Math.round(confirmWithin / 1000)} s unless "kith gateway confirm" comes before`,
  };
}
