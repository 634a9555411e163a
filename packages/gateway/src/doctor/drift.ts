/** What differs from the file, told by what it does to people where that is known. */
import { CLIENT_TABLE, type Gateway, type GatewayDomain } from '../derive/gateway.ts';
import type { Item, ItemOf } from '../item.ts';
import type { Change } from '../plan.ts';
import type { GatewayFacts } from './facts.ts';
import { type Diagnosis, type Finding, reapply } from './finding.ts';

export type Effect = Pick<Finding, 'code' | 'severity' | 'fails' | 'whom' | 'cause'> & {
  readonly explains: readonly string[];
};

/** Interfaces and addresses: without them nothing of a domain works. */
export function judgeLinks(gateway: Gateway, facts: GatewayFacts, diagnosis: Diagnosis): void {
  judgeChanges(facts, diagnosis, ({ key, after, before }) => {
    if (after?.kind === 'link') return linkEffect(gateway, after, before);
    if (after?.kind === 'address') return addressEffect(gateway, after);
    if (after?.kind === 'directory') return directoryEffect(after);
    if (after?.kind === 'batman') return batmanEffect(gateway, after, before);
    return after?.kind === 'forwarding' || after?.kind === 'wireguard' ? tunnelEffect(gateway, key, after) : null;
  });
}

/** Routing and forwarding: without them nobody gets out. */
export function judgeRouting(facts: GatewayFacts, diagnosis: Diagnosis): void {
  judgeChanges(facts, diagnosis, ({ after, before }) => {
    if (after?.kind === 'sysctl') return sysctlEffect(after, before);
    return after?.kind === 'route' || after?.kind === 'rule' ? routeEffect(after, before) : null;
  });
}

/** Whatever is left: it is not as the file wants it, and nobody has noticed yet. */
export function judgeRest(facts: GatewayFacts, diagnosis: Diagnosis): void {
  judgeChanges(facts, diagnosis, ({ key, operation, after }) => {
    // What comes back with something else is told with that.
    if (operation === 'remake' || operation === 'restart') return null;
    return {
      code: 'differs',
      severity: 'warning',
      fails: 'the host is not as the file wants it',
      whom: 'the operator',
      cause:
        operation === 'add'
          ? `"${key}" is not there`
          : after === null
            ? `"${key}" is there, and no line wants it`
            : `"${key}" was changed by hand, or the file since it was applied`,
      explains: [],
    };
  });
}

/** Tells each change that nothing accounts for yet, where `effectOf` knows what it does to people. */
export function judgeChanges(
  facts: GatewayFacts,
  diagnosis: Diagnosis,
  effectOf: (change: Change) => Effect | null,
): void {
  for (const change of facts.drift) {
    if (diagnosis.explains(change.key)) continue;
    const effect = effectOf(change);
    if (effect === null) continue;
    const { explains, ...finding } = effect;
    diagnosis.add({ ...finding, subject: change.key, ...reapply(change.key, change.cause) }, [change.key, ...explains]);
  }
}

/** All that a client of a domain may miss. */
const OF_DOMAIN = [
  ...['lease', 'option-router', 'option-dns', 'option-ntp', 'option-mtu', 'pool', 'advertisement', 'slaac', 'rdnss'],
  ...[
    'advertised-mtu',
    'default-router',
    'ping4',
    'ping6',
    'dns-udp4',
    'dns-udp6',
    'dns-tcp4',
    'dns-tcp6',
    'dns-world4',
  ],
  ...['ntp4', 'ntp6', 'respondd-asked', 'respondd-answered', 'beyond4', 'beyond6', 'wide4', 'wide6'],
];

