import type { MemberView } from '@kith/mesh';
import type { StatusReport } from '@kith/api';
import { clientOf, type Context } from '../context.ts';
import { bytes, duration, plain, type Result, rtt, table } from '../output.ts';

const HEAD = ['NAME', 'ADDRESS', 'ONLINE', 'RTT', 'RECEIVED', 'SENT', 'PATH'];

function onlineText(member: MemberView): string {
  if (member.self) return 'self';
  if (member.online) return 'yes';
  return member.lastSeen === null ? 'no' : `no, ${duration(member.lastSeen)}`;
}

function row(member: MemberView): string[] {
  if (member.self) return [member.name, member.address4, 'self', '-', '-', '-', 'this node'];
  return [
    member.name,
    member.address4,
    onlineText(member),
    rtt(member.rttMs),
    bytes(member.receivedBytes),
    bytes(member.sentBytes),
    plain(member.path.reason),
  ];
}

function selfFirst(a: MemberView, b: MemberView): number {
  if (a.self !== b.self) return a.self ? -1 : 1;
  return a.name < b.name ? -1 : 1;
}

/** One line on what runs, for `kith up` and the head of `kith status`. */
export function summary(report: StatusReport): string {
  const self = report.members.find((member) => member.self);
  const others = report.members.filter((member) => !member.self);
  const online = others.filter((member) => member.online).length;
  const place = report.interface === null ? 'without an interface' : `on ${report.interface.name}`;
  return `${self?.name ?? '?'} ${self?.address4 ?? ''} in ${report.name} ${place}, ${online} of ${others.length} others online`;
}

export function statusText(report: StatusReport): string {
  if (!report.member) {
    const why =
      report.revokedBy === null ? 'its invite was redeemed too often' : `it was revoked by ${plain(report.revokedBy)}`;
    return `this node is no member of ${report.name} any more: ${why}`;
  }
  const lines: string[] = [];
  const nat = report.natReason === '' ? report.nat : `${report.nat}, ${plain(report.natReason)}`;
  const reached = report.endpoints.length === 0 ? '' : `, reached at ${report.endpoints.join(', ')}`;
  lines.push(
    summary(report),
    `up ${duration(report.uptime)}, process ${report.pid}, UDP port ${report.port}, NAT ${nat}${reached}`,
  );
  const { kind, reason } = report.plane;
  lines.push(`data plane: ${kind}${reason === undefined ? '' : `, ${plain(reason)}`}`);
  if (report.relayedPackets > 0) lines.push(`relayed for others: ${bytes(report.relayedBytes)}`);
  lines.push('', table(HEAD, report.members.toSorted(selfFirst).map(row), ['RTT', 'RECEIVED', 'SENT']));
  for (const warning of report.warnings) lines.push('', `warning: ${plain(warning)}`);
  return lines.join('\n');
}

export async function status(context: Context): Promise<Result> {
  const report = await clientOf(context).status();
  return { json: report, text: statusText(report) };
}
