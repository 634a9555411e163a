import { clientOf, type Context } from '../context.ts';
import { plain, type Result, rtt, table } from '../output.ts';

export async function trace(context: Context, member: string): Promise<Result> {
  const report = await clientOf(context).trace(member);
  const rows = report.hops.map((hop, i) => [String(i + 1), plain(hop.name), hop.id, rtt(hop.rttMs)]);
  const text =
    rows.length === 0
      ? `no way to ${report.member.name} is known`
      : `${report.member.name} (${report.member.address})\n${table(['HOP', 'NAME', 'ID', 'RTT'], rows, ['HOP', 'RTT'])}`;
  return { json: report, text };
}
