/** The way out: the interface, the routes, who answers beyond it, and names of the world. */
import type { Cause } from '../item.ts';
import type { Gateway } from '../derive/gateway.ts';
import type { CauseOf } from '../want/list.ts';
import type { GatewayFacts, MeshFacts, RouteFacts } from './facts.ts';
import { byHand, type Diagnosis } from './finding.ts';

const OUT = [
  'sign beyond*',
  'sign wide*',
  'sign dns-world*',
  'upstream-dead *',
  'clock-unsynchronised *',
  'exit-silent *',
];

/** The interface itself: with it routes and addresses go. */
export function judgeExit(gateway: Gateway, facts: GatewayFacts, causeOf: CauseOf, diagnosis: Diagnosis): void {
  const { link, mesh } = facts.exit;
  if (link === 'up') {
    if (mesh !== null) judgeMesh(gateway, mesh, causeOf, diagnosis);
    return;
  }
  const place = causeOf('exit');
  const words = {
    missing: `there is no interface "${gateway.exit}"`,
    down: `the interface "${gateway.exit}" is down`,
    'no-carrier': `the interface "${gateway.exit}" has no carrier: nothing is plugged in, or the other end is off`,
  } as const;
  const mends = {
    missing: byHand('write the interface that leads out, or bring it back', 'ip -br link', place),
    down: byHand('bring it up', `ip link set ${gateway.exit} up`, place),
    'no-carrier': byHand('look at the cable and at the machine behind it', null, place),
  } as const;
  diagnosis.add(
    {
      code: 'exit-down',
      subject: gateway.exit,
      severity: 'error',
      fails: 'nobody gets out',
      whom: 'clients and the host',
      cause: words[link],
      ...mends[link],
    },
    [
      ...OUT,
      'no-route *',
      'route-elsewhere *',
      'route *',
      `sysctl net/ipv6/conf/${gateway.exit}/*`,
      `sysctl net/ipv4/conf/${gateway.exit}/*`,
    ],
  );
}

/** Whether the mesh has a way out for clients, and whether its members know of this one. */
function judgeMesh(gateway: Gateway, { leaves, standing }: MeshFacts, causeOf: CauseOf, diagnosis: Diagnosis): void {
  if (leaves !== null && leaves.used === null) {
    diagnosis.add(
      {
        ...{
          code: 'exit-members',
          subject: gateway.exit,
          severity: 'error',
          fails: 'nobody gets out',
          whom: 'clients',
        },
        cause: `no exit can be used: ${leaves.reason}`,
        ...byHand(
          'bring one of them up, or name another member that is an exit',
          'kith status',
          causeOf('exit', 'members'),
        ),
      },
      OUT,
    );
  }
  if (gateway.settings.exit.offer && standing === 'none') {
    diagnosis.add({
      ...{ code: 'exit-not-granted', subject: gateway.exit, severity: 'warning', whom: 'members of the mesh' },
      fails: 'nobody leaves the mesh here',
      cause: 'the file offers the exit, and no admin of the mesh made this machine one',
      ...byHand('have an admin allow it', `kith set ${gateway.host.name} --exit yes`, causeOf('exit', 'offer')),
    });
  }
}

/** Routes of the host, and what lies beyond: after it is known that kith's own routes are there. */
export function judgeBeyond(gateway: Gateway, facts: GatewayFacts, causeOf: CauseOf, diagnosis: Diagnosis): void {
  judgeRoute(gateway, 4, facts.exit.route4, causeOf, diagnosis);
  // Who has unique local addresses alone asks the world over IPv4.
  const isNeeded = !gateway.translates6 && leadsOut6(gateway);
  if (isNeeded || facts.exit.route6 !== null) judgeRoute(gateway, 6, facts.exit.route6, causeOf, diagnosis);
  judgeSilence(gateway, facts, causeOf, diagnosis);
  judgeUpstreams(gateway, facts, causeOf, diagnosis);
}

function leadsOut6({ settings }: Gateway): boolean {
  return settings.exit.via.length === 0 || settings.exit.via.some((address) => address.includes(':'));
}

