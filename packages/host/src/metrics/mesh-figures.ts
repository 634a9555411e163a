/** Figures of the networks that this machine is a member of: its own view, as `kith status --json` has it. */
import { Family } from '@kith/gateway';

/** What is taken from a status; the status of a daemon fits as it is. */
export interface MeshFigures {
  /** The network's name on this machine. */
  readonly label: string;
  /** Milliseconds. */
  readonly uptime: number;
  readonly members: readonly MemberFigures[];
  readonly relayedPackets: number;
  readonly relayedBytes: number;
  readonly ledgerSize: number;
  readonly warnings: readonly string[];
}

export interface MemberFigures {
  readonly name: string;
  readonly self: boolean;
  readonly online: boolean;
  readonly path: { readonly kind: 'direct' | 'relay' | 'none' };
  readonly rttMs: number | null;
  /** 0 to 1 */
  readonly loss: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

export function meshText(networks: readonly MeshFigures[]): string {
  const families = [
    each(
      networks,
      new Family('kith_mesh_uptime_seconds', 'gauge', 'Time since the daemon started.'),
      (mesh) => mesh.uptime / 1000,
    ),
    each(networks, new Family('kith_mesh_members', 'gauge', 'Members of the network.'), (mesh) => mesh.members.length),
    each(
      networks,
      new Family('kith_mesh_members_online', 'gauge', 'Members that are heard of, this one among them.'),
      (mesh) => mesh.members.filter(({ online }) => online).length,
    ),
    paths(networks),
    each(
      networks,
      new Family('kith_mesh_relayed_packets_total', 'counter', 'Packets forwarded for others.'),
      (mesh) => mesh.relayedPackets,
    ),
    each(
      networks,
      new Family('kith_mesh_relayed_bytes_total', 'counter', 'Bytes forwarded for others.'),
      (mesh) => mesh.relayedBytes,
    ),
    each(networks, new Family('kith_mesh_statements', 'gauge', 'Statements of the ledger.'), (mesh) => mesh.ledgerSize),
    each(
      networks,
      new Family('kith_mesh_warnings', 'gauge', 'Conflicts that a person should look at.'),
      (mesh) => mesh.warnings.length,
    ),
    perMember(networks, 'kith_mesh_member_online', 'gauge', 'Whether the member is heard of.', (member) =>
      Number(member.online),
    ),
    perMember(networks, 'kith_mesh_member_rtt_seconds', 'gauge', 'Round-trip time of the path in use.', (member) =>
      member.rttMs === null ? null : member.rttMs / 1000,
    ),
    perMember(networks, 'kith_mesh_member_loss_ratio', 'gauge', 'Part of the probes without an answer.', (member) =>
      member.path.kind === 'none' ? null : member.loss,
    ),
    perMember(
      networks,
      'kith_mesh_member_sent_bytes_total',
      'counter',
      'Bytes sent to the member.',
      (member) => member.sentBytes,
    ),
    perMember(
      networks,
      'kith_mesh_member_received_bytes_total',
      'counter',
      'Bytes received from the member.',
      (member) => member.receivedBytes,
    ),
  ];
  return families.map(({ text }) => text).join('');
}

function each(networks: readonly MeshFigures[], family: Family, of: (mesh: MeshFigures) => number): Family {
  for (const mesh of networks) family.add(of(mesh), { network: mesh.label });
  return family;
}

function paths(networks: readonly MeshFigures[]): Family {
  const family = new Family('kith_mesh_paths', 'gauge', 'Other members, by the kind of path to them.');
  for (const { label: network, members } of networks) {
    for (const kind of ['direct', 'relay', 'none'] as const) {
      family.add(members.filter(({ self, path }) => !self && path.kind === kind).length, { network, kind });
    }
  }
  return family;
}

function perMember(
  networks: readonly MeshFigures[],
  name: string,
  type: 'gauge' | 'counter',
  help: string,
  of: (member: MemberFigures) => number | null,
): Family {
  const family = new Family(name, type, help);
  for (const { label: network, members } of networks) {
    for (const member of members.filter(({ self }) => !self)) family.add(of(member), { network, member: member.name });
  }
  return family;
}
