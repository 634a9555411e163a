/** `kith gateway status`: what is in force and how it fares. */
import { neededKeeper } from '../../../gateway/connect.ts';
import { gatewayFolders } from '../../../gateway/folders.ts';
import type { DomainStatus, KeeperStatus } from '../../../gateway/reports.ts';
import type { Context } from '../../context.ts';
import { duration, plain, type Result, table } from '../../output.ts';

export async function status(_context: Context): Promise<Result> {
  const report = await (await neededKeeper(gatewayFolders())).status();
  return { json: report, text: statusText(report) };
}

function statusText(report: KeeperStatus): string {
  const { state, community, file, pending, exit, services, domains, leases, bans, bansInForce, map } = report;
  if (state === 'none') return `no gateway is in force; the keeper runs, process ${report.pid}`;
  const now = Date.now();
  const lines = [
    `gateway of ${plain(community)}: ${state}, from ${plain(file ?? '?')}`,
    ...(pending === null ? [] : [pendingText(pending)]),
    `exit: ${exitText(exit)}`,
    '',
    table(['DOMAIN', 'BRIDGE', 'ADDRESSES', 'POOL', 'LEASES'], domains.map(domainRow), ['LEASES']),
    '',
    table(
      ['SERVICE', 'STATE', 'SINCE', 'RESTARTS'],
      services.map((each) => [each.name, each.state, duration(now - each.since), String(each.restarts)]),
      ['RESTARTS'],
    ),
    '',
    `${leases.length} leases, ${bans.length} bans${bansInForce === false ? ', which the firewall does not hold' : ''}`,
    ...(map === null ? [] : [`routers: ${map.online} of ${map.known} online`]),
  ];
  for (const { name, state: how, lastWords } of services)
    if (how === 'failing') lines.push('', `${name} fails:`, ...lastWords.slice(-5).map((line) => `  ${plain(line)}`));
  return lines.join('\n');
}

function pendingText({ phase, left }: NonNullable<KeeperStatus['pending']>): string {
  if (left === null) return `a change is under way: ${phase}`;
  return `not confirmed: taken back in ${Math.ceil(left / 1000)} s unless "kith gateway confirm" comes before`;
}

function exitText(exit: KeeperStatus['exit']): string {
  if (exit === null) return 'none';
  const { interface: name, member, reason } = exit;
  if (reason === null) return name;
  return member === null ? `${name}, nobody leaves: ${plain(reason)}` : `${name}, through ${plain(reason)}`;
}

function domainRow({ code, bridge, address4, address6, pool }: DomainStatus): string[] {
  return [code, bridge, `${address4} ${address6}`, `${pool.first} to ${pool.last}`, `${pool.leased} of ${pool.size}`];
}
