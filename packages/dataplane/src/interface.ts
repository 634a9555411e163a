/**
 * Addresses, MTU and routes of the TUN interface, through iproute2.
 *
 * The MTU. A packet of n bytes travels as n padded to 16, transport header and tag (32), at worst a relay header (20),
 * UDP (8) and IPv6 (40): n may be 1500 - 100 = 1400, rounded down to 1392, where the way between members carries 1500
 * (1392 also just fits PPPoE's 1492). But nobody asks the way: members sit behind DS-Lite, mobile networks and other
 * tunnels, and a datagram that does not fit is lost without a word on many of them. So 1280 is the default, the least
 * that IPv6 allows inside: it needs 1380 outside and costs a bulk transfer 8 % more packets. Where all ways are known to
 * carry more, the configuration says so.
 */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import {
  isIPv4,
  KithError,
  parseAddress,
  prefixesOverlap,
  prefixOf,
  prefixParts,
  type Address,
  type Prefix,
} from '@kith/core';

/** MTU of the interface unless the configuration says otherwise, in bytes. */
export const DEFAULT_MTU = 1280;

/** The greatest MTU inside for ways that carry IP packets of `underlay` bytes. */
export function mtuFor(underlay: number): number {
  return Math.floor((underlay - 40 - 8 - 20 - 32) / 16) * 16;
}

export interface InterfaceSettings {
  readonly name: string;
  readonly mtu: number;
  /** Own addresses with the length of their prefix: the prefix becomes reachable through the interface. */
  readonly addresses: readonly { readonly address: Address; readonly length: number }[];
  /** Further prefixes that lead into the mesh. */
  readonly routes: readonly Prefix[];
}

/** A prefix that the machine uses already. */
export interface UsedPrefix {
  readonly interfaceName: string;
  readonly prefix: Prefix;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$/;
const RUN_LIMIT_MS = 10_000;

/** Runs `ip` and returns what it wrote. @throws KithError INTERFACE_FAILED with its answer */
function runIp(args: readonly string[], input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const what = `ip ${args.join(' ')}`;
    const child = spawn('ip', args, { stdio: 'pipe', timeout: RUN_LIMIT_MS });
    let output = '';
    let complaint = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
    child.on('error', (cause) => {
      reject(new KithError('INTERFACE_FAILED', `\`${what}\` does not start: ${cause.message}`, { cause }));
    });
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new KithError('INTERFACE_FAILED', `\`${what}\` failed (${code ?? signal}): ${complaint.trim()}`));
    });
    // A program that ended early does not read: its exit code tells why.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

function checkName(name: string): void {
  if (NAME.test(name)) return;
  throw new KithError(
    'INTERFACE_FAILED',
    `interface name ${JSON.stringify(name)} is not allowed: use up to 15 letters`,
  );
}

/** The lines for `ip -batch -` that bring an interface up. */
export function interfaceBatch(settings: InterfaceSettings): string {
  const { name } = settings;
  checkName(name);
  const lines = [`link set dev ${name} mtu ${settings.mtu} up`];
  for (const { address, length } of settings.addresses) {
    lines.push(`address replace ${address}/${length} dev ${name}${isIPv4(address) ? '' : ' nodad'}`);
  }
  for (const prefix of settings.routes) lines.push(`route replace ${prefix} dev ${name}`);
  return `${lines.join('\n')}\n`;
}

function objects(value: unknown): readonly Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'object' && item !== null) : [];
}

function prefixFrom(text: unknown, length: unknown): Prefix | null {
  if (typeof text !== 'string') return null;
  const [address, digits] = text.split('/');
  try {
    const parsed = parseAddress(address ?? '');
    const all = isIPv4(parsed) ? 32 : 128;
    return prefixOf(parsed, digits === undefined ? (typeof length === 'number' ? length : all) : Number(digits));
  } catch {
    return null; // `default` and what is no address
  }
}

/**
 * Prefixes that the machine uses, from the JSON of `ip -j addr` and `ip -j route`. Default routes, the interface
 * `except` and what is no prefix are left out.
 */
export function usedPrefixes(addresses: unknown, routes: unknown, except: string): readonly UsedPrefix[] {
  const out: UsedPrefix[] = [];
  const add = (interfaceName: unknown, prefix: Prefix | null) => {
    if (typeof interfaceName !== 'string' || interfaceName === except) return;
    if (prefix !== null && !prefix.endsWith('/0')) out.push({ interfaceName, prefix });
  };
  for (const link of objects(addresses)) {
    for (const info of objects(link['addr_info'])) add(link['ifname'], prefixFrom(info['local'], info['prefixlen']));
  }
  for (const route of objects(routes)) {
    const ways = [route, ...objects(route['nexthops'])]; // several ways: each names its interface
    for (const way of ways) add(way['dev'], prefixFrom(route['dst'], undefined));
  }
  return out;
}

/**
 * A default route overlaps nothing: it is meant to stand beside what is more specific.
 *
 * @throws KithError PREFIX_OVERLAP naming interface and prefix, where one of `wanted` overlaps one of `used`
 */
export function refuseOverlap(wanted: readonly Prefix[], used: readonly UsedPrefix[]): void {
  for (const prefix of wanted) {
    const clash = used.find((other) => prefixesOverlap(prefix, other.prefix));
    if (clash === undefined || prefix.endsWith('/0')) continue;
    throw new KithError(
      'PREFIX_OVERLAP',
      `the mesh's prefix ${prefix} overlaps ${clash.prefix} on interface ${clash.interfaceName} of this machine`,
    );
  }
}

/** What the machine uses now, apart from interface `except`. @throws KithError INTERFACE_FAILED */
export async function readUsedPrefixes(except: string): Promise<readonly UsedPrefix[]> {
  const [addresses, routes4, routes6] = await Promise.all([
    runIp(['-j', 'address', 'show'], ''),
    runIp(['-j', '-4', 'route', 'show'], ''),
    runIp(['-j', '-6', 'route', 'show'], ''),
  ]);
  const parse = (text: string): unknown => JSON.parse(text.trim() === '' ? '[]' : text);
  return usedPrefixes(parse(addresses), [...objects(parse(routes4)), ...objects(parse(routes6))], except);
}

/** Whether the interface may have IPv6: the kernel may lack it, and containers often switch it off. */
async function hasIPv6(name: string): Promise<boolean> {
  try {
    return (await readFile(`/proc/sys/net/ipv6/conf/${name}/disable_ipv6`, 'utf8')).trim() === '0';
  } catch {
    return false;
  }
}

/**
 * Brings the interface up with its addresses and routes. May be repeated. Where the machine has no IPv6 on the
 * interface, that family is left out.
 *
 * @returns whether the interface has IPv6
 * @throws KithError PREFIX_OVERLAP where the machine uses one of the prefixes elsewhere; INTERFACE_FAILED
 */
export async function configureInterface(settings: InterfaceSettings): Promise<{ readonly ipv6: boolean }> {
  checkName(settings.name);
  const ipv6 = await hasIPv6(settings.name);
  const addresses = settings.addresses.filter(({ address }) => ipv6 || isIPv4(address));
  const routes = settings.routes.filter((prefix) => ipv6 || isIPv4(prefixParts(prefix).address));
  const own = addresses.map(({ address, length }) => prefixOf(address, length));
  refuseOverlap([...own, ...routes], await readUsedPrefixes(settings.name));
  await runIp(['-batch', '-'], interfaceBatch({ ...settings, addresses, routes }));
  return { ipv6 };
}
