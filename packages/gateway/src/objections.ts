/** What on this machine speaks against the file: told before anything is changed. */
import { type Prefix, prefixesOverlap } from '@kith/core';
import type { Gateway } from './derive/gateway.ts';
import type { CauseOf } from './want/list.ts';
import type { Cause } from './item.ts';

export interface HostFacts {
  readonly isRoot: boolean;
  /** Every interface with the prefixes that are on-link there; kith's own may be among them. */
  readonly interfaces: readonly { readonly name: string; readonly prefixes: readonly Prefix[] }[];
  /** Interface that the operator's own session comes in by; null where nobody is logged in from afar. */
  readonly session: string | null;
  /** Names of programs that were found. */
  readonly programs: ReadonlySet<string>;
  /** Whether the kernel has, or can load, the module. */
  readonly hasBatman: boolean;
  /** As `uname -r` says it. */
  readonly kernel: string;
}

export interface Objection {
  readonly cause: Cause;
  /** Names the thing, the value and the next step. */
  readonly message: string;
  /** Whether nothing may be changed as long as it stands; a warning otherwise. */
  readonly stops: boolean;
}

/** Debian's package for each program that may be asked for. */
const PACKAGES: Readonly<Record<string, string>> = {
  ip: 'iproute2',
  nft: 'nftables',
  dnsmasq: 'dnsmasq-base',
  chronyd: 'chrony',
  fastd: 'fastd',
  wg: 'wireguard-tools',
  batctl: 'batctl',
};

/** Everything that speaks against applying the file here, what stops it first. */
export function objectionsTo(gateway: Gateway, facts: HostFacts, causeOf: CauseOf): Objection[] {
  const all = [
    ...rights(facts, causeOf),
    ...programs(gateway, facts, causeOf),
    ...interfaces(gateway, facts, causeOf),
    ...prefixes(gateway, facts, causeOf),
    ...session(gateway, facts, causeOf),
  ];
  return [...all.filter(({ stops }) => stops), ...all.filter(({ stops }) => !stops)];
}

function rights(facts: HostFacts, causeOf: CauseOf): Objection[] {
  if (facts.isRoot) return [];
  return [
    { cause: causeOf(), stops: true, message: 'changing the network of this machine needs root: run it with sudo' },
  ];
}

/** The programs that the gateway is made with. */
export function programsOf({ domains }: Gateway): string[] {
  const some = (has: (each: Gateway['domains'][number]) => boolean): boolean => domains.some(has);
  return [
    'ip',
    'nft',
    'dnsmasq',
    'chronyd',
    ...(some(({ meshed }) => meshed) ? ['batctl'] : []),
    ...(some(({ fastd }) => fastd !== null) ? ['fastd'] : []),
    ...(some(({ wireguard }) => wireguard !== null) ? ['wg'] : []),
  ];
}

/** The one line that installs programs on Debian. */
export function programsToInstall(missing: readonly string[]): string {
  const packages = missing.map((program) => PACKAGES[program] ?? program);
  return `sudo apt-get install -y --no-install-recommends ${packages.join(' ')}`;
}

function programs(gateway: Gateway, facts: HostFacts, causeOf: CauseOf): Objection[] {
  const out: Objection[] = [];
  const missing = programsOf(gateway).filter((program) => !facts.programs.has(program));
  if (missing.length > 0) {
    out.push({
      cause: causeOf(),
      stops: true,
      message: `${missing.join(', ')} missing: ${programsToInstall(missing)}`,
    });
  }
  if (!facts.hasBatman && gateway.domains.some(({ meshed }) => meshed)) {
    const cloud = facts.kernel.includes('cloud');
    const mend = cloud
      ? 'kernels for clouds leave it out, install linux-image-amd64 and start it'
      : 'install a kernel that has it';
    out.push({ cause: causeOf('vpn'), stops: true, message: `the kernel ${facts.kernel} has no batman-adv: ${mend}` });
  }
  return out;
}

function interfaces(gateway: Gateway, facts: HostFacts, causeOf: CauseOf): Objection[] {
  const there = facts.interfaces.map(({ name }) => name);
  const object = (name: string, cause: Cause): Objection[] =>
    there.includes(name)
      ? []
      : [
          {
            cause,
            stops: true,
            message: `there is no interface "${name}" on this machine, it has ${there.join(', ')}`,
          },
        ];
  return [
    ...object(gateway.exit, causeOf('exit')),
    ...gateway.domains.flatMap(({ domain }) =>
      domain.interfaces.flatMap((name) => object(name, causeOf('domains', domain.code, 'interfaces'))),
    ),
  ];
}

function prefixes(gateway: Gateway, facts: HostFacts, causeOf: CauseOf): Objection[] {
  return gateway.domains.flatMap(({ domain, names }) =>
    (['prefix4', 'prefix6'] as const).flatMap((key) => {
      // Interfaces that become ports hand their addresses over, the bridge's own are the gateway's.
      const foreign = facts.interfaces.filter(({ name }) => name !== names.bridge && !domain.interfaces.includes(name));
      const clash = foreign
        .flatMap(({ name, prefixes: own }) => own.map((prefix) => ({ name, prefix })))
        .find(({ prefix }) => prefixesOverlap(prefix, domain[key]));
      if (clash === undefined) return [];
      const message = `${domain[key]} overlaps ${clash.prefix}, which this machine has on ${clash.name}: write another "${key}" for domain "${domain.code}"`;
      return [{ cause: causeOf('domains', domain.code, key), stops: true, message }];
    }),
  );
}

function session(gateway: Gateway, facts: HostFacts, causeOf: CauseOf): Objection[] {
  const { session: name } = facts;
  const own = gateway.domains.find(({ domain }) => name !== null && domain.interfaces.includes(name));
  if (own === undefined) return [];
  const message = `your own session comes in by "${String(name)}", which becomes a port of ${own.names.bridge}: it will break; come in another way, or have it confirmed`;
  return [{ cause: causeOf('domains', own.domain.code, 'interfaces'), stops: false, message }];
}
