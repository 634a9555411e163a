/**
 * Forgets every tracked connection of a namespace, as a router does when it restarts. One netlink message
 * (NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE without a tuple), sent by Perl: the tool `conntrack` is seldom installed.
 */
import { LabError } from './error.ts';
import type { Machine } from './machine.ts';

/** nlmsghdr (length, type, flags REQUEST|ACK, sequence, port), then nfgenmsg (family, version, resource). */
const FLUSH = String.raw`
socket(my $s, 16, 3, 12) or die "netlink socket: $!\n";
defined send($s, pack('LSSLLCCn', 20, 0x0102, 5, 1, 0, 0, 0, 0), 0, pack('SSLL', 16, 0, 0, 0)) or die "netlink send: $!\n";
defined recv($s, my $answer, 4096, 0) or die "netlink answer: $!\n";
my $error = (unpack('LSSLLl', $answer))[5];
if ($error) { $! = -$error; die "connection tracking: $!\n"; }
`;

/** @throws LabError when the kernel refuses. */
export async function forgetConnections(machine: Machine): Promise<void> {
  const { code, stderr } = await machine.run(['perl', '-e', FLUSH]);
  if (code !== 0) throw new LabError(`could not flush the connections of ${machine.name}: ${stderr.trim()}`);
}
