/** What is wrong with a plain member of a mesh, from what its daemon says of itself and a few facts of the machine. */
import { byHand, Diagnosis, type Finding } from './finding.ts';

/** As much of `kith status --json` as is looked at. */
export interface MemberStatus {
  readonly nat: 'public' | 'none' | 'easy' | 'symmetric' | 'unknown';
  readonly natReason: string;
  /** UDP port that everything goes through. */
  readonly port: number;
  /** Milliseconds since the daemon started. */
  readonly uptime: number;
  readonly plane: { readonly kind: string; readonly reason?: string };
  readonly interface: { readonly name: string; readonly mtu: number } | null;
  readonly member: boolean;
  readonly revokedBy: string | null;
  readonly warnings: readonly string[];
  readonly members: readonly MemberPeer[];
}

export interface MemberPeer {
  readonly name: string;
  readonly self: boolean;
  readonly online: boolean;
  /** Milliseconds; null: never in this run. */
  readonly lastSeen: number | null;
  readonly path: { readonly kind: 'direct' | 'relay' | 'none'; readonly reason: string };
  /** 0 to 1. */
  readonly loss: number;
}

export interface MemberFacts {
  /** Null: the daemon does not run. */
  readonly status: MemberStatus | null;
  /** Milliseconds that this clock is ahead of the world's; null where nobody could be asked. */
  readonly clockAhead: number | null;
  /** MTU of the interface that the world is reached by; null where there is none. */
  readonly underlayMtu: number | null;
}

/** After it the daemon has found whom there is to find (ms). */
const SETTLED = 60_000;
/** What is signed by a clock that is further off is of no use to others (ms). */
const MOST_AHEAD = 60_000;
const SILENT = 60_000;
const LONG_GONE = 30 * 24 * 3600_000;
const LOSSY = 0.05;
/** IPv6 40, UDP 8, WireGuard 32. */
const OVERHEAD = 80;

/** The worst first; nothing for a member that is well. */
export function diagnoseMember({ status, clockAhead, underlayMtu }: MemberFacts): Finding[] {
  const diagnosis = new Diagnosis();
  judgeClock(clockAhead, diagnosis);
  if (status === null) {
    diagnosis.add({
      code: 'mesh-down',
      subject: 'daemon',
      severity: 'error',
      fails: 'nobody of the network is reached',
      whom: 'this machine',
      cause: 'the network is not up on this machine',
      ...byHand('start it', 'kith up'),
    });
    return diagnosis.findings;
  }
  judgeMembership(status, diagnosis);
  judgeMtu(status, underlayMtu, diagnosis);
  if (status.uptime >= SETTLED) judgeReach(status, diagnosis);
  judgePeers(status, diagnosis);
  for (const warning of status.warnings) {
    diagnosis.add({
      code: 'ledger',
      subject: warning,
      severity: 'warning',
      fails: 'the members do not agree on who is who',
      whom: 'the members that it names',
      cause: warning,
      ...byHand('rename, readdress or revoke one of them', 'kith members'),
    });
  }
  return diagnosis.findings;
}

function judgeClock(ahead: number | null, diagnosis: Diagnosis): void {
  if (ahead === null || Math.abs(ahead) < MOST_AHEAD) return;
  const seconds = Math.round(Math.abs(ahead) / 1000);
  diagnosis.add({
    code: 'clock',
    subject: 'clock',
    severity: 'error',
    fails: 'what this machine says of itself is not believed, and invites seem to be over, or not to have begun',
    whom: 'this machine',
    cause: `its clock is ${seconds} s ${ahead > 0 ? 'fast' : 'slow'}`,
    ...byHand('set it, and have it kept', 'sudo timedatectl set-ntp true'),
  });
}

function judgeMembership({ member, revokedBy, interface: device, plane }: MemberStatus, diagnosis: Diagnosis): void {
  if (!member) {
    const cause = revokedBy === null ? 'it is no member any more' : `it was revoked by ${revokedBy}`;
    const finding = { code: 'revoked', subject: 'member', severity: 'error', whom: 'this machine' } as const;
    const mend = byHand('ask an admin for a new invite', 'kith leave && kith join TOKEN');
    diagnosis.add({ ...finding, fails: 'nobody of the network is reached', cause, ...mend }, ['*']);
    return;
  }
  if (device === null) {
    diagnosis.add({
      code: 'no-interface',
      subject: 'interface',
      severity: 'warning',
      fails: 'programs of this machine do not reach the members',
      whom: 'this machine',
      cause: 'the daemon runs without an interface',
      ...byHand('start it with the right to make one, and without --no-tun', 'kith down && sudo kith up'),
    });
  }
  if (plane.kind !== 'native') {
    diagnosis.add({
      code: 'portable-plane',
      subject: 'plane',
      severity: 'notice',
      fails: 'traffic is slower than this machine could make it',
      whom: 'this machine',
      cause: `packets are moved without the native part: ${plane.reason ?? 'it was asked for'}`,
      ...byHand('build it', 'npm run setup'),
    });
  }
}

