/** Files of daemons that somebody else wrote into, told by what the lines are for. */
import type { Desired } from '../desired.ts';
import type { Item, ItemOf } from '../item.ts';
import { type Effect, judgeChanges } from './drift.ts';
import type { GatewayFacts } from './facts.ts';
import type { Diagnosis } from './finding.ts';
import { signsWithout } from './services.ts';

export function judgeFiles(desired: Desired, facts: GatewayFacts, diagnosis: Diagnosis): void {
  judgeChanges(facts, diagnosis, ({ after, before }) => {
    if (after?.kind !== 'file') return null;
    const effect = fileEffect(after, before);
    return { ...effect, explains: [...effect.explains, ...readersAway(desired, facts, after.name)] };
  });
}

/** A daemon that does not serve since somebody wrote into its file is away because of that. */
function readersAway({ wanted }: Desired, { daemons }: GatewayFacts, path: string): string[] {
  return wanted.flatMap(({ item }) => {
    if (item.kind !== 'daemon' || !(path in item.value.reads)) return [];
    const isReady = daemons?.find(({ name }) => name === item.name)?.state === 'ready';
    return isReady ? [] : [`daemon-down ${item.name}`, `daemon ${item.name}`, ...signsWithout(item.name)];
  });
}

interface LineEffect {
  readonly pattern: RegExp;
  readonly fails: string;
  readonly whom: string;
  readonly signs: readonly string[];
}

/** What a line of a daemon's file is for. */
const LINES: readonly LineEffect[] = [
  {
    pattern: /^allow .*:/,
    fails: 'the time is not answered over IPv6, and routers ask over nothing else',
    whom: 'routers',
    signs: ['ntp6'],
  },
  { pattern: /^allow [\d.]+\//, fails: 'the time is not answered over IPv4', whom: 'clients', signs: ['ntp4'] },
  { pattern: /^server (?!=)/, fails: "the gateway's clock is not compared with any other", whom: 'clients', signs: [] },
  {
    pattern: /^local stratum/,
    fails: 'the time is not answered when the world is away',
    whom: 'clients',
    signs: ['ntp4', 'ntp6'],
  },
  {
    pattern: /option:mtu/,
    fails: 'large pages hang over IPv4: leases tell the wrong MTU',
    whom: 'clients',
    signs: ['option-mtu'],
  },
  {
    pattern: /option:router/,
    fails: 'clients do not know the way out over IPv4',
    whom: 'clients',
    signs: ['option-router', 'beyond4'],
  },
  {
    pattern: /option:dns-server/,
    fails: 'clients are sent elsewhere for names',
    whom: 'clients',
    signs: ['option-dns'],
  },
  {
    pattern: /option:ntp-server/,
    fails: 'clients are not told where the time is',
    whom: 'clients',
    signs: ['option-ntp'],
  },
  {
    pattern: /option6:dns-server/,
    fails: 'routers have no resolver: they take it from advertisements alone',
    whom: 'routers',
    signs: ['rdnss'],
  },
  {
    pattern: /^ra-param/,
    fails: 'advertisements tell the wrong MTU or way out',
    whom: 'clients',
    signs: ['advertised-mtu', 'default-router'],
  },
  {
    pattern: /^enable-ra|ra-stateless/,
    fails: 'no client gets an IPv6 address',
    whom: 'clients',
    signs: ['advertisement', 'slaac', 'rdnss', 'advertised-mtu', 'default-router'],
  },
  {
    pattern: /^dhcp-range/,
    fails: 'clients get wrong addresses, or none',
    whom: 'clients',
    signs: ['lease', 'pool', 'option-router'],
  },
  {
    pattern: /^(?:interface|bind|except|listen)/,
    fails: 'some clients are not served',
    whom: 'clients',
    signs: ['lease', 'advertisement', 'dns-udp4', 'dns-udp6', 'dns-tcp4', 'dns-tcp6'],
  },
  {
    pattern: /^(?:server=|no-resolv)/,
    fails: 'names of the world are asked from somebody else, or nobody',
    whom: 'clients',
    signs: ['dns-world4'],
  },
  {
    pattern: /^(?:host-record|local)=/,
    fails: 'names of the community are not found',
    whom: 'clients',
    signs: ['dns-udp4', 'dns-udp6', 'dns-tcp4', 'dns-tcp6'],
  },
  { pattern: /^peer limit/, fails: 'more or fewer routers are let in than the file says', whom: 'routers', signs: [] },
  {
    pattern: /^(?:on verify|include)/,
    fails: 'routers are turned away, or strangers let in',
    whom: 'routers',
    signs: [],
  },
  { pattern: /^(?:mtu|method) /, fails: 'routers with the right settings are turned away', whom: 'routers', signs: [] },
];

function fileEffect({ name, value }: ItemOf<'file'>, before: Item | null): Effect {
  const base = { code: 'file', severity: 'error', whom: 'clients' } as const;
  if (before?.kind !== 'file') {
    return {
      ...base,
      severity: 'warning',
      fails: 'the daemon that reads it does not start again',
      cause: `${name} is gone`,
      explains: [],
    };
  }
  const [old, now] = [linesOf(before.value.content), linesOf(value.content)];
  const lost = now.filter((line) => !old.includes(line));
  const added = old.filter((line) => !now.includes(line));
  const known = LINES.find(({ pattern }) => [...lost, ...added].some((line) => pattern.test(line)));
  const words = [
    ...(lost.length > 0 ? [`lacks ${shown(lost)}`] : []),
    ...(added.length > 0 ? [`has ${shown(added)}, which kith did not write`] : []),
  ];
  const cause = `${name} ${words.length > 0 ? words.join(' and ') : 'has other rights or another order than kith gave it'}`;
  if (known === undefined)
    return { ...base, severity: 'warning', fails: 'a daemon does not do what the file says', cause, explains: [] };
  const all = LINES.filter(({ pattern }) => [...lost, ...added].some((line) => pattern.test(line)));
  const explains = all.flatMap(({ signs }) => signs.map((sign) => `sign ${sign} *`));
  return { ...base, fails: known.fails, whom: known.whom, cause, explains };
}

function linesOf(content: string): string[] {
  return content.split('\n').filter((line) => line !== '');
}

/** The first ones, so that a person sees what it is about. */
function shown(lines: readonly string[]): string {
  const some = lines.slice(0, 2).map((line) => `"${line.slice(0, 80)}"`);
  return lines.length > some.length
    ? `${some.join(', ')} and ${lines.length - some.length} more lines`
    : some.join(' and ');
}
