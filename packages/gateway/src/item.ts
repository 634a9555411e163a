/**
 * One thing on a host that the gateway wants or finds: a link, an address, a rule of the firewall, a file, a daemon. Two
 * items of the same key are the same thing; they agree when their values are equal. Values are plain data, so that they
 * survive a journal as JSON. Nothing secret is in them: they name the file a secret lies in.
 */

/** The place in the operator's file that makes an item be wanted. */
export interface Cause {
  /** Name of the file as the person gave it. */
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  /** Keys from the top down, joined by dots: `gateway.domains.main.prefix4`. A default names the key that it belongs to. */
  readonly path: string;
}

/** What a bridge is told about one of its ports. */
export interface PortOptions {
  /** Ports that are isolated do not hear each other. */
  readonly isolated: boolean;
  /** `multicast_router` of the port: 0 never sends groups there, 1 learns, 2 sends every group there, 3 for a while. */
  readonly multicastRouter: 0 | 1 | 2 | 3;
}

interface LinkBasics {
  readonly up: boolean;
  /** Null in what is wanted: as it is. An observer tells the one that is there. */
  readonly mac: string | null;
  /** Bytes of the largest packet; null likewise. */
  readonly mtu: number | null;
  /** The bridge or batman-adv interface that this link is a port of. */
  readonly master: string | null;
  /** Null where the master is no bridge. */
  readonly port: PortOptions | null;
}

/**
 * `adopted` is what kith did not make and never removes: of it only the master and whether it is up are kith's to choose. A change of `type`, or of what stands in {@link REBUILT}, needs a new link.
 */
export type LinkValue = LinkBasics &
  (
    | { readonly type: 'adopted' }
    | { readonly type: 'bridge'; readonly multicastQuerier: boolean }
    | { readonly type: 'dummy' }
    | { readonly type: 'tap' }
    | { readonly type: 'wireguard' }
    | { readonly type: 'batadv'; readonly algorithm: 'BATMAN_IV' | 'BATMAN_V' }
    | {
        readonly type: 'vxlan';
        /** 24 bits. */
        readonly vni: number;
        readonly underlay: string;
        readonly local: string;
        readonly destinationPort: number;
        /** `udp6zerocsumtx` and `udp6zerocsumrx`: Gluon's nodes send no checksum. */
        readonly zeroChecksum: boolean;
      }
  );

export interface AddressValue {
  readonly device: string;
  /** With the length of the prefix: `10.70.0.2/16`. IPv6 is set without duplicate detection, services bind at once. */
  readonly address: string;
}

export interface RouteValue {
  readonly family: 4 | 6;
  readonly table: number;
  /** A prefix or `default`. */
  readonly destination: string;
  readonly type: 'unicast' | 'unreachable';
  readonly device: string | null;
  readonly via: string | null;
  readonly metric: number;
}

export interface RuleValue {
  readonly family: 4 | 6;
  readonly priority: number;
  /** Interface that the packet came in by. */
  readonly iif: string;
  readonly action: { readonly lookup: number } | 'unreachable';
}

export interface SysctlValue {
  /** As /proc/sys shows it, without the newline. */
  readonly value: string;
}

/** A module of the kernel that has to be loaded. It stays loaded when kith leaves. */
export interface ModuleValue {
  readonly loaded: true;
}

/**
 * A table of nftables. What is compared is what `nft -j -t list table` can tell: the comments of the rules of each chain
 * in their order, among them the digest of the text, which is the comment of the only rule of a chain `version` that
 * nothing jumps to. A rule that somebody takes out is seen; what is in sets is not compared, as bans come and go.
 */
export interface TableValue {
  readonly family: 'inet';
  readonly name: string;
  /** Stands in the chain `version`: 16 hexadecimal digits. */
  readonly digest: string;
  /** Comments of the rules by chain, without the chain `version`. */
  readonly chains: Readonly<Record<string, readonly string[]>>;
}

export interface DirectoryValue {
  /** Permission bits, as in 0o700. */
  readonly mode: number;
  /** Name of the user; a daemon that gives up its rights writes into it. */
  readonly owner: string;
}

export interface FileValue {
  readonly mode: number;
  readonly content: string;
}

