/**
 * kith.yaml from a site.conf of Gluon's that a community already has, from the first ones (`fastd_mesh_vpn` at the top)
 * to those of today. What it does not say, which interfaces this machine has, is asked of the caller; what it says and
 * kith has no key for is told.
 */
import { KithError } from '@kith/core';
import { stringify } from 'yaml';
import { isLuaTable, type LuaTable, type LuaValue, readLua } from './lua.ts';

export interface SiteSource {
  /** How it is called in complaints. */
  readonly name: string;
  readonly text: string;
}

export interface Imported {
  /** A whole kith.yaml, still to be checked by reading it. */
  readonly yaml: string;
  /** Seeds by domain's code: they have to stay, or no router would find its mesh. */
  readonly seeds: Readonly<Record<string, string>>;
  /** Settings of the site that have no counterpart, as `wifi24.ap.owe_ssid`. */
  readonly unused: readonly string[];
}

/** What no site says. */
export interface ImportAnswers {
  readonly exit: string;
  /** Interfaces of clients at this machine; none where all come through routers. */
  readonly clients: readonly string[];
}

/** Takes fields out of a table and remembers which nobody asked for. */
class Taken {
  readonly #table: LuaTable;
  readonly #path: string;
  readonly #asked = new Set<string>();
  readonly #below = new Map<string, Taken>();

  constructor(table: LuaTable, path = '') {
    this.#table = table;
    this.#path = path;
  }

