/** Lets routers into the tunnels that run, and out of them, without disturbing those of others. */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { APPROVED, type Gateway, type RouterEntry, wireguardLinkLocal } from '@kith/gateway';
import { Answer } from '../answer.ts';
import { changeForwarding } from '../apply/change/routing.ts';
import { must } from '../command.ts';
import { fastdStatus } from '../tunnels/fastd-status.ts';

type Router = Pick<RouterEntry, 'kind' | 'key' | 'domain'>;

/** What the broker asks of the tunnels; once more does no harm. */
export interface Tunnels {
  admit(router: Router): Promise<void>;
  expel(router: Router): Promise<void>;
  /** Keys of those who are let in, whether they are there or not. */
  admitted(): Promise<ReadonlySet<string>>;
  /** Keys of those who have a tunnel now. */
  connected(): Promise<string[]>;
}

/** Seconds after which WireGuard's routers, which send something every 25, have shaken hands anew. */
const FRESH = 180;
/** Where frames go that nobody knows the place of. */
const ANYWHERE = '00:00:00:00:00:00';
/** More than the routers of a domain and all clients behind them. */
const MOST_ENTRIES = 100_000;

/** @returns the tunnels of a gateway that is applied in the network namespace of this process */
export function tunnelsOf(gateway: Gateway): Tunnels {
  return {
    admit: (router) => (router.kind === 'fastd' ? approve(gateway, router) : addPeer(gateway, router)),
    expel: (router) => (router.kind === 'fastd' ? disapprove(gateway, router) : removePeer(gateway, router)),
    admitted: async () => new Set([...approvedKeys(gateway), ...(await peersOf(gateway))]),
    connected: async () => (await Promise.all([overFastd(gateway), overWireGuard(gateway)])).flat(),
  };
}

function approvedFile({ host }: Gateway, { key }: Router): string {
  return join(host.folders.state, APPROVED, key);
}

/** fastd looks there when it is greeted by a key that no file of its own names. */
async function approve(gateway: Gateway, router: Router): Promise<void> {
  mkdirSync(join(gateway.host.folders.state, APPROVED), { recursive: true, mode: 0o755 });
  writeFileSync(approvedFile(gateway, router), '');
}

/** Its session ends when its keys do, an hour after they were made at the latest. */
async function disapprove(gateway: Gateway, router: Router): Promise<void> {
  rmSync(approvedFile(gateway, router), { force: true });
}

async function addPeer(gateway: Gateway, { key, domain }: Router): Promise<void> {
  const place = placeOf(gateway, domain, key);
  if (place === null) return;
  const { wireguard, forwarding } = place;
  await must(['wg', 'set', wireguard, 'peer', key, 'allowed-ips', `${forwarding.destination}/128`]);
  await changeForwarding(null, forwarding);
}

async function removePeer(gateway: Gateway, { key, domain }: Router): Promise<void> {
  const place = placeOf(gateway, domain, key);
  if (place === null) return;
  await must(['wg', 'set', place.wireguard, 'peer', key, 'remove']);
  await changeForwarding(place.forwarding, null);
}

/** Null in a domain that is no more, or that the file itself lets the router into. */
function placeOf(gateway: Gateway, code: string, key: string) {
  const each = gateway.domains.find(({ domain }) => domain.code === code);
  if (each === undefined || each.wireguard === null) return null;
  if (gateway.settings.vpn.wireguard?.peers.includes(key) === true) return null;
  const { wireguard, vxlan } = each.names;
  return { wireguard, forwarding: { device: vxlan, mac: ANYWHERE, destination: wireguardLinkLocal(key) } };
}

function approvedKeys({ host }: Gateway): string[] {
  const folder = join(host.folders.state, APPROVED);
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** One look for all of them: a peer counts where frames for everybody are sent to it, too. */
async function peersOf({ domains }: Gateway): Promise<string[]> {
  const own = domains.filter(({ wireguard }) => wireguard !== null);
  const keys = await Promise.all(
    own.map(async ({ names }) => {
      const [peers, table] = await Promise.all([
        must(['wg', 'show', names.wireguard, 'peers']),
        must(['bridge', '-j', 'fdb', 'show', 'dev', names.vxlan]),
      ]);
      const flooded = floodedIn(table);
      return peers.split('\n').filter((key) => key !== '' && flooded.has(wireguardLinkLocal(key)));
    }),
  );
  return keys.flat();
}

/** Where frames go that nobody knows the place of: of `bridge -j fdb show`, iproute2 6.1. */
export function floodedIn(text: string): Set<string> {
  const entries = Answer.parse(text, '"bridge -j fdb show"').list(MOST_ENTRIES);
  const everywhere = entries.filter((entry) => entry.field('mac').text(64) === ANYWHERE);
  return new Set(everywhere.flatMap((entry) => entry.optional('dst')?.text(64) ?? []));
}

async function overFastd({ domains, host }: Gateway): Promise<string[]> {
  const sockets = domains.filter(({ fastd }) => fastd !== null).map(({ domain }) => `fastd-${domain.code}.sock`);
  const all = await Promise.all(sockets.map((name) => fastdStatus(join(host.folders.run, name))));
  return all.flatMap(({ peers }) => peers.filter(({ session }) => session !== null).map(({ key }) => key));
}

async function overWireGuard({ domains }: Gateway): Promise<string[]> {
  const devices = domains.filter(({ wireguard }) => wireguard !== null).map(({ names }) => names.wireguard);
  const texts = await Promise.all(devices.map((name) => must(['wg', 'show', name, 'latest-handshakes'])));
  return texts.flatMap((text) => freshIn(text, Date.now() / 1000));
}

/** `wg show INTERFACE latest-handshakes`: the key and seconds since 1970, apart by a tab; 0 where there was none. */
export function freshIn(text: string, now: number): string[] {
  const lines = text.split('\n').map((line) => line.split('\t'));
  return lines.filter(([, at]) => at !== undefined && Number(at) > now - FRESH).map(([key = '']) => key);
}
