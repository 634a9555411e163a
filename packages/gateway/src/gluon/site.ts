/**
 * What Gluon needs to know to build firmware for routers of this network: site.conf, a file per domain where there are
 * several, site.mk and image-customization.lua, as Gluon 2025.1 documents them. All of it follows from the same numbers
 * as the gateways, so that both sides cannot disagree.
 */
import { endpointText, fastdRemote } from '../derive/endpoint.ts';
import type { Address } from '@kith/core';
import type { Gateway, GatewayDomain } from '../derive/gateway.ts';
import { digestOf } from '../derive/hashes.ts';
import { gatewayAddress } from '../derive/pools.ts';
import type { GatewayEntry, Settings } from '../file/settings.ts';
import { luaList, type LuaTable, luaTable, luaText } from './lua.ts';

export interface GluonFile {
  /** Below the folder of the site. */
  readonly path: string;
  readonly text: string;
}

export interface GluonSite {
  readonly files: readonly GluonFile[];
  /** What the file of the gateway leaves open, without which firmware would not connect or not update. */
  readonly open: readonly { readonly path: string; readonly message: string }[];
}

/** Multicast rate of the mesh (kbit/s): the slowest rates of 802.11b would fill the air. */
const MULTICAST_RATE = 12_000;

export function gluonSite(gateway: Gateway): GluonSite {
  const { settings, domains } = gateway;
  const only = domains.length === 1 ? domains[0] : undefined;
  const site: Fields = {
    ...siteFields(settings),
    ...(only === undefined ? { default_domain: domains[0]?.domain.code } : domainFields(gateway, only)),
    ...radios(settings, only === undefined ? undefined : meshId(gateway, only)),
  };
  const files: GluonFile[] = [
    { path: 'site.conf', text: confText(luaTable(site)) },
    ...(only === undefined ? domains.map((each) => domainFile(gateway, each)) : []),
    { path: 'site.mk', text: makeText(settings, only === undefined) },
    { path: 'image-customization.lua', text: featuresText(settings) },
  ];
  return { files, open: openQuestions(gateway) };
}

type Fields = Readonly<Record<string, LuaTable | string | number | boolean | undefined>>;

function confText(table: LuaTable): string {
  return `-- Written by kith from the file of the gateways. Change it there.\n${luaText(table)}\n`;
}

function domainFile(gateway: Gateway, each: GatewayDomain): GluonFile {
  const { code, title } = each.domain;
  const radio = luaTable({ mesh: luaTable({ id: meshId(gateway, each) }) });
  const fields = {
    domain_names: luaTable({ [code]: title }),
    ...domainFields(gateway, each),
    wifi24: radio,
    wifi5: radio,
  };
  return { path: `domains/${code}.conf`, text: confText(luaTable(fields)) };
}

/** What all domains share. */
function siteFields({ community, firmware, vpn }: Settings): Fields {
  return {
    site_code: community.code,
    site_name: community.name,
    hostname_prefix: `${community.code}-`,
    timezone: community.timezone ?? 'UTC',
    regdom: community.country ?? undefined,
    autoupdater:
      firmware.mirrors.length === 0
        ? undefined
        : luaTable({
            branch: firmware.branch,
            branches: luaTable({
              [firmware.branch]: luaTable({
                name: firmware.branch,
                mirrors: luaList(firmware.mirrors),
                good_signatures: firmware.signatures,
                pubkeys: luaList(firmware.keys),
              }),
            }),
          }),
    ...(vpn.fastd === null && vpn.wireguard === null ? { mesh_vpn: luaTable({ enabled: false }) } : {}),
  };
}

/** A name that nobody takes for a network to surf in, the same for all routers of the domain. */
function meshId({ identity }: Gateway, { domain }: GatewayDomain): string {
  return `${domain.code}-${digestOf(identity.seeds[domain.code] ?? domain.code).slice(0, 8)}`;
}

/** @param id of the mesh; undefined where each domain has its own */
function radios({ firmware }: Settings, id: string | undefined): Fields {
  const radio = (channel: number): LuaTable =>
    luaTable({
      channel,
      ap: luaTable({ ssid: firmware.ssid }),
      mesh: luaTable({ id, mcast_rate: MULTICAST_RATE }),
    });
  return { wifi24: radio(firmware.channel24), wifi5: radio(firmware.channel5) };
}

/** Every gateway of the file; without a list, this host. */
function gatewaysOf({ settings, host, identity, slot }: Gateway): readonly GatewayEntry[] {
  if (settings.gateways.length === 0) {
    return [{ name: host.name, slot, endpoints: [], fastd: identity.fastd, wireguard: identity.wireguard }];
  }
  return settings.gateways.map((entry) =>
    entry.name === host.name
      ? { ...entry, fastd: entry.fastd ?? identity.fastd, wireguard: entry.wireguard ?? identity.wireguard }
      : entry,
  );
}