function linkEffect({ domains }: Gateway, after: ItemOf<'link'>, before: Item | null): Effect {
  const each = domains.find(
    ({ names, domain }) => Object.values(names).includes(after.name) || domain.interfaces.includes(after.name),
  );
  const code = each?.domain.code ?? '';
  const isBridge = each?.names.bridge === after.name;
  const found = before?.kind === 'link' ? before.value : null;
  let cause = `interface "${after.name}" is gone`;
  if (found !== null) {
    const lost =
      found.master === after.value.master
        ? ''
        : `is ${found.master === null ? 'no port of anything' : `a port of "${found.master}"`} instead of "${String(after.value.master)}"`;
    const isDown = after.value.up && !found.up ? 'is down' : '';
    cause = `interface "${after.name}" ${lost || isDown || 'has other settings than the file wants'}`;
  }
  const severs = found === null || !found.up || found.master !== after.value.master;
  return {
    code: 'link',
    severity: severs ? 'error' : 'warning',
    fails: severs ? 'who comes in by this interface reaches nothing' : 'packets may be lost on this interface',
    whom: each === undefined ? 'clients' : `clients of "${code}"`,
    cause,
    // The doctor's client has a cable of its own: a port that is gone takes nothing from it.
    explains:
      severs && isBridge
        ? [...OF_DOMAIN.map((what) => `sign ${what} ${code}`), ...livesOn(after.name), 'no-client *', 'daemon-down *']
        : [...livesOn(after.name), ...(each?.names.fastd === after.name ? [`daemon-down fastd-${code}`] : [])],
  };
}

function livesOn(device: string): string[] {
  return [
    `address ${device} *`,
    `sysctl net/ipv6/conf/${device}/*`,
    `batman ${device}`,
    `wireguard ${device}`,
    `forwarding ${device} *`,
  ];
}

function addressEffect({ domains }: Gateway, { name, value }: ItemOf<'address'>): Effect {
  const each = domains.find(({ names }) => names.bridge === value.device);
  const family = value.address.includes(':') ? 6 : 4;
  const signs = OF_DOMAIN.filter((what) =>
    /[46]$/.test(what) ? what.endsWith(String(family)) : ownFamily(what) !== 10 - family,
  );
  return {
    code: 'address',
    severity: 'error',
    fails: `nothing of the gateway is reached over IPv${family}`,
    whom: each === undefined ? 'routers' : `clients of "${each.domain.code}"`,
    cause: `the address ${value.address} of interface "${value.device}" was taken away (${name})`,
    explains: [
      ...signs.map((what) => `sign ${what} ${each?.domain.code ?? ''}`),
      'daemon-down *',
      // The kernel takes routes along whose source the address was.
      ...(each === undefined ? [] : [`route ${family} ${CLIENT_TABLE} ${each.domain[`prefix${family}`]}`]),
    ],
  };
}

/** Family that a sign without a number is of; 0: of both. */
function ownFamily(what: string): 0 | 4 | 6 {
  if (/^(?:lease|option|pool)/.test(what)) return 4;
  return /^(?:adverti|slaac|rdnss|default)/.test(what) ? 6 : 0;
}

function directoryEffect({ name }: ItemOf<'directory'>): Effect {
  return {
    code: 'directory',
    severity: 'warning',
    fails: 'daemons cannot write what they keep there',
    whom: 'the host',
    cause: `the folder ${name} is gone, or its rights or its owner were changed`,
    explains: [`file ${name}/*`],
  };
}

function batmanEffect({ domains, host }: Gateway, after: ItemOf<'batman'>, before: Item | null): Effect {
  const each: GatewayDomain | undefined = domains.find(({ names }) => names.batman === after.name);
  const whom = `routers of "${each?.domain.code ?? ''}"`;
  const found = before?.kind === 'batman' ? before.value : null;
  const explains: string[] = [];
  if (found !== null && found.gatewayMode !== 'server' && !host.draining) {
    const cause = `gw_mode of "${after.name}" is "${found.gatewayMode}" instead of "server": routers send a client's request for an address to a gateway alone, and none is announced`;
    return {
      code: 'gateway-mode',
      severity: 'error',
      fails: 'no client behind a router gets an address',
      whom,
      cause,
      explains,
    };
  }
  if (found !== null && found.gatewayMode === 'server' && (found.down === 0 || found.up === 0)) {
    const cause = `"${after.name}" announces a bandwidth of ${found.down}/${found.up} kbit/s, which no router chooses`;
    return {
      code: 'gateway-bandwidth',
      severity: 'error',
      fails: 'no client behind a router gets an address',
      whom,
      cause,
      explains,
    };
  }
  const cause =
    found === null
      ? `"${after.name}" is no interface of batman-adv`
      : `settings of batman-adv on "${after.name}" were changed`;
  return {
    code: 'batman',
    severity: found === null ? 'error' : 'warning',
    fails: 'the mesh is not as routers expect it',
    whom,
    cause,
    explains,
  };
}

