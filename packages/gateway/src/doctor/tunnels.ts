/** Routers' tunnels and the mesh over them: who is turned away, and why. */
import { type Gateway, type GatewayDomain, otherGateways } from '../derive/gateway.ts';
import type { CauseOf } from '../want/list.ts';
import type { GatewayFacts } from './facts.ts';
import { byHand, type Diagnosis } from './finding.ts';

/** Before it fastd answers forged questions with far more than it was asked: CVE-2025-24356. */
const SAFE_FASTD = 23;
/** Where communities split, or wish they had: gluon issues 753 and 1380. */
const MANY_NODES = 500;
const MANY_CLIENTS = 3000;
const MOST_KEYS = 3;
/** WireGuard repeats its handshake every two minutes while there is anything to say (s). */
const FRESH = 180;

export function judgeTunnels(gateway: Gateway, facts: GatewayFacts, causeOf: CauseOf, diagnosis: Diagnosis): void {
  const gateways = new Set(otherGateways(gateway).flatMap(({ wireguard }) => wireguard ?? []));
  for (const each of gateway.domains) {
    if (each.fastd !== null) judgeFastd(each, each.fastd.limit, facts, causeOf, diagnosis);
    if (each.wireguard !== null) judgeWireGuard(each, facts, gateways, causeOf, diagnosis);
    judgeSize(each, facts, causeOf, diagnosis);
  }
  const { fastd } = facts.machine;
  if (fastd !== null && Number.parseInt(fastd, 10) < SAFE_FASTD) {
    diagnosis.add({
      code: 'fastd-version',
      subject: fastd,
      severity: 'notice',
      fails: 'the gateway can be made to send more than it was sent, to somebody else',
      whom: 'strangers',
      cause: `fastd ${fastd} is older than ${SAFE_FASTD}, which mends CVE-2025-24356`,
      ...byHand(
        `take fastd ${SAFE_FASTD} or newer, from backports if there is one`,
        'apt-cache policy fastd',
        causeOf('vpn', 'fastd'),
      ),
    });
  }
}

function judgeFastd(
  { domain }: GatewayDomain,
  limit: number,
  facts: GatewayFacts,
  causeOf: CauseOf,
  diagnosis: Diagnosis,
): void {
  const words = facts.daemons?.find(({ name }) => name === `fastd-${domain.code}`)?.lastWords ?? [];
  const base = { whom: `routers of "${domain.code}"` } as const;
  const established = facts.fastd.find((each) => each.domain === domain.code)?.established ?? 0;
  if (established >= limit) {
    diagnosis.add({
      ...base,
      code: 'fastd-full',
      subject: domain.code,
      severity: 'error',
      fails: 'further routers are turned away',
      cause: `${established} routers are connected, and ${limit} is the limit`,
      ...byHand('raise the limit, or set up another gateway', null, causeOf('vpn', 'fastd', 'limit')),
    });
  }
  const keys = [...new Set(words.flatMap((line) => /unknown key ([0-9a-f]{64})/.exec(line)?.[1] ?? []))];
  if (keys.length > 0) {
    diagnosis.add({
      ...base,
      code: 'fastd-unknown-key',
      subject: domain.code,
      severity: 'warning',
      fails: `${keys.length === 1 ? 'a router is' : `${keys.length} routers are`} turned away`,
      cause: `fastd does not know the key ${keys.slice(0, MOST_KEYS).join(', ')}`,
      ...byHand(
        'put a file with `key "…";` into the folder of peers, or accept all',
        'kith gateway routers',
        causeOf('vpn', 'fastd', 'accept'),
      ),
    });
  }
  const odd = words.findLast((line) =>
    /MTU configuration differs|(?:received|sending) error: .*(?:method|mode)/i.test(line),
  );
  if (odd !== undefined) {
    const isMtu = /MTU/.test(odd);
    diagnosis.add({
      ...base,
      code: isMtu ? 'fastd-mtu' : 'fastd-method',
      subject: domain.code,
      severity: 'warning',
      fails: 'a router is turned away',
      cause: `its firmware has another ${isMtu ? 'MTU' : 'method'} than this gateway: "${odd.slice(-160)}"`,
      ...byHand(
        'build the firmware from `kith gateway gluon`, or write what routers have',
        'kith gateway gluon',
        causeOf('vpn', 'fastd', isMtu ? 'mtu' : 'methods'),
      ),
    });
  }
}

function judgeWireGuard(
  { domain, names, wireguard }: GatewayDomain,
  facts: GatewayFacts,
  gateways: ReadonlySet<string>,
  causeOf: CauseOf,
  diagnosis: Diagnosis,
): void {
  const peers =
    facts.wireguard
      .find((each) => each.domain === domain.code)
      ?.peers.filter(({ publicKey }) => !gateways.has(publicKey)) ?? [];
  const base = { subject: domain.code, whom: `routers of "${domain.code}"` } as const;
  const fresh = peers.filter(({ handshake }) => handshake !== null && handshake < FRESH);
  if (peers.length > 0 && peers.every(({ handshake }) => handshake === null)) {
    diagnosis.add({
      ...base,
      code: 'wireguard-silent',
      severity: 'notice',
      fails: 'no router has ever come in over WireGuard',
      cause: `none of ${peers.length} known keys made a handshake: routers are off, have a wrong clock, or the port does not get through`,
      ...byHand(
        'see whether questions arrive at all',
        `tcpdump -ni any udp port ${wireguard?.boundPort ?? ''}`,
        causeOf('vpn', 'wireguard'),
      ),
    });
  }
  const mesh = facts.batman.find((each) => each.domain === domain.code);
  const isSeen = mesh?.neighbours.some((neighbour) => neighbour.interface === names.vxlan) ?? true;
  if (fresh.length === 0 || isSeen) return;
  diagnosis.add({
    ...base,
    code: 'vxlan-silent',
    severity: 'error',
    fails: 'routers are connected, and not in the mesh',
    cause: `${fresh.length} tunnels of WireGuard are up, and nothing of batman-adv comes over "${names.vxlan}": routers use another VXLAN (network id, port 8472 or link-local addresses of another variant)`,
    ...byHand(
      'build the firmware from `kith gateway gluon`, with the package mesh-vpn-wireguard-vxlan of Gluon itself',
      'kith gateway gluon',
      causeOf('vpn', 'wireguard'),
    ),
  });
}

function judgeSize({ domain }: GatewayDomain, facts: GatewayFacts, causeOf: CauseOf, diagnosis: Diagnosis): void {
  const mesh = facts.batman.find((each) => each.domain === domain.code);
  if (mesh === undefined || (mesh.originators < MANY_NODES && mesh.clients < MANY_CLIENTS)) return;
  diagnosis.add({
    code: 'domain-large',
    subject: domain.code,
    severity: 'warning',
    fails: 'the mesh is busy with itself, and small routers run out of memory',
    whom: `everybody in "${domain.code}"`,
    cause: `${mesh.originators} nodes and ${mesh.clients} clients are in one domain`,
    ...byHand(
      'split it: a second domain in the file, and firmware that moves routers there',
      'kith gateway gluon',
      causeOf('domains', domain.code),
    ),
  });
}