function domainFields(gateway: Gateway, each: GatewayDomain): Fields {
  const { domain } = each;
  const servers = gatewaysOf(gateway).map(({ slot }): Address => gatewayAddress(domain.prefix6, slot));
  const { nextNode, mesh } = domain;
  return {
    domain_seed: gateway.identity.seeds[domain.code],
    prefix4: domain.prefix4,
    prefix6: domain.prefix6,
    // Routers have no IPv4 of their own in the mesh: time and names have to be reached by IPv6.
    ntp_servers: luaList(servers),
    dns: luaTable({ servers: luaList(servers) }),
    next_node: luaTable({ name: luaList([nextNode.name]), ip4: nextNode.ip4, ip6: nextNode.ip6, mac: nextNode.mac }),
    mesh: luaTable({ vxlan: true, batman_adv: luaTable({ routing_algo: mesh.algorithm }) }),
    ...(each.meshed ? { mesh_vpn: tunnels(gateway, each) } : {}),
  };
}

function tunnels(gateway: Gateway, each: GatewayDomain): LuaTable {
  const { fastd, wireguard } = each;
  const gateways = gatewaysOf(gateway).filter(({ endpoints }) => endpoints.length > 0);
  return luaTable({
    enabled: true,
    fastd:
      fastd === null
        ? undefined
        : luaTable({
            methods: luaList(fastd.methods),
            mtu: fastd.mtu,
            groups: luaTable({
              backbone: luaTable({
                limit: 1,
                peers: luaTable(
                  Object.fromEntries(
                    gateways.flatMap(({ name, fastd: key, endpoints }) =>
                      key === null
                        ? []
                        : [
                            [
                              name,
                              luaTable({
                                key,
                                remotes: luaList(endpoints.map((at) => fastdRemote(at, fastd.boundPort))),
                              }),
                            ],
                          ],
                    ),
                  ),
                ),
              }),
            }),
          }),
    wireguard:
      wireguard === null
        ? undefined
        : luaTable({
            mtu: wireguard.mtu,
            peers: luaTable(
              Object.fromEntries(
                gateways.flatMap(({ name, wireguard: key, endpoints: [at] }) =>
                  key === null || at === undefined
                    ? []
                    : [[name, luaTable({ public_key: key, endpoint: endpointText(at, wireguard.boundPort) })]],
                ),
              ),
            ),
          }),
  });
}

function makeText({ community, firmware }: Settings, several: boolean): string {
  const lines = [
    '# Written by kith from the file of the gateways. Change it there.',
    ...(several ? ['GLUON_MULTIDOMAIN := 1'] : []),
    `DEFAULT_GLUON_RELEASE := ${firmware.release ?? "$(shell date '+%Y%m%d')"}`,
    'GLUON_RELEASE ?= $(DEFAULT_GLUON_RELEASE)',
    'GLUON_PRIORITY ?= 0',
    `GLUON_REGION ?= ${community.country === 'US' ? 'us' : 'eu'}`,
    'GLUON_LANGS ?= en de',
    'GLUON_DEPRECATED ?= upgrade',
    ...(firmware.mirrors.length > 0 ? [`GLUON_AUTOUPDATER_BRANCH ?= ${firmware.branch}`] : []),
  ];
  return `${lines.join('\n')}\n`;
}

function featuresText({ vpn, firmware }: Settings): string {
  const features = [
    ...(firmware.mirrors.length > 0 ? ['autoupdater'] : []),
    'ebtables-filter-multicast',
    'ebtables-filter-ra-dhcp',
    'ebtables-limit-arp',
    'mesh-batman-adv-15',
    ...(vpn.fastd === null ? [] : ['mesh-vpn-fastd']),
    ...(vpn.wireguard === null || vpn.fastd !== null ? [] : ['mesh-vpn-wireguard']),
    'respondd',
    'status-page',
    'web-advanced',
    'web-wizard',
  ];
  const head = '-- Written by kith from the file of the gateways. Change it there.';
  return `${head}\nfeatures({\n${features.map((feature) => `  '${feature}',\n`).join('')}})\n`;
}

function openQuestions(gateway: Gateway): GluonSite['open'] {
  const { settings, domains, identity } = gateway;
  const open: { path: string; message: string }[] = [];
  const gateways = gatewaysOf(gateway);
  for (const kind of ['fastd', 'wireguard'] as const) {
    if (settings.vpn[kind] === null) continue;
    if (!gateways.some((each) => each.endpoints.length > 0 && each[kind] !== null)) {
      open.push({
        path: 'gateways',
        message: `no gateway has both "endpoints" and a public key of ${kind}: routers would not know whom to call`,
      });
    }
  }
  for (const { domain } of domains) {
    if (identity.seeds[domain.code] === undefined) {
      open.push({ path: `domains.${domain.code}`, message: 'has no seed yet: apply once on a gateway first' });
    }
  }
  if (settings.firmware.mirrors.length === 0) {
    open.push({ path: 'gluon.mirrors', message: 'is missing: routers would never update themselves' });
  }
  return open;
}