/** How to tell that a daemon serves. */
export type Probe =
  | { readonly type: 'dns'; readonly address: string; readonly port: number; readonly name: string }
  | { readonly type: 'ntp'; readonly address: string; readonly port: number }
  | { readonly type: 'socket'; readonly path: string }
  | { readonly type: 'running' };

export interface DaemonValue {
  /** Program first; it stays in the foreground. */
  readonly argv: readonly string[];
  readonly ready: Probe;
  /** Files it reads at its start: path → digest of the content. A change restarts it. */
  readonly reads: Readonly<Record<string, string>>;
}

/** `batctl meshif` settings. Bandwidths in kbit/s, intervals in ms. */
export interface BatmanValue {
  readonly gatewayMode: 'server' | 'off';
  readonly down: number;
  readonly up: number;
  readonly originatorInterval: number;
  readonly hopPenalty: number;
  readonly bridgeLoopAvoidance: boolean;
  readonly distributedArpTable: boolean;
  readonly multicastForceFlood: boolean;
}

export interface WireGuardPeer {
  /** Base64, as WireGuard's tools write it. */
  readonly publicKey: string;
  readonly allowed: readonly string[];
  /** Of another gateway, which is kept in touch with: `cave.freemesh.example:51820`. Where routers are is learnt from them. */
  readonly endpoint?: string;
}

/** The private key is not in it: it lies in the file `wireguard.key` of the gateway's folder. */
export interface WireGuardValue {
  readonly publicKey: string;
  readonly listenPort: number;
  readonly peers: readonly WireGuardPeer[];
}

/** An entry in the forwarding table of a VXLAN: where frames go whose destination is not known yet. */
export interface ForwardingValue {
  readonly device: string;
  readonly mac: string;
  readonly destination: string;
}

interface Values {
  readonly module: ModuleValue;
  readonly directory: DirectoryValue;
  readonly link: LinkValue;
  readonly batman: BatmanValue;
  readonly wireguard: WireGuardValue;
  readonly forwarding: ForwardingValue;
  readonly address: AddressValue;
  readonly table: TableValue;
  readonly route: RouteValue;
  readonly rule: RuleValue;
  readonly sysctl: SysctlValue;
  readonly file: FileValue;
  readonly daemon: DaemonValue;
}

export type Kind = keyof Values;

/** Kind and name: `link br-fmie`, `address br-fmie 10.70.0.2/16`, `file /var/lib/…`, `sysctl net.ipv4.ip_forward`. */
export type ItemKey = `${Kind} ${string}`;

/** The state of one thing: what stands in a journal and what an observer returns. */
export type Item = {
  readonly [K in Kind]: { readonly kind: K; readonly name: string; readonly value: Values[K] };
}[Kind];

/** The item of one kind, for emitters and appliers that know which one they handle. */
export type ItemOf<K extends Kind> = Extract<Item, { readonly kind: K }>;

export function isOfKind<K extends Kind>(item: Item, kind: K): item is ItemOf<K> {
  return item.kind === kind;
}

export function keyOf(item: { readonly kind: Kind; readonly name: string }): ItemKey {
  return `${item.kind} ${item.name}`;
}

/** Links that a change of these makes anew: the kernel takes them at creation only. */
export const REBUILT: Readonly<Partial<Record<LinkValue['type'], readonly string[]>>> = {
  vxlan: ['vni', 'underlay', 'local', 'destinationPort', 'zeroChecksum'],
  batadv: ['algorithm'],
};

/** Deep equality of plain data; a key that is undefined is a key that is missing. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [new Map(Object.entries(a)), new Map(Object.entries(b))];
  return (
    left.size === right.size && [...left].every(([key, value]) => right.has(key) && sameValue(value, right.get(key)))
  );
}

/** Whether a link has to be removed and made again to get from one value to the other. */
export function needsRebuild(before: LinkValue, after: LinkValue): boolean {
  if (before.type === 'adopted' || after.type === 'adopted') return false;
  if (before.type !== after.type) return true;
  const [left, right] = [
    new Map<string, unknown>(Object.entries(before)),
    new Map<string, unknown>(Object.entries(after)),
  ];
  return (REBUILT[after.type] ?? []).some((key) => !sameValue(left.get(key), right.get(key)));
}