function tunnelEffect(
  { domains }: Gateway,
  key: string,
  { value }: ItemOf<'forwarding'> | ItemOf<'wireguard'>,
): Effect {
  const device = 'device' in value ? value.device : key.slice('wireguard '.length);
  const each = domains.find(({ names }) => names.vxlan === device || names.wireguard === device);
  const cause =
    'device' in value
      ? `VXLAN "${device}" does not know where ${value.destination} is`
      : `keys, port or peers of "${device}" are others than the file's`;
  return {
    code: 'tunnel',
    severity: 'error',
    fails: 'routers do not get into the mesh',
    whom: `routers of "${each?.domain.code ?? ''}"`,
    cause,
    explains: [],
  };
}

function sysctlEffect({ name, value }: ItemOf<'sysctl'>, before: Item | null): Effect | null {
  const found = before?.kind === 'sysctl' ? before.value.value : 'missing';
  const cause = `${name.replaceAll('/', '.')} is ${found} instead of ${value.value}`;
  if (name === 'net/ipv4/ip_forward' || name === 'net/ipv6/conf/all/forwarding') {
    const family = name.includes('ipv4') ? 4 : 6;
    return {
      code: 'forwarding-off',
      severity: 'error',
      fails: `clients do not get out over IPv${family}`,
      whom: 'clients',
      cause: `the kernel does not forward: ${cause}`,
      explains: [
        `sign beyond${family} *`,
        `sign wide${family} *`,
        `no-route IPv${family}`,
        ...(family === 6 ? ['sign advertisement *', 'sign slaac *'] : []),
      ],
    };
  }
  if (name.endsWith('/rp_filter'))
    return {
      code: 'reverse-path',
      severity: 'error',
      fails: 'answers from the world are dropped',
      whom: 'clients',
      cause,
      explains: ['sign beyond4 *', 'sign wide4 *'],
    };
  if (name.endsWith('/accept_ra'))
    return {
      code: 'accept-ra',
      severity: 'warning',
      fails: 'the host loses its own way out over IPv6, or takes one from a client',
      whom: 'the host',
      cause,
      explains: [],
    };
  if (name.includes('conntrack') || name.includes('gc_thresh'))
    return {
      code: 'table-size',
      severity: 'warning',
      fails: 'the kernel remembers fewer connections or neighbours than clients need',
      whom: 'clients',
      cause,
      explains: [],
    };
  return null;
}

function routeEffect({ name, kind, value }: ItemOf<'route'> | ItemOf<'rule'>, before: Item | null): Effect {
  const what =
    kind === 'rule'
      ? `the rule that sends packets from "${value.iif}" to the clients' own routes`
      : `the clients' route "${name}"`;
  const isGuard = kind === 'route' && value.type === 'unreachable';
  return {
    code: 'policy-route',
    severity: 'error',
    fails: isGuard
      ? "clients' packets take the host's own way out when the exit is gone"
      : `clients do not get out over IPv${value.family}`,
    whom: isGuard ? 'the operator' : 'clients',
    cause: `${what} ${before === null ? 'is gone' : 'leads elsewhere than the file wants'}`,
    explains: isGuard
      ? []
      : [
          `sign beyond${value.family} *`,
          `sign wide${value.family} *`,
          `no-route IPv${value.family}`,
          `route-elsewhere IPv${value.family}`,
        ],
  };
}
