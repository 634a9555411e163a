/** The doctor's look at the gateway in force, and what it mends by itself. */
import type { FindingView } from '@kith/api';
import { KithError } from '@kith/core';
import { causeText, type Finding } from '@kith/gateway';
import { type Daemons, examine, fix, hostFacts, Transactions } from '@kith/host';
import { NO_KEEPER } from './connect.ts';
import { parseGatewayFile } from './file.ts';
import type { GatewayFolders } from './folders.ts';
import { type Prospect, prospectOf } from './prospect.ts';
import type { ExaminationReport } from './reports.ts';

export interface InspectOptions {
  readonly folders: GatewayFolders;
  /** Null: no keeper runs. */
  readonly daemons: Daemons | null;
  /** Whether what is safe to mend is mended; it is looked at once more then. */
  readonly mend: boolean;
}

/** @throws KithError GATEWAY_NOT_APPLIED and those of {@link examine} */
export async function inspect({ folders, daemons, mend }: InspectOptions): Promise<ExaminationReport> {
  const transactions = new Transactions({ folders, daemons: daemons ?? NO_KEEPER });
  const inForce = transactions.inForce();
  if (inForce === null) throw new KithError('GATEWAY_NOT_APPLIED', 'no gateway is in force on this machine');
  const file = parseGatewayFile(inForce.text, inForce.file);
  const prospect = await prospectOf(file, { folders, as: inForce.as, draining: inForce.draining });
  const before = await look(prospect, transactions, daemons);
  const apply = (): Promise<unknown> => transactions.apply({ desired: prospect.desired, inForce });
  const mended = mend
    ? await fix(before.findings, { desired: prospect.desired, daemons: daemons ?? NO_KEEPER, apply })
    : [];
  const after = mended.length === 0 ? before : await look(prospect, transactions, daemons);
  return {
    ...{ findings: after.findings.map(findingView), mended: mended.map(findingView) },
    took: before.took + (after === before ? 0 : after.took),
  };
}

/** Of a gateway that is applied, whether or not it is confirmed. @param daemons null: no keeper runs */
export async function look(
  { file, gateway, desired, mesh }: Prospect,
  transactions: Transactions,
  daemons: Daemons | null,
): Promise<{ readonly findings: readonly Finding[]; readonly took: number }> {
  return examine({
    ...{ gateway, desired, mesh, causeOf: file.causeOf, host: await hostFacts() },
    observed: await transactions.observe(desired),
    daemons: daemons === null ? null : await daemons.list(),
  });
}

export function findingView({ code, subject, severity, fails, whom, cause, mend, fix: mends }: Finding): FindingView {
  return {
    ...{ id: `${code} ${subject}`, what: fails, whom, cause, mend: mend.text, command: mend.command },
    severity: severity === 'notice' ? 'info' : severity,
    line: mend.place === null ? null : causeText(mend.place),
    fixable: mends !== null,
  };
}
