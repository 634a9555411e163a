/** A network as its daemon tells it, for what the face makes of it. */
import type { StatusReport } from '@kith/api';
import { nodeIdFrom, parseAddress, parseLabel, parsePrefix } from '@kith/core';
import type { MemberView, PathView } from '@kith/mesh';

export const id = (number: number): ReturnType<typeof nodeIdFrom> => nodeIdFrom(new Uint8Array(8).fill(number));

const DIRECT: PathView = { kind: 'direct', endpoint: null, via: [], reason: 'direct 203.0.113.7:6550', age: 1000 };

export function member(number: number, name: string, more: Partial<MemberView> = {}): MemberView {
  return {
    id: id(number),
    name: parseLabel(name, 'name'),
    address4: parseAddress(`10.0.0.${number}`),
    address6: parseAddress(`fd00::${number}`),
    self: false,
    admin: false,
    online: true,
    lastSeen: 100,
    path: DIRECT,
    rttMs: 20,
    loss: 0,
    unanswered: 0,
    sentBytes: 0,
    receivedBytes: 0,
    nat: 'easy',
    relay: true,
    exit: 'none',
    endpoints: [],
    version: '0.1.0',
    location: null,
    ...more,
  };
}

/** fedora is this node; it reaches externalnyc directly and blr through it, debian is away. */
export const MEMBERS: readonly MemberView[] = [
  member(1, 'fedora', { self: true, path: { ...DIRECT, kind: 'none', reason: 'this node' }, rttMs: null }),
  member(2, 'externalnyc', { admin: true, sentBytes: 1000, receivedBytes: 3000 }),
  member(3, 'blr', {
    rttMs: 90,
    path: {
      ...{ kind: 'relay', endpoint: null, age: 1000, reason: "relayed by externalnyc: fedora's NAT is symmetric" },
      via: [{ id: id(2), name: parseLabel('externalnyc', 'name') }],
    },
  }),
  member(4, 'debian', { online: false, lastSeen: 60_000, path: { ...DIRECT, kind: 'none' } }),
];

export function status(more: Partial<StatusReport> = {}): StatusReport {
  return {
    network: 'n'.repeat(64) as StatusReport['network'],
    name: parseLabel('friends', 'name'),
    self: id(1),
    nat: 'symmetric',
    natReason: 'two reflectors saw two ports',
    endpoints: [],
    exit: null,
    members: MEMBERS,
    links: [
      { a: id(1), b: id(2), rttMs: 21, loss: 0 },
      { a: id(2), b: id(3), rttMs: 70, loss: 0.01 },
      { a: id(2), b: id(4), rttMs: 5, loss: 0 },
    ],
    relayedPackets: 0,
    relayedBytes: 0,
    ledgerSize: 4,
    warnings: [],
    label: 'friends',
    version: '0.1.0',
    pid: 7,
    uptime: 1000,
    port: 6550,
    plane: { kind: 'native' },
    interface: null,
    prefix: parsePrefix('10.0.0.0/24'),
    member: true,
    revokedBy: null,
    ...more,
  };
}