  #get(key: string): LuaValue | undefined {
    this.#asked.add(key);
    return this.#table.fields.get(key);
  }

  text(key: string): string | undefined {
    const value = this.#get(key);
    return typeof value === 'string' ? value : undefined;
  }

  number(key: string): number | undefined {
    const value = this.#get(key);
    return typeof value === 'number' ? value : undefined;
  }

  /** Texts of a list, or the one that stands for it. */
  texts(key: string): string[] {
    const value = this.#get(key);
    if (typeof value === 'string') return [value];
    return isLuaTable(value) ? value.list.filter((each) => typeof each === 'string') : [];
  }

  /** An empty one where there is none. */
  table(key: string): Taken {
    const value = this.#get(key);
    const below =
      this.#below.get(key) ??
      new Taken(isLuaTable(value) ? value : { list: [], fields: new Map() }, `${this.#path}${key}.`);
    this.#below.set(key, below);
    return below;
  }

  keys(): string[] {
    return [...this.#table.fields.keys()];
  }

  /** Marks as known what follows from other settings. */
  skip(...keys: readonly string[]): void {
    for (const key of keys) this.#asked.add(key);
  }

  unused(): string[] {
    const own = this.keys().filter((key) => !this.#asked.has(key));
    return [...own.map((key) => `${this.#path}${key}`), ...[...this.#below.values()].flatMap((each) => each.unused())];
  }
}

interface Peer {
  readonly name: string;
  readonly endpoint: string;
  readonly port: number;
  readonly fastd?: string;
  readonly wireguard?: string;
}

/**
 * @param domains the files of `domains/`, none for a site without
 * @throws KithError GLUON_SITE_INVALID with file and line
 */
export function importSite(site: SiteSource, domains: readonly SiteSource[], answers: ImportAnswers): Imported {
  const top = new Taken(readLua(site.text, site.name));
  const name = top.text('site_name');
  const code = top.text('site_code');
  if (name === undefined || code === undefined) {
    throw new KithError(
      'GLUON_SITE_INVALID',
      `${site.name}: "site_name" and "site_code" are missing: is it a site.conf?`,
    );
  }
  top.skip('default_domain', 'hostname_prefix');
  const parts: { code: string; fields: Taken }[] =
    domains.length === 0 ? [{ code: shortened(code), fields: top }] : domains.map((source) => domainOf(source));
  const peers = parts.flatMap(({ fields }) => peersOf(fields));
  const seeds: Record<string, string> = {};
  const written: Record<string, unknown> = {};
  for (const [place, { code: key, fields }] of parts.entries()) {
    const seed = fields.text('domain_seed');
    if (seed !== undefined) seeds[key] = seed.toLowerCase();
    written[key] = domainFields(fields, place === 0 ? answers.clients : []);
  }
  const gateway = {
    community: {
      name,
      code: shortened(code),
      country: top.text('regdom'),
      timezone: top.text('timezone'),
    },
    exit: answers.exit,
    domains: written,
    gateways: gatewaysOf(peers),
    vpn: vpnOf([top, ...parts.map(({ fields }) => fields)], peers),
    gluon: firmwareOf(top),
  };
  const unused = new Set([top, ...parts.map(({ fields }) => fields)].flatMap((taken) => taken.unused()));
  return { yaml: stringify({ gateway: pruned(gateway) }, { lineWidth: 110 }), seeds, unused: [...unused] };
}

/** Interfaces are named after it. */
function shortened(code: string): string {
  const short = code
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '')
    .replace(/^[0-9]+/, '')
    .slice(0, 10);
  return short === '' ? 'mesh' : short;
}

function domainOf(source: SiteSource): { code: string; fields: Taken } {
  const fields = new Taken(readLua(source.text, source.name));
  const names = fields.table('domain_names');
  const [code] = names.keys();
  names.skip(...names.keys());
  if (code === undefined) {
    throw new KithError('GLUON_SITE_INVALID', `${source.name}: "domain_names" is missing: is it a file of domains/?`);
  }
  return { code: shortened(code), fields };
}

function domainFields(fields: Taken, clients: readonly string[]): Record<string, unknown> {
  const next = fields.table('next_node');
  const mesh = fields.table('mesh');
  mesh.skip('vxlan');
  fields.skip('ntp_servers', 'dns', 'wifi24', 'wifi5');
  return {
    interfaces: clients.length > 0 ? clients : undefined,
    prefix4: fields.text('prefix4'),
    prefix6: fields.text('prefix6'),
    next_node: {
      name: next.texts('name')[0]?.split('.')[0],
      ip4: next.text('ip4'),
      ip6: next.text('ip6'),
      mac: next.text('mac'),
    },
    mesh: { algorithm: mesh.table('batman_adv').text('routing_algo') },
  };
}

/** Peers of all groups; old sites have `fastd_mesh_vpn` at the top. */
function peersOf(fields: Taken): Peer[] {
  const tunnels = fields.table('mesh_vpn');
  tunnels.skip('enabled');
  const fastd = [tunnels.table('fastd'), fields.table('fastd_mesh_vpn')].flatMap((each) =>
    fastdPeers(each.table('groups'), 0),
  );
  const peers = tunnels.table('wireguard').table('peers');
  const wireguard = peers.keys().flatMap((name): Peer[] => {
    const peer = peers.table(name);
    const [key, at] = [peer.text('public_key'), hostAndPort(peer.text('endpoint') ?? '')];
    return key === undefined || at === null ? [] : [{ name, wireguard: key, ...at }];
  });
  return [...fastd, ...wireguard];
}

function fastdPeers(groups: Taken, depth: number): Peer[] {
  if (depth > 8) return [];
  return groups.keys().flatMap((group) => {
    const each = groups.table(group);
    each.skip('limit');
    const peers = each.table('peers');
    const own = peers.keys().flatMap((name) => {
      const peer = peers.table(name);
      const key = peer.text('key');
      return peer.texts('remotes').flatMap((remote): Peer[] => {
        const at = hostAndPort(remote);
        return key === undefined || at === null ? [] : [{ name, fastd: key, ...at }];
      });
    });
    return [...own, ...fastdPeers(each.table('groups'), depth + 1)];
  });
}

/** `ipv4 "host" port 10000`, `192.0.2.1:10000`, `[2001:db8::1]:10000`, `host:51820`; null for anything else. */
function hostAndPort(text: string): { endpoint: string; port: number } | null {
  const match =
    /^\s*(?:ipv[46]\s+)?"?\[?([A-Za-z0-9][A-Za-z0-9.:-]*?)\]?"?\s*(?:port\s+|:\s*)(\d{1,5})\s*$/.exec(text) ?? null;
  const [endpoint, port] = [match?.[1], Number(match?.[2])];
  return endpoint === undefined || port < 1 || port > 65_535 ? null : { endpoint, port };
}

function gatewaysOf(peers: readonly Peer[]): Record<string, unknown> {
  const out: Record<string, { endpoints: string[]; fastd?: string; wireguard?: string }> = {};
  for (const { name, endpoint, fastd, wireguard } of peers) {
    const label =
      name
        .toLowerCase()
        .replace(/[^a-z0-9-]/g, '-')
        .replace(/^-+|-+$/g, '') || 'gateway';
    const entry = (out[label] ??= { endpoints: [] });
    if (!entry.endpoints.includes(endpoint) && entry.endpoints.length < 4) entry.endpoints.push(endpoint);
    if (fastd !== undefined) entry.fastd = fastd.toLowerCase();
    if (wireguard !== undefined) entry.wireguard = wireguard;
  }
  return out;
}

const METHODS: readonly string[] = ['salsa2012+umac', 'null+salsa2012+umac', 'null@l2tp', 'null'];

function vpnOf(parts: readonly Taken[], peers: readonly Peer[]): unknown {
  const fastd = parts.flatMap((each) => [each.table('mesh_vpn').table('fastd'), each.table('fastd_mesh_vpn')]);
  const wireguard = parts.map((each) => each.table('mesh_vpn').table('wireguard'));
  const port = (of: readonly Peer[]): number | undefined => of.map((each) => each.port).sort((a, b) => a - b)[0];
  const methods = fastd.map((each) => each.texts('methods')).find((list) => list.length > 0);
  for (const each of fastd) each.skip('configurable', 'enabled', 'groups');
  const over = {
    fastd: peers.filter((each) => each.fastd !== undefined),
    wireguard: peers.filter((each) => each.wireguard !== undefined),
  };
  return {
    fastd:
      over.fastd.length === 0
        ? undefined
        : {
            port: port(over.fastd),
            methods: methods?.filter((method) => METHODS.includes(method)),
            mtu: first(fastd.map((each) => each.number('mtu'))),
          },
    wireguard:
      over.wireguard.length === 0
        ? undefined
        : {
            port: port(over.wireguard),
            mtu: first(wireguard.map((each) => each.number('mtu'))),
          },
  };
}

function first<T>(values: readonly (T | undefined)[]): T | undefined {
  return values.find((value) => value !== undefined);
}

function firmwareOf(top: Taken): unknown {
  const [radio24, radio5, updater] = [top.table('wifi24'), top.table('wifi5'), top.table('autoupdater')];
  for (const radio of [radio24, radio5]) radio.skip('mesh');
  const branch = updater.text('branch');
  const of = updater.table('branches').table(branch ?? '');
  of.skip('name');
  const keys = of.texts('pubkeys');
  const [ssid24, ssid5] = [radio24, radio5].map((radio) => radio.table('ap').text('ssid'));
  return {
    radio: {
      ssid: ssid24 ?? ssid5,
      channel24: radio24.number('channel'),
      channel5: radio5.number('channel'),
    },
    branch,
    mirrors: of.texts('mirrors').map((mirror) => (mirror.startsWith('//') ? `http:${mirror}` : mirror)),
    keys,
    signatures: keys.length === 0 ? undefined : of.number('good_signatures'),
  };
}

/** Without what is undefined or empty, down to the leaves. */
function pruned(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).flatMap(([key, each]) => {
    const kept = pruned(each);
    return kept === undefined ? [] : [[key, kept]];
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
