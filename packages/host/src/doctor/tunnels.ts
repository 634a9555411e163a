/** Routers' tunnels and the mesh over them, and whom the bans keep out. */
import { KithError, parsePrefix, type Prefix, prefixesOverlap } from '@kith/core';
import type { BatmanFacts, FastdFacts, Gateway, WireGuardFacts } from '@kith/gateway';
import { BANS_TABLE } from '@kith/gateway';
import { Answer } from '../answer.ts';
import { batmanStatus } from '../batman/status.ts';
import { run } from '../command.ts';
import { fastdStatus } from '../tunnels/fastd-status.ts';

const MOST_BANS = 1 << 17;
const LONGEST = 128;

export async function fastdFacts({ domains, host }: Gateway): Promise<FastdFacts[]> {
  const own = domains.filter(({ fastd }) => fastd !== null);
  return Promise.all(
    own.map(async ({ domain: { code } }): Promise<FastdFacts> => {
      const status = await orNull(fastdStatus(`${host.folders.run}/fastd-${code}.sock`));
      const established = status?.peers.filter(({ session }) => session !== null).length ?? null;
      return { domain: code, established, peers: status?.peers.length ?? null };
    }),
  );
}

/** @param now ms since 1970 */
export async function wireGuardFacts({ domains }: Gateway, now: number): Promise<WireGuardFacts[]> {
  const own = domains.filter(({ wireguard }) => wireguard !== null);
  return Promise.all(
    own.map(async ({ domain: { code }, names }): Promise<WireGuardFacts> => {
      const { stdout } = await run(['wg', 'show', names.wireguard, 'dump']);
      return { domain: code, peers: peersIn(stdout, now) };
    }),
  );
}

/** Lines of peers: key, preshared key, endpoint, allowed IPs, handshake (s since 1970), received, sent, keepalive. */
function peersIn(dump: string, now: number): WireGuardFacts['peers'] {
  const lines = dump
    .split('\n')
    .slice(1)
    .filter((line) => line !== '');
  return lines.map((line) => {
    const [publicKey = '', , , , handshake = '0', received = '0'] = line.split('\t');
    const at = Number(handshake);
    return { publicKey, handshake: at === 0 ? null : Math.max(0, now / 1000 - at), received: Number(received) };
  });
}

export async function batmanFacts({ domains }: Gateway): Promise<BatmanFacts[]> {
  const own = domains.filter(({ meshed }) => meshed);
  const found = await Promise.all(
    own.map(async ({ domain: { code }, names, macs }): Promise<BatmanFacts[]> => {
      const status = await orNull(batmanStatus(names.batman));
      if (status === null) return [];
      const ours = new Set<string>(Object.values(macs));
      const nodes = new Set(status.originators.map(({ address }) => address));
      return [
        {
          domain: code,
          neighbours: status.neighbours.map(({ address, interface: port }) => ({ address, interface: port })),
          originators: nodes.size,
          clients: status.local.length + status.remote.length,
          duplicates: [...new Set(status.remote.map(({ address }) => address))].filter((mac) => ours.has(mac)),
        },
      ];
    }),
  );
  return found.flat();
}

/** Banned addresses and prefixes that are of a domain's. */
export async function bannedClients({ domains, settings }: Gateway): Promise<string[]> {
  if (settings.bans === null) return [];
  const banned = (await Promise.all(['banned4', 'banned6'].map(elementsOf))).flat();
  const own = domains.flatMap(({ domain }) => [domain.prefix4, domain.prefix6]);
  return banned.filter((each) => own.some((prefix) => prefixesOverlap(prefix, each)));
}

async function elementsOf(set: string): Promise<Prefix[]> {
  const { code, stdout } = await run(['nft', '-j', 'list', 'set', 'inet', BANS_TABLE, set], { most: 64 << 20 });
  if (code !== 0) return [];
  const entries = Answer.parse(stdout, `nft about set ${set}`).field('nftables').list(16);
  const elements = entries.flatMap((entry) => entry.optional('set')?.optional('elem')?.list(MOST_BANS) ?? []);
  return elements.map((element) => prefixIn(element)).filter((prefix) => prefix !== null);
}

/** `"10.0.0.1"`, `{"prefix": {"addr", "len"}}`, or either as `val` of an `elem`. */
function prefixIn(element: Answer): Prefix | null {
  if (typeof element.raw() === 'string') return host(element.text(LONGEST));
  const inner = element.optional('elem')?.field('val');
  if (inner !== undefined) return prefixIn(inner);
  const prefix = element.optional('prefix');
  return prefix === null
    ? null
    : parsePrefix(`${prefix.field('addr').text(LONGEST)}/${prefix.field('len').whole(0, 128)}`);
}

function host(address: string): Prefix {
  return parsePrefix(`${address}/${address.includes(':') ? 128 : 32}`);
}

/** What cannot be asked is told by something else: a daemon that is down, a link that is missing. */
async function orNull<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof KithError) return null;
    throw error;
  }
}
