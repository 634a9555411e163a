/** `kith lan`: this machine hands out addresses on interfaces and sends its clients through the mesh to an exit. */
import type { StatusReport } from '@kith/api';
import { KithError, type Label, parseLabel } from '@kith/core';
import { lanFile } from '@kith/gateway';
import { type InForce, Transactions } from '@kith/host';
import { NO_KEEPER, runningKeeper } from '../../gateway/connect.ts';
import { parseGatewayFile } from '../../gateway/file.ts';
import { gatewayFolders } from '../../gateway/folders.ts';
import type { KeeperStatus } from '../../gateway/reports.ts';
import { clientOf, type Context } from '../context.ts';
import { plain, type Result, table } from '../output.ts';
import { applyFile, type ApplyOptions } from './gateway/apply.ts';
import { remove } from './gateway/remove.ts';

export interface LanOptions extends Pick<ApplyOptions, 'confirm' | 'yes'> {
  /** Names of members, the one that is preferred first; none: all exits of the network. */
  readonly exits: readonly string[];
  /** Of the clients' addresses; derived if absent. */
  readonly prefix: string | undefined;
}

/** Stands where plans and complaints name a file. */
const NAME = 'kith lan';

/** @throws KithError EXIT_NOT_OFFERED, GATEWAY_OBJECTION and those of {@link applyFile} */
export async function lanUp(context: Context, interfaces: readonly string[], options: LanOptions): Promise<Result> {
  const { exits, prefix, confirm, yes } = options;
  const wanted = exits.map((name) => parseLabel(name, 'member name'));
  const inForce = sharing();
  if (inForce !== null && inForce.file !== NAME) {
    const message = `this machine is a gateway by ${inForce.file}: write the members as "exit: { members: […] }" there`;
    throw new KithError('GATEWAY_OBJECTION', message);
  }
  const status = await clientOf(context).status();
  const self = status.members.find((member) => member.self)?.name ?? 'this machine';
  const members = exitsOf(status, wanted);
  const text = lanFile({ community: `${self} of ${status.label}`, clients: interfaces, members, prefix4: prefix });
  return applyFile(context, parseGatewayFile(text, NAME), { as: undefined, confirm, confirmByDoctor: false, yes });
}

/** @throws KithError GATEWAY_NOT_APPLIED and those of {@link remove} */
export async function lanDown(context: Context, yes: boolean): Promise<Result> {
  needShared();
  return remove(context, yes);
}

/** @throws KithError GATEWAY_NOT_APPLIED */
export async function lanStatus(context: Context): Promise<Result> {
  needShared();
  const keeper = await runningKeeper(gatewayFolders());
  const report = (await keeper?.status()) ?? null;
  const mesh = await clientOf(context)
    .status()
    .catch(() => null);
  const exit = mesh?.exit ?? null;
  return {
    json: { running: report !== null, exit, domains: report?.domains ?? [], leases: report?.leases ?? [] },
    text: statusText(report, exit),
  };
}

function statusText(report: KeeperStatus | null, exit: StatusReport['exit']): string {
  if (report === null)
    return 'clients are served, but nobody looks after them: start the keeper with "kith gateway run"';
  const { domains, leases } = report;
  const lines = domains.map(
    ({ bridge, address4, pool }) => `${bridge}: ${address4}, ${pool.leased} of ${pool.size} addresses leased`,
  );
  // The mesh knows sooner than its keeper, which asks now and then.
  const way = plain(exit?.reason ?? report.exit?.reason ?? 'the keeper has not looked yet');
  const leaves = exit !== null && exit.used !== null;
  lines.push(leaves ? `clients leave through ${way}` : `clients do not leave: ${way}`);
  const states = exit?.candidates.map(({ id, name, state }) => [name ?? id, state]) ?? [];
  if (states.length > 0) lines.push('', table(['EXIT', 'STATE'], states, []));
  const rows = leases.map(({ address, name, mac }) => [address, plain(name ?? ''), mac]);
  if (rows.length > 0) lines.push('', table(['CLIENT', 'NAME', 'MAC'], rows, []));
  return lines.join('\n');
}

/** Those that were named, each an exit by the ledger; else all of them, those that serve now first. */
function exitsOf({ members, label }: StatusReport, wanted: readonly Label[]): Label[] {
  const exits = members.filter(({ exit, self }) => exit !== 'none' && !self);
  for (const name of wanted) {
    if (exits.some((each) => each.name === name)) continue;
    const known = members.some((each) => each.name === name);
    if (!known) throw new KithError('MEMBER_UNKNOWN', `${label} has no member "${name}"`);
    throw new KithError('EXIT_NOT_OFFERED', `${name} is no exit of ${label}`);
  }
  if (wanted.length > 0) return [...wanted];
  if (exits.length === 0)
    throw new KithError('EXIT_NOT_OFFERED', `${label} has no exit that clients could leave through`);
  const serving = exits.filter(({ exit }) => exit === 'serving');
  return [...serving, ...exits.filter((each) => !serving.includes(each))].map(({ name }) => name);
}

function sharing(): InForce | null {
  return new Transactions({ folders: gatewayFolders(), daemons: NO_KEEPER }).inForce();
}

function needShared(): void {
  const inForce = sharing();
  if (inForce?.file === NAME) return;
  const other = inForce === null ? '' : `, it is a gateway by ${inForce.file}`;
  throw new KithError('GATEWAY_NOT_APPLIED', `this machine shares no LAN by "kith lan"${other}`);
}