function judgeRoute(
  gateway: Gateway,
  family: 4 | 6,
  route: RouteFacts | null,
  causeOf: CauseOf,
  diagnosis: Diagnosis,
): void {
  const finding = {
    subject: `IPv${family}`,
    severity: 'error',
    fails: `clients do not get out over IPv${family}`,
    whom: 'clients',
  } as const;
  const place = causeOf('exit');
  const version = family === 6 ? '-6 ' : '';
  if (route === null) {
    diagnosis.add(
      {
        ...finding,
        code: 'no-route',
        cause: `no route leads clients' packets out over IPv${family}: the host has no default route, or one that is unreachable`,
        ...byHand(`give the host its default route through ${gateway.exit}`, `ip ${version}route show default`, place),
      },
      family === 4 ? OUT : ['sign beyond6*', 'sign wide6*'],
    );
  } else if (route.device !== gateway.exit) {
    diagnosis.add(
      {
        ...finding,
        code: 'route-elsewhere',
        cause: `packets of clients are sent to "${route.device}", while the file's exit is "${gateway.exit}": the firewall keeps them from leaving there`,
        ...byHand(
          'write that interface as exit, or say by `exit.via` where its next router is',
          `ip ${version}route show default`,
          place,
        ),
      },
      [`sign beyond${family}*`, `sign wide${family}*`],
    );
  }
}

/** The exit is up and leads somewhere, and nobody says a word. */
function judgeSilence(
  gateway: Gateway,
  { exit, upstreams }: GatewayFacts,
  causeOf: CauseOf,
  diagnosis: Diagnosis,
): void {
  const asked = [
    ...upstreams.map(({ complaint }) => complaint !== 'silence'),
    ...exit.targets.map(({ answersHost }) => answersHost),
  ];
  if (exit.link !== 'up' || exit.targets.length === 0 || asked.some(Boolean)) return;
  const names = exit.targets.map(({ address }) => address).join(', ');
  diagnosis.add(
    {
      code: 'exit-silent',
      subject: gateway.exit,
      severity: 'error',
      fails: 'nobody gets out',
      whom: 'clients and the host',
      cause: `nobody answers behind "${gateway.exit}": neither ${names} nor any server for names`,
      ...byHand(
        'look whether the next router has a connection itself',
        `ping -c 3 -I ${gateway.exit} ${exit.targets[0]?.address ?? ''}`,
        causeOf('exit'),
      ),
    },
    OUT,
  );
}

function judgeUpstreams(
  { settings, domains }: Gateway,
  { upstreams }: GatewayFacts,
  causeOf: CauseOf,
  diagnosis: Diagnosis,
): void {
  const isOwn = settings.dns.upstreams.length > 0;
  const place: Cause = isOwn ? causeOf('dns', 'upstreams') : causeOf('dns');
  const where = isOwn ? 'the file' : '/etc/resolv.conf of this host';
  const base = { subject: 'dns', fails: 'names of the world are not found', whom: 'clients and routers' } as const;
  const signs = ['sign dns-world*'];
  if (upstreams.length === 0) {
    const mend = byHand('write servers that answer as `dns.upstreams`', null, place);
    diagnosis.add(
      { ...base, code: 'upstream-none', severity: 'error', cause: `${where} names no server for names`, ...mend },
      signs,
    );
    return;
  }
  const own = new Set<string>(domains.flatMap(({ address4, address6 }) => [address4, address6]));
  const circle = upstreams.find(({ address }) => own.has(address));
  if (circle !== undefined) {
    const cause = `${where} names ${circle.address}, which is this gateway itself: it asks itself for ever`;
    const mend = byHand('write servers that answer as `dns.upstreams`', null, place);
    diagnosis.add({ ...base, code: 'upstream-circle', severity: 'error', cause, ...mend }, [
      ...signs,
      'upstream-dead *',
    ]);
    return;
  }
  const dead = upstreams.filter(({ complaint }) => complaint !== null);
  if (dead.length === 0) return;
  const all = dead.length === upstreams.length;
  const words = dead.map(({ address, complaint }) => `${address} (${String(complaint)})`).join(', ');
  diagnosis.add(
    {
      ...base,
      code: 'upstream-dead',
      severity: all ? 'error' : 'warning',
      fails: all ? base.fails : 'some names of the world are found late',
      cause: `${all ? 'no server' : 'not every server'} for names that ${where} names answers: ${words}`,
      ...byHand('write others as `dns.upstreams`', `dig . NS @${dead[0]?.address ?? ''}`, place),
    },
    all ? signs : [],
  );
}
