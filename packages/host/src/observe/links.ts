/** Interfaces as `ip -j -d link` of iproute2 6.1 lists them. */
import { type ItemOf, type LinkValue, type PortOptions } from '@kith/gateway';
import { Answer } from '../answer.ts';
import { batmanMesh } from '../batman/status.ts';
import { must } from '../command.ts';

/** An interface with what decides of what kind it is. */
export interface KernelLink {
  readonly name: string;
  /** `bridge`, `tun`, `vxlan` …; null for what is made of metal. */
  readonly kind: string | null;
  /** Settings of its kind; null where it has none. */
  readonly info: Answer | null;
  /** What makes it a port of a bridge; null for one that is none. */
  readonly port: PortOptions | null;
  readonly up: boolean;
  readonly mac: string | null;
  readonly mtu: number;
  readonly master: string | null;
}

const MOST_LINKS = 1 << 16;
const MOST_FLAGS = 64;
const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/;
const LONGEST_NAME = 64;

/** Every interface of the network namespace, by name. */
export async function listLinks(): Promise<ReadonlyMap<string, KernelLink>> {
  const argv = ['ip', '-j', '-d', 'link', 'show'];
  return new Map(parseLinks(await must(argv)).map((link) => [link.name, link]));
}

/** @throws KithError HOST_ANSWER_INVALID */
export function parseLinks(json: string): KernelLink[] {
  return Answer.parse(json, '"ip -j -d link show"').list(MOST_LINKS).map(parseLink);
}

/** Null for an interface that is not there. */
export async function linkItem(link: KernelLink | undefined): Promise<ItemOf<'link'> | null> {
  return link === undefined ? null : { kind: 'link', name: link.name, value: await valueOf(link) };
}

function parseLink(from: Answer): KernelLink {
  const info = from.optional('linkinfo');
  const slave = info?.optional('info_slave_data') ?? null;
  const ofBridge = info?.optional('info_slave_kind')?.text(LONGEST_NAME) === 'bridge';
  // Tunnels at the third layer have none, or one that is no Ethernet address.
  const ethernet = from.optional('link_type')?.text(LONGEST_NAME) === 'ether';
  return {
    name: from.field('ifname').text(LONGEST_NAME),
    kind: info?.optional('info_kind')?.text(LONGEST_NAME) ?? null,
    info: info?.optional('info_data') ?? null,
    port:
      ofBridge && slave !== null
        ? { isolated: slave.field('isolated').flag(), multicastRouter: learning(slave.field('multicast_router')) }
        : null,
    up: from
      .field('flags')
      .list(MOST_FLAGS)
      .some((flag) => flag.text(LONGEST_NAME) === 'UP'),
    mac: ethernet ? from.field('address').matching(MAC) : null,
    mtu: from.field('mtu').whole(0, 2 ** 31),
    master: from.optional('master')?.text(LONGEST_NAME) ?? null,
  };
}

function learning(from: Answer): PortOptions['multicastRouter'] {
  const value = from.whole(0, 3);
  return value === 0 || value === 1 || value === 2 ? value : 3;
}

async function valueOf({ name, kind, info, ...basics }: KernelLink): Promise<LinkValue> {
  const { up, mac, mtu, master, port } = basics;
  const common = { up, mac, mtu, master, port };
  if (kind === 'dummy' || kind === 'wireguard') return { ...common, type: kind };
  if (kind === 'batadv') return { ...common, type: kind, algorithm: (await batmanMesh(name)).algorithm };
  if (info === null) return { ...common, type: 'adopted' };
  if (kind === 'bridge')
    return { ...common, type: kind, multicastQuerier: info.field('mcast_querier').whole(0, 1) === 1 };
  if (kind === 'tun' && info.field('type').text(LONGEST_NAME) === 'tap') return { ...common, type: 'tap' };
  if (kind === 'vxlan') {
    return {
      ...common,
      type: kind,
      vni: info.field('id').whole(0, 2 ** 24),
      underlay: info.optional('link')?.text(LONGEST_NAME) ?? '',
      local: (info.optional('local6') ?? info.optional('local'))?.text(LONGEST_NAME) ?? '',
      destinationPort: info.field('port').whole(0, 0xffff),
      zeroChecksum:
        (info.optional('udp_zero_csum6_tx')?.flag() ?? false) && (info.optional('udp_zero_csum6_rx')?.flag() ?? false),
    };
  }
  return { ...common, type: 'adopted' };
}