function judgeMtu({ interface: device }: MemberStatus, underlay: number | null, diagnosis: Diagnosis): void {
  if (device === null || underlay === null || device.mtu + OVERHEAD <= underlay) return;
  const fits = underlay - OVERHEAD;
  diagnosis.add({
    code: 'mtu',
    subject: device.name,
    severity: 'warning',
    fails: 'large packets are cut in two, or lost',
    whom: 'this machine',
    cause: `${device.name} takes packets of ${device.mtu} bytes, and the way beneath it has room for ${fits}`,
    ...byHand('make it smaller', `sudo ip link set ${device.name} mtu ${fits}`),
  });
}

function judgeReach({ nat, natReason, port, members }: MemberStatus, diagnosis: Diagnosis): void {
  const others = members.filter(({ self }) => !self);
  const reached = others.filter(({ path }) => path.kind !== 'none');
  const isHeard = others.some(({ lastSeen }) => lastSeen !== null && lastSeen < SILENT);
  if (others.length > 0 && reached.length === 0 && !isHeard) {
    diagnosis.add(
      {
        code: 'udp-blocked',
        subject: String(port),
        severity: 'error',
        fails: 'nobody of the network is reached',
        whom: 'this machine',
        cause: `none of ${others.length} members answers: UDP does not get out of this network, or all of them are off`,
        ...byHand(
          `let UDP out to any port, and in to ${port}; try another network`,
          `sudo tcpdump -ni any udp port ${port}`,
        ),
      },
      ['nat *', 'stale *'],
    );
    return;
  }
  if (nat !== 'symmetric') return;
  const relayed = reached.filter(({ path }) => path.kind === 'relay').map(({ name }) => name);
  diagnosis.add({
    code: 'nat',
    subject: nat,
    severity: relayed.length > 0 ? 'warning' : 'notice',
    fails:
      relayed.length > 0
        ? `${relayed.slice(0, 5).join(', ')} can be reached through others only`
        : 'some members may be reached through others only',
    whom: 'this machine',
    cause: `its NAT gives each connection another port: ${natReason}`,
    ...byHand(`forward UDP port ${port} on the router to this machine`, `kith up --endpoint ADDRESS:${port}`),
  });
}

function judgePeers({ members }: MemberStatus, diagnosis: Diagnosis): void {
  for (const { name, self, online, lastSeen, path, loss } of members) {
    if (self) continue;
    const isStale = online && path.kind !== 'none' && lastSeen !== null && lastSeen > SILENT;
    if (isStale) {
      diagnosis.add({
        code: 'stale',
        subject: name,
        severity: 'warning',
        fails: `${name} is said to be there and does not answer`,
        whom: 'this machine',
        cause: `nothing was heard of it for ${Math.round(lastSeen / 1000)} s: ${path.reason}`,
        ...byHand('look at the way there', `kith trace ${name}`),
      });
    } else if (online && path.kind === 'direct' && loss > LOSSY) {
      diagnosis.add({
        code: 'loss',
        subject: name,
        severity: 'warning',
        fails: `traffic with ${name} is slow`,
        whom: 'this machine',
        cause: `${Math.round(loss * 100)} % of the packets to it are lost: ${path.reason}`,
        ...byHand('look at the access line, and at Wi-Fi in between', `kith ping ${name}`),
      });
    } else if (!online && lastSeen !== null && lastSeen > LONG_GONE) {
      diagnosis.add({
        code: 'long-gone',
        subject: name,
        severity: 'notice',
        fails: `${name} has not been seen for ${Math.round(lastSeen / 86_400_000)} days, and could come back at any time`,
        whom: 'the network',
        cause: 'its key is still good',
        ...byHand('revoke it if nobody uses it any more', `kith revoke ${name}`),
      });
    }
  }
}
